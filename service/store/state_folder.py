"""Where the service keeps its database when nobody says otherwise."""

from __future__ import annotations

import os
from pathlib import Path

from service.errors import Unavailable
from wire.files import read_regular

INSTALLED = Path("/etc/greenlane/service.env")
LONGEST = 1 << 20


def chosen_url(given: str | None) -> str:
    """What an option names, if it was given: an empty one, as of a script's unset variable, means no other books."""
    return default_url() if given is None else given


def default_url() -> str:
    """$GREENLANE_DATABASE, else that of the installed service, else an SQLite file in the state directory."""
    named = os.environ.get("GREENLANE_DATABASE") or _installed()
    return named or f"sqlite:///{state_folder() / 'service.sqlite3'}"


def _installed() -> str:
    """What `greenlane install service` wrote for its unit, so that operators' commands meet the same books."""
    try:
        text = read_regular(INSTALLED, LONGEST).decode("utf-8", "surrogateescape")
    except PermissionError:
        raise Unavailable(
            f"{INSTALLED} names the installed service's database and may not be read: "
            "run this as its user (sudo -u greenlane-service greenlane ...), or name another database"
        ) from None
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except OSError as error:  # other books than the installed service's would be worse than none
        raise Unavailable(f"{INSTALLED}: {error.strerror}; it names the installed service's database") from None
    lines = (line.strip().partition("=") for line in text.split("\n"))
    named = [value.strip() for name, _, value in lines if name.strip() == "GREENLANE_DATABASE"]
    return _unquoted(named[-1]) if named else ""


def _unquoted(value: str) -> str:
    """As systemd reads it."""
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"" else value


def state_folder() -> Path:
    """The state directory, made if need be: $STATE_DIRECTORY (systemd), $XDG_STATE_HOME/greenlane, ~/.local/state."""
    state = os.environ.get("STATE_DIRECTORY", "").split(":")[0]
    home = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    folder = Path(state) if state else Path(home) / "greenlane"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise Unavailable(f"state directory {folder}: {error.strerror}") from None
    return folder
