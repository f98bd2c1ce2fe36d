"""The checks of `greenlane doctor`, each a function that returns what it found and never raises."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import greenlane
from controller import settings as settings_file
from controller.checks import Check, Severity
from controller.clock import FIRST_SANE_YEAR, SystemClock
from controller.errors import SettingsError
from controller.records import LampColour, Region
from controller.settings_records import Settings
from controller.watching.moved_view import find_mark
from greenlane.cli.doctor.service import service_checks
from greenlane.cli.options import LANE_SETTINGS, escaped
from greenlane.installation.plan import UNIT
from wire.errors import GreenlaneError
from wire.reasons import Reason

if TYPE_CHECKING:
    from hardware.cameras import CameraFacts

OK, WARN, FAIL = Severity.OK, Severity.WARN, Severity.FAIL

FREE_WARN_MB, FREE_FAIL_MB = 1000, 100
SLOWEST_FPS = 5.0
PARKED_SHOWN = 5
NOZZLE_LOOK_S = 0.3
NOZZLE_ADVICE = "hang it up; if it hangs already, its switch, the seat or the wire is at fault: no vehicle gets green"
OLDEST_PYTHON = (3, 11)


def all_checks(config: Path | None) -> tuple[Check, ...]:
    """Every check in the order in which a lane depends on them. config: None for the installed unit's settings."""
    settings, read = check_settings(config)
    if read.verdict is FAIL:
        return (check_python(), check_opencv(), read, *_unchecked(), check_clock(), check_unit())
    running = _unit_state() == "active"
    found = [check_python(), check_opencv(), check_weights(settings), read]
    if running:
        found.append(Check("camera, pins, lamp", OK, f"held by the running {UNIT}; its log: journalctl -u {UNIT}"))
        found.append(check_lane())
    elif settings.lane.role == "entry":
        found += [check_camera(settings), Check("role", OK, "entry camera: asks ahead, has neither lamp nor dispenser")]
    else:
        found += [check_camera(settings), check_pins(settings), *check_nozzle(settings)]
    found += [
        check_disk(settings),
        check_state(settings),
        check_view(settings),
        check_clock(),
        *service_checks(settings),
        check_outbox(settings),
        check_damage(settings),
        check_unit(),
    ]
    return tuple(found)


def _unchecked() -> Iterator[Check]:
    """What hangs on the settings while these cannot be read: the defaults would be another lane's."""
    lane, service = (
        ("weights", "camera", "lamp", "disk", "state folder", "camera's view"),
        ("balance service", "questions", "outbox", "state file"),
    )
    for name in (*lane, *service):
        yield Check(name, WARN, "not checked: the settings cannot be read", "correct the settings first")


def lamp_red(config: Path | None) -> None:
    """Drive the lamp to red. Raises GreenlaneError, for unreadable settings once the defaults' pins were driven."""
    settings, read = check_settings(config)
    try:
        if settings.lamp.kind == "gpio" and settings.lane.role != "entry":
            _drive_red(settings)
    finally:
        if read.verdict is FAIL:
            raise SettingsError(read.found)


def _drive_red(settings: Settings) -> None:
    from greenlane import wiring
    from hardware.pins import open_pin_factory

    with (
        closing(open_pin_factory(settings.lamp.pins)) as pins,
        closing(wiring.lamp_of(settings.lamp, pins, SystemClock())) as lamp,
    ):
        lamp.show(LampColour.RED)


def check_python() -> Check:
    found = f"Python {platform.python_version()}, greenlane {greenlane.__version__}, {platform.machine()}"
    if sys.version_info[:2] < OLDEST_PYTHON:
        return Check("python", FAIL, found, "install Python 3.11 or newer")
    return Check("python", OK, found)


def check_opencv() -> Check:
    try:
        import cv2
    except ImportError as error:
        advice = f"sudo apt install libgl1 libglib2.0-0; if that is not it, {sys.prefix}/bin/pip install opencv-python"
        return Check("opencv", FAIL, str(error), advice)
    found = f"OpenCV {cv2.__version__}"
    packages = {d.metadata["Name"].lower() for d in importlib.metadata.distributions() if d.metadata["Name"]}
    rivals = sorted(packages & {"opencv-python", "opencv-python-headless", "opencv-contrib-python"})
    if len(rivals) > 1:
        return Check("opencv", WARN, found, f"{' and '.join(rivals)} overwrite each other: keep one")
    if "FFMPEG:                      YES" not in cv2.getBuildInformation():
        return Check("opencv", WARN, f"{found} without FFmpeg", "streams and clips need OpenCV's own wheel from PyPI")
    return Check("opencv", OK, found)


