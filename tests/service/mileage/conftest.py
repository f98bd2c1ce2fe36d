"""`greenlane admin ...` as an operator types it, on a real database file."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest

from greenlane.cli import main

Admin = Callable[..., Any]


@pytest.fixture
def admin(database_url: str) -> Admin:
    """Runs a command; the parsed JSON where --json is given, else what was printed; stderr where it must fail."""

    def run(*words: str | Path, fails: bool = False, stdin: str = "") -> Any:
        out, err = io.StringIO(), io.StringIO()
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
            patch.setattr("sys.stdin", io.StringIO(stdin))
            status = main(["admin", "--database", database_url, *map(str, words)])
        assert (status != 0) == fails, err.getvalue()
        if "--json" in words and out.getvalue():
            return json.loads(out.getvalue())
        return err.getvalue() if fails else out.getvalue()

    return run
