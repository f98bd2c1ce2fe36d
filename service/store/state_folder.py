"""Where the service keeps its database when nobody says otherwise."""

from __future__ import annotations

import os
from pathlib import Path

from service.errors import Unavailable


def default_url() -> str:
    """$GREENLANE_DATABASE, else an SQLite file in the state directory."""
    return os.environ.get("GREENLANE_DATABASE") or f"sqlite:///{state_folder() / 'service.sqlite3'}"


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