def check_weights(settings: Settings) -> Check:
    from greenlane import wiring

    began = time.perf_counter()
    try:
        reader = wiring.reader_of(settings.reader)
    except GreenlaneError as error:
        return Check("weights", FAIL, str(error), "install greenlane afresh, or the engine that [reader] names")
    return Check("weights", OK, f"{reader.name}, checked and loaded in {time.perf_counter() - began:.2f} s")


def check_settings(config: Path | None) -> tuple[Settings, Check]:
    """The settings that count, the defaults where the file is no use; config: None where nobody named a file."""
    path = config or LANE_SETTINGS
    if not path.exists():
        return Settings(), _missing(path, named=config is not None)
    try:
        return settings_file.load(path), Check("settings", OK, str(path))
    except GreenlaneError as error:
        return Settings(), Check("settings", FAIL, str(error), "correct that line; the lane does not start like this")


def _missing(path: Path, named: bool) -> Check:
    """A machine that is not set up yet has no settings; a file that somebody names has to be there."""
    if named:
        advice = "name the lane's settings with --config, or run greenlane install, which makes them"
        return Check("settings", FAIL, f"there is no file {path}", advice)
    return Check("settings", WARN, f"no file {path}: the defaults count", "run greenlane install")


def check_camera(settings: Settings) -> Check:
    camera = settings.camera
    name = f"{camera.kind} camera"
    try:
        facts = _probe_camera(settings)
    except GreenlaneError as error:
        return Check("camera", FAIL, f"{name}: {error}", _camera_advice(camera.kind))
    found = f"{camera.kind} camera {facts.name}: {facts.width_px}x{facts.height_px}, {facts.fps:.1f} frames/s"
    if not camera.live:
        return Check("camera", WARN, found, "this is not a live camera: set kind and source of [camera]")
    found += f", frames {1000 * max(facts.oldest_s, 0):.0f} ms old"
    if facts.oldest_s > camera.max_age_s:
        return Check("camera", FAIL, found, "the stream lags: take its low-latency profile, or a lower resolution")
    if facts.fps < SLOWEST_FPS:
        return Check("camera", WARN, found, f"fewer than {SLOWEST_FPS:.0f} frames/s: a vehicle is read late")
    return Check("camera", OK, found)


def _probe_camera(settings: Settings) -> CameraFacts:
    """Some frames of the camera; a live one is given time to connect. Raises the first reason why it could not."""
    import cv2

    from greenlane import wiring
    from hardware.cameras import probe

    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    clock = SystemClock()
    with closing(wiring.camera_of(settings.camera, clock, paced=False)) as opened:
        return probe(opened, clock)


def _camera_advice(kind: str) -> str:
    if kind in ("rtsp", "http"):
        return "check the address of [camera], its user and password, and that the network reaches it"
    return "check the cable and [camera] source; ls /dev/video*; is this user in the group video?"


def check_pins(settings: Settings) -> Check:
    from greenlane import wiring
    from hardware.pins import describe, open_pin_factory

    lamp = settings.lamp
    if lamp.kind != "gpio":
        return Check("lamp", WARN, f"a {lamp.kind} lamp", "no light will be seen: set kind of [lamp] to gpio")
    try:
        with closing(open_pin_factory(lamp.pins)) as pins, closing(wiring.lamp_of(lamp, pins, SystemClock())) as lights:
            lights.show(LampColour.RED)
            facts = describe(pins)
    except GreenlaneError as error:
        return Check("lamp", FAIL, str(error), "see docs/technician.md; on a desk set pins of [lamp] to mock")
    chip = "" if facts.chip is None else f" chip {facts.chip}"
    found = f"{facts.library}{chip} on {facts.board}, red on pin {lamp.red_pin}, green on pin {lamp.green_pin}"
    if lamp.pins == "mock":
        return Check("lamp", WARN, found, "mock pins light nothing: set pins of [lamp] to lgpio")
    if facts.outputs_persist:
        advice = "put dtparam=strict_gpiod into /boot/firmware/config.txt: pins of a dead process stay green without it"
        return Check("lamp", FAIL, found, advice)
    if not lamp.red_rests_lit:
        advice = "at a pump, wire red to the closed contact of its relay: see wiring.md, then red_rests_lit of [lamp]"
        return Check("lamp", WARN, f"{found}; dark without power", advice)
    return Check("lamp", OK, found)


