"""Which of SQLite's errors say that the file itself is damaged."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from wire.damage import is_damage


def said_of(path: Path, statement: str = "select count(*) from cards") -> sqlite3.Error:
    with closing(sqlite3.connect(path)) as opened:
        try:
            opened.execute(statement)
        except sqlite3.Error as error:
            return error
    raise AssertionError("nothing is wrong with it")


def test_a_spoilt_page_and_a_file_of_something_else_are_damage_and_a_wrong_statement_is_none(tmp_path: Path) -> None:
    books, text = tmp_path / "books.sqlite3", tmp_path / "letter.txt"
    with closing(sqlite3.connect(books)) as made, made:
        made.execute("create table cards (name text)")
        made.executemany("insert into cards values (?)", [("C" * 500,)] * 100)
    text.write_text("Dear all, " * 1000)
    assert not is_damage(said_of(books, "select nothing"))
    content = bytearray(books.read_bytes())
    content[4096:8192] = bytes(4096)
    books.write_bytes(content)
    assert [is_damage(said_of(path)) for path in (books, text)] == [True, True]
    assert not is_damage(OSError(11, "try again"))
