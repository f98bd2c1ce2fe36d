"""What has to be on the machine for the lane unit to start at boot, as a list of steps that can be shown or done."""

from __future__ import annotations

import importlib.resources
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from wire.errors import GreenlaneError
from wire.files import read_regular, replace_regular

UNITS = Path("/etc/systemd/system")
UNIT = "greenlane-lane.service"
RULES = "70-greenlane.rules"
USER = "greenlane"
LONGEST = 1 << 20
"""Bytes of a file that is there already."""
HARDWARE_WATCHDOG_S = 15
"""The longest period that the watchdog of a Raspberry Pi knows."""

_SYSUSERS = f"""# The lane unit's own user; gpio and video open the pins and the camera.
g gpio - -
u {USER} - "greenlane lane unit" /var/lib/greenlane
m {USER} gpio
m {USER} video
"""

_OF_THE_RULE = tuple(f"--subsystem-match={name}" for name in ("gpio", "video4linux", "media", "dma_heap"))
_WATCHDOG = f"[Manager]\nRuntimeWatchdogSec={HARDWARE_WATCHDOG_S}\n"


class InstallError(GreenlaneError):
    """A step of the installation cannot be done; says which and why."""


@dataclass(frozen=True, slots=True)
class WriteFile:
    """A file with its text. keep: what is there already is the owner's and stays. group: the file's group."""

    path: Path
    text: str
    mode: int = 0o644
    keep: bool = False
    group: str | None = None


@dataclass(frozen=True, slots=True)
class SetLine:
    """One NAME=VALUE in a file whose other lines are the owner's."""

    path: Path
    name: str
    value: str


@dataclass(frozen=True, slots=True)
class RemoveFile:
    """A file that an installation wrote; one that is not there is done already."""

    path: Path


@dataclass(frozen=True, slots=True)
class RunProgram:
    """A program to run. on_root: it also works on another root folder, with --root=DIR."""

    words: tuple[str, ...]
    why: str
    on_root: bool


Step = WriteFile | SetLine | RemoveFile | RunProgram


@dataclass(frozen=True, slots=True)
class Options:
    """What the caller chose: the greenlane program, the settings file and what else is wanted."""

    program: Path
    config: Path
    example: str
    hardware_watchdog: bool
    start: bool


def unit_text(program: Path, config: Path) -> str:
    """The systemd unit for that program and settings file. Raises InstallError for a path that systemd cannot take."""
    return filled(UNIT, program=program, config=config)


def filled(name: str, **paths: Path) -> str:
    """A unit of this package with its {paths} filled in. Raises InstallError for one that systemd cannot take."""
    text = _template(name)
    for word, path in paths.items():
        text = text.replace(f"{{{word}}}", plain_path(path))
    return text


def plain_path(path: Path) -> str:
    """The path as it may stand in a unit. Raises InstallError for one that systemd cannot take."""
    if not path.is_absolute() or any(c.isspace() or c in "%\"'\\$" for c in str(path)):
        raise InstallError(f"{path}: the boot service needs an absolute path without blanks, quotes, $ and %")
    return str(path)


def _template(name: str) -> str:
    return importlib.resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


def steps(options: Options) -> tuple[Step, ...]:
    """Everything to do, in order; doing it twice changes nothing."""
    found: list[Step] = [
        WriteFile(Path("/etc/sysusers.d/greenlane.conf"), _SYSUSERS),
        RunProgram(("systemd-sysusers", "greenlane.conf"), "make the user and its groups", True),
        WriteFile(Path("/etc/udev/rules.d") / RULES, _template(RULES)),
        WriteFile(options.config, options.example, mode=0o640, keep=True, group=USER),
        WriteFile(UNITS / UNIT, unit_text(options.program, options.config)),
    ]
    if options.hardware_watchdog:
        found.append(WriteFile(Path("/etc/systemd/system.conf.d/greenlane-watchdog.conf"), _WATCHDOG))
    found.append(RunProgram(("udevadm", "control", "--reload"), "take the rule for the pins", False))
    found.append(RunProgram(("udevadm", "trigger", *_OF_THE_RULE), "apply it to the devices that are there", False))
    found.append(RunProgram(("udevadm", "settle"), "wait until it is applied", False))
    found.append(RunProgram(("systemctl", "daemon-reload"), "take the new unit", False))
    found.append(RunProgram(("systemctl", "enable", UNIT), "start it at every boot", True))
    if options.start:
        found.append(RunProgram(("systemctl", "restart", UNIT), "start it now", False))
    return tuple(found)