def check_nozzle(settings: Settings) -> tuple[Check, ...]:
    """Whether the nozzle's switch says that it hangs, as it must while nobody refuels; nothing without wires."""
    from greenlane import wiring
    from hardware.pins import open_pin_factory

    if settings.dispenser.kind != "gpio":
        return ()
    clock = SystemClock()
    try:
        with closing(open_pin_factory(settings.lamp.pins)) as pins:
            dispenser = wiring.dispenser_of(settings.dispenser, pins, clock)
            assert dispenser is not None
            with closing(dispenser):
                before = dispenser.poll().pulses
                clock.sleep(max(NOZZLE_LOOK_S, 2 * settings.dispenser.debounce_s))
                reading = dispenser.poll()
    except GreenlaneError as error:
        return (Check("nozzle, pulser", FAIL, str(error), "see docs/technician.md and deploy/wiring.md"),)
    pin = settings.dispenser.nozzle_pin
    if reading.nozzle_lifted:
        return (Check("nozzle, pulser", WARN, f"lifted, says the switch on pin {pin}", NOZZLE_ADVICE),)
    if reading.pulses > before:
        found = f"{reading.pulses - before} pulses in {NOZZLE_LOOK_S:g} s although the nozzle is hung"
        return (Check("nozzle, pulser", WARN, found, "look for a loose or unshielded wire of the pulser"),)
    return (Check("nozzle, pulser", OK, f"hung, says the switch on pin {pin}; no stray pulses"),)


def check_lane() -> Check:
    """What the running lane says of itself."""
    status_text = _output("systemctl", "show", UNIT, "-p", "StatusText", "--value")
    if status_text.endswith(f"red: {Reason.NOZZLE_LIFTED}"):
        return Check("lane", WARN, status_text, NOZZLE_ADVICE)
    return Check("lane", OK, status_text or "says nothing yet")


def check_disk(settings: Settings) -> Check:
    folder = _nearest(Path(settings.trace.state_dir))
    free_mb = shutil.disk_usage(folder).free // 10**6
    found = f"{free_mb} MB free at {folder}"
    if free_mb < FREE_FAIL_MB:
        return Check("disk", FAIL, found, "make room: fuellings can't be kept any more")
    if free_mb < FREE_WARN_MB:
        return Check("disk", WARN, found, "make room, or lower max_mb of [trace]")
    return Check("disk", OK, found)


def _nearest(folder: Path) -> Path:
    """The folder itself, or the nearest one above it that is there."""
    return next(p for p in (folder, *folder.absolute().parents) if p.exists())


def check_state(settings: Settings) -> Check:
    folder = Path(settings.trace.state_dir)
    if not folder.is_dir():
        return Check("state folder", WARN, f"{folder} is not there yet", "run greenlane install; its service makes it")
    if os.statvfs(folder).f_flag & os.ST_RDONLY:
        advice = "mount it for writing; where it became so by itself the card or disk is failing: dmesg tells"
        return Check("state folder", FAIL, f"{folder} is on a file system that can only be read", advice)
    if not os.access(folder, os.W_OK):
        return Check("state folder", FAIL, f"{folder} cannot be written", "run doctor as root or as the lane's user")
    return Check("state folder", OK, str(folder))


def check_view(settings: Settings) -> Check:
    """Whether the camera was calibrated, which leaves it a region, and whether the lane noticed that it was moved."""
    moved = find_mark(Path(settings.trace.state_dir))
    if moved is None and settings.camera.area == Region():
        found = "not calibrated: the region is the whole picture"
        return Check("camera's view", WARN, found, "let a vehicle stand where drivers stop and run greenlane calibrate")
    if moved is None:
        return Check("camera's view", OK, "where it was calibrated, as far as the lane noticed")
    found = f"moved since {moved.at}: what it sees lies {moved}"
    return Check(
        "camera's view", WARN, found, "turn the camera back or run greenlane calibrate, which ends this warning"
    )


