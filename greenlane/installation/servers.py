"""What has to be on a machine for the balance service or a station's central control to start at boot."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from greenlane.installation.plan import UNITS, RunProgram, SetLine, Step, WriteFile, filled, plain_path

BACKUPS = Path("/var/backups/greenlane")


@dataclass(frozen=True, slots=True)
class Server:
    """One of the two: its units in the order of their start, its settings and the folders beside its state folder."""

    name: str
    about: str
    settings: str
    units: tuple[str, ...]
    enabled: tuple[str, ...]
    folders: tuple[Path, ...] = ()

    @property
    def user(self) -> str:
        return f"greenlane-{self.name}"

    @property
    def state(self) -> Path:
        return Path("/var/lib") / self.user

    @property
    def config(self) -> Path:
        return Path("/etc/greenlane") / f"{self.name}.env"


SERVICE = Server(
    "service",
    "greenlane balance service",
    f"""# Where the books are. Operators' commands read it here too: sudo -u greenlane-service greenlane admin ...
GREENLANE_DATABASE=sqlite:////var/lib/greenlane-service/service.sqlite3
# Options of `greenlane service`, see greenlane service --help. Lanes on other machines need an address, TLS and a name:
#   --listen 0.0.0.0:8443 --tls-cert FILE --tls-key FILE --host-name books.example:8443
GREENLANE_OPTIONS=--listen 127.0.0.1:8080
# Where greenlane-backup.timer puts a copy every night, and how many are kept. Another disk is better:
#   greenlane install service --backup DIR
GREENLANE_BACKUP={BACKUPS}
GREENLANE_BACKUP_KEEP=14
""",
    ("greenlane-service.service", "greenlane-backup.service", "greenlane-backup.timer"),
    ("greenlane-service.service", "greenlane-backup.timer"),
    (BACKUPS,),
)
STATION = Server(
    "station",
    "greenlane station control",
    """# The balance service that this station's questions go on to.
GREENLANE_UPSTREAM=https://books.example
# Options of `greenlane station`, see greenlane station --help. The address is that of the station's own network.
GREENLANE_OPTIONS=--listen 127.0.0.1:8081
""",
    ("greenlane-station.service",),
    ("greenlane-station.service",),
)
_FOLDER = """# By greenlane install service --backup: where the copies go; a disk that is not there fails the backup.
[Unit]
RequiresMountsFor={folder}
[Service]
ReadWritePaths={folder}
"""
SERVERS = {server.name: server for server in (SERVICE, STATION)}


def steps(server: Server, program: Path, start: bool, backup: Path | None = None) -> tuple[Step, ...]:
    """Everything to do, in order; doing it twice changes nothing. Raises InstallError.

    backup: another folder for the service's copies, which its unit may then write.
    """
    if backup is not None:
        server = replace(server, folders=(Path(plain_path(backup)),))
    return tuple(_steps(server, program, start, backup))


def _steps(server: Server, program: Path, start: bool, backup: Path | None) -> Iterator[Step]:
    users, folders = f"greenlane-{server.name}.conf", f"greenlane-{server.name}.conf"
    yield WriteFile(Path("/etc/sysusers.d") / users, f'u {server.user} - "{server.about}" {server.state}\n')
    yield RunProgram(("systemd-sysusers", users), "make the user", True)
    owned = "".join(f"d {folder} 0700 {server.user} {server.user} -\n" for folder in (server.state, *server.folders))
    yield WriteFile(Path("/etc/tmpfiles.d") / folders, owned)
    yield RunProgram(("systemd-tmpfiles", "--create", folders), "make its folders", True)
    yield WriteFile(server.config, server.settings, mode=0o640, keep=True, group=server.user)
    for unit in server.units:
        yield WriteFile(UNITS / unit, filled(unit, program=program))
    if backup is not None:
        yield SetLine(server.config, "GREENLANE_BACKUP", str(backup))
        yield WriteFile(UNITS / "greenlane-backup.service.d/folder.conf", _FOLDER.format(folder=backup))
    yield RunProgram(("systemctl", "daemon-reload"), "take the new units", False)
    yield RunProgram(("systemctl", "enable", *server.enabled), "start them at every boot", True)
    if start:
        yield RunProgram(("systemctl", "restart", *server.enabled), "start them now", False)
