"""Every training command is a module with arguments and a run."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest

from models.training.__main__ import COMMANDS, main


@pytest.mark.parametrize("name", COMMANDS)
def test_commands_can_be_asked_for_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    module = COMMANDS[name][0]
    try:
        import_module(module)
    except ModuleNotFoundError as error:
        pytest.skip(f"{name} needs {error.name}")
    with pytest.raises(SystemExit) as end:
        main([name, "--help"])
    assert end.value.code == 0
    assert f"models.training {name}" in capsys.readouterr().out


def test_an_unknown_command_lists_the_choices(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["recognizer"])
    assert "recogniser" in capsys.readouterr().err


def test_glyphs_names_the_fonts_that_are_missing_before_it_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "crops.csv").write_text("file,plate,source\n", encoding="utf-8")
    (tmp_path / "fonts").mkdir()
    (tmp_path / "fonts" / "wqy-zenhei.ttc").touch()
    monkeypatch.setenv("GREENLANE_DATA", str(tmp_path))
    store = tmp_path / "glyphs.npz"
    assert main(["glyphs", "--fonts", str(tmp_path / "fonts"), "--out", str(store)]) == 1
    (line,) = capsys.readouterr().out.splitlines()
    assert "NotoSansCJK-Bold.ttc" in line
    assert "wqy-zenhei.ttc" not in line
    assert "apt-get install fonts-noto-cjk" in line
    assert not store.exists()