def check_clock() -> Check:
    now = SystemClock().now()
    found = f"{now:%Y-%m-%d %H:%M:%S} UTC"
    if now.year < FIRST_SANE_YEAR:
        return Check("clock", FAIL, found, "the clock is not set: connect a time server, or set it by hand")
    synchronised = _output("timedatectl", "show", "-p", "NTPSynchronized", "--value")
    if synchronised == "yes":
        return Check("clock", OK, f"{found}, kept by a time server")
    return Check("clock", WARN, found, "no time server keeps this clock: systemctl enable --now systemd-timesyncd")


def check_outbox(settings: Settings) -> Check:
    from controller.outbound.outbox import Outbox
    from controller.outbound.statefile import StateCorrupt, StateFile, StateUse
    from greenlane import wiring

    path = Path(settings.trace.state_dir) / wiring.STATE_FILE
    if not path.exists():
        return Check("outbox", OK, "nothing was sent yet")
    clock = SystemClock()
    try:
        with closing(StateFile(path, clock, use=StateUse.READ)) as state:
            outbox = Outbox(state, clock)
            waiting, parked = outbox.waiting(), outbox.parked()
    except StateCorrupt as error:
        return Check(
            "outbox", FAIL, str(error), f"systemctl restart {UNIT}; see 'A damaged state file' in docs/operator.md"
        )
    except GreenlaneError as error:
        return Check("outbox", FAIL, str(error), "run doctor as root or as the lane's user; see docs/operator.md")
    if parked:
        shown = escaped("; ".join(f"{m.kind} {m.key}: {m.reason}" for m in parked[:PARKED_SHOWN]))
        advice = f"the service refused them, an operator has to look (docs/operator.md): {shown}"
        return Check("outbox", FAIL, f"{len(parked)} messages parked, {len(waiting)} waiting", advice)
    if waiting:
        return Check(
            "outbox", WARN, f"{len(waiting)} messages wait for the service", "they go out when it answers again"
        )
    return Check("outbox", OK, "nothing waits, nothing is parked")


def check_damage(settings: Settings) -> Check:
    """Whether a state file was damaged once: what could be read of it was taken over, the rest may be missing."""
    from controller.outbound.rescue import damaged_copies
    from greenlane import wiring

    copies = damaged_copies(Path(settings.trace.state_dir) / wiring.STATE_FILE)
    if not copies:
        return Check("state file", OK, "there is no damaged copy")
    found = f"{len(copies)} damaged, fuellings may be missing: {', '.join(c.name for c in copies[:PARKED_SHOWN])}"
    advice = f"see 'A damaged state file' in docs/operator.md, then move it out of {settings.trace.state_dir}"
    return Check("state file", WARN, found, advice)


def check_unit() -> Check:
    state = _unit_state()
    if state == "active":
        watchdog = _output("systemctl", "show", UNIT, "-p", "WatchdogUSec", "--value")
        return Check("boot service", OK, f"{UNIT} runs, watched every {watchdog or '?'}")
    if state is None:
        return Check("boot service", WARN, "no systemd on this machine", "nothing restarts the lane by itself")
    enabled = _output("systemctl", "is-enabled", UNIT)
    if enabled == "enabled":
        return Check("boot service", WARN, f"{UNIT} is {state}", f"systemctl start {UNIT}; journalctl -u {UNIT}")
    return Check("boot service", WARN, f"{UNIT} is not installed", "run greenlane install")


def _unit_state() -> str | None:
    """active, inactive, failed...; None without systemd."""
    return _output("systemctl", "is-active", UNIT) or None


def _output(*words: str) -> str:
    """The first line a program prints, empty when it is missing or hangs."""
    run: Callable[..., subprocess.CompletedProcess[str]] = subprocess.run
    try:
        done = run(list(words), capture_output=True, text=True, timeout=5, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip().partition("\n")[0]
