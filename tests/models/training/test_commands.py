"""Every training command is a module with arguments and a run."""

from __future__ import annotations

from importlib import import_module

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