def removal(plan: Sequence[Step], root: Path) -> tuple[Step, ...]:
    """What takes an installation by this plan back below root: its boot services and files; what is the owner's stays.

    Raises InstallError where none of its files is there.
    """
    written = [step.path for step in plan if isinstance(step, WriteFile) and not step.keep]
    there = [path for path in written if (root / path.relative_to("/")).exists()]
    if not there:
        raise InstallError(f"nothing to take away: {written[0]} is not there")
    units = [path.name for path in there if path.parent == UNITS]
    found: list[Step] = []
    if units:
        found.append(RunProgram(("systemctl", "stop", *units), "stop it", False))
        found.append(RunProgram(("systemctl", "disable", *units), "do not start it at boot any more", True))
    found.extend(map(RemoveFile, there))
    found.append(RunProgram(("systemctl", "daemon-reload"), "forget the unit", False))
    if Path("/etc/udev/rules.d") / RULES in there:
        found.append(RunProgram(("udevadm", "control", "--reload"), "forget the rule for the pins", False))
    return tuple(found)


def describe(plan: Sequence[Step]) -> Iterator[str]:
    """The plan as text, files with their whole content."""
    for step in plan:
        if isinstance(step, WriteFile):
            place = f"{step.path} where there is none yet" if step.keep else str(step.path)
            owner = f"root:{step.group}" if step.group else "root:root"
            yield f"# write {place} (mode {step.mode:04o}, {owner})"
            yield from (f"    {line}" if line else "" for line in step.text.splitlines())
        elif isinstance(step, SetLine):
            yield f"# set in {step.path}"
            yield f"    {step.name}={step.value}"
        elif isinstance(step, RemoveFile):
            yield f"# remove {step.path}"
        else:
            yield f"# {step.why}"
            yield f"    {' '.join(step.words)}"


def carry_out(plan: Sequence[Step], root: Path) -> Iterator[str]:
    """Do the plan below root ("/" is this machine) and yield one line per step. Raises InstallError."""
    for step in plan:
        if isinstance(step, RunProgram):
            yield _run(step, root)
            continue
        target = root / step.path.relative_to("/")
        try:
            word = _change(step, target, root)
        except (PermissionError, LookupError) as error:
            raise InstallError(f"{target}: {error}; run it as root, or with --root DIR") from error
        except OSError as error:
            raise InstallError(f"{target}: {error.strerror}; then run it again") from error
        yield f"{word:10} {step.path}"


def _change(step: WriteFile | SetLine | RemoveFile, target: Path, root: Path) -> str:
    """What was done, in a word. Raises OSError, LookupError."""
    if isinstance(step, WriteFile):
        return _write(step, target, root)
    if isinstance(step, SetLine):
        return _set(step, target)
    target.unlink(missing_ok=True)
    return "removed"


def _write(step: WriteFile, target: Path, root: Path) -> str:
    """What was done, in a word. Raises OSError, LookupError."""
    if target.exists() and step.keep:
        return "kept"
    if target.exists() and read_regular(target, LONGEST) == step.text.encode():
        return "unchanged"
    word = "updated" if target.exists() else "wrote"
    target.parent.mkdir(parents=True, exist_ok=True)
    replace_regular(target, step.text.encode(), step.mode)
    target.chmod(step.mode)
    if step.group and root == Path("/"):
        shutil.chown(target, group=step.group)
    return word


def _set(step: SetLine, target: Path) -> str:
    """Change the line, or add it; owner and mode stay. Raises OSError."""
    wanted, before = f"{step.name}={step.value}", read_regular(target, LONGEST).decode("utf-8", "surrogateescape")
    lines = before.removesuffix("\n").split("\n")
    places = [i for i, line in enumerate(lines) if line.partition("=")[0].strip() == step.name]
    for place in places:
        lines[place] = wanted
    text = "\n".join(lines if places else [*lines, wanted]) + "\n"
    if text == before:
        return "unchanged"
    replace_regular(target, text.encode("utf-8", "surrogateescape"))
    return "updated"


def _run(step: RunProgram, root: Path) -> str:
    words = list(step.words)
    if root != Path("/"):
        if not step.on_root:
            return f"skipped    {' '.join(words)} (not on this machine)"
        words.insert(1, f"--root={root}")
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise InstallError(f"{words[0]}: {error}; installing needs a system with systemd") from error
    if done.returncode != 0:
        raise InstallError(f"{' '.join(words)}: {(done.stderr or done.stdout).strip() or f'exit {done.returncode}'}")
    return f"done       {' '.join(words)}"
