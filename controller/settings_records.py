"""Every setting of a lane: its section, type, default, bounds and one line of description.

The records here are the single source: the file parser, the example file and the documentation's test read them.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

from controller.records import Region

LONGEST_TEXT = 500
"""Characters of a setting's text that no message carries."""


def setting(
    default: Any,
    text: str,
    low: float | None = None,
    high: float | None = None,
    choices: tuple[str, ...] = (),
    longest: int = LONGEST_TEXT,
) -> Any:
    """A dataclass field with its description, and its bounds (inclusive), its choices or a text's most characters."""
    facts = {"text": text, "low": low, "high": high, "choices": choices, "longest": longest}
    return field(default=default, metadata=facts)


@dataclass(frozen=True, slots=True)
class LaneSettings:
    """[lane]: who this lane is, and how long it waits."""

    station: str = setting("station-1", "name of the station, as the balance service knows it", longest=40)
    name: str = setting("lane-1", "name of this lane, unique in the station", longest=40)
    role: str = setting(
        "pump",
        "where its camera looks: at a pump, or at the station's entrance to ask ahead",
        choices=("pump", "entry"),
    )
    zone: str = setting(
        "", "time zone of the station, such as Asia/Shanghai, for times in lists; empty: this machine's"
    )
    read_timeout_s: float = setting(6.0, "a vehicle whose plate is not certain after this long gets red", 1.0, 60.0)
    reask_first_s: float = setting(1.0, "wait before a failed question is asked again; doubles each time", 0.2, 60.0)
    reask_longest_s: float = setting(15.0, "longest wait between two questions", 1.0, 600.0)
    refusal_retry_s: float = setting(
        30.0, "wait before asking again about a refused vehicle that is still there", 5.0, 3600.0
    )
    authorisation_longest_s: float = setting(300.0, "an answer that holds for longer is cut to this", 10.0, 7200.0)
    renew_before_s: float = setting(45.0, "an authorisation is renewed this long before it expires", 2.0, 600.0)
    idle_tick_s: float = setting(0.1, "longest pause between two rounds of the loop", 0.01, 0.5)


@dataclass(frozen=True, slots=True)
class CameraSettings:
    """[camera]: where the pictures come from."""

    kind: str = setting("v4l2", "kind of camera", choices=("v4l2", "rtsp", "http", "picamera2", "file", "fake"))
    source: str = setting("/dev/video0", "device, address or file of the camera")
    loop: bool = setting(False, "a recorded file starts again at its end: for demonstrations")
    width_px: int = setting(1280, "width of the pictures to ask the camera for", 160, 4096)
    height_px: int = setting(720, "height of the pictures to ask the camera for", 120, 4096)
    fps: float = setting(15.0, "pictures per second to ask the camera for", 1.0, 60.0)
    region: tuple[float, ...] = setting(
        (0.0, 0.0, 1.0, 1.0), "this lane's part of the picture: left, top, right, bottom as shares", 0.0, 1.0
    )
    max_age_s: float = setting(1.0, "an older picture does not count: red", 0.2, 10.0)
    frozen_after_s: float = setting(
        5.0, "pictures without the sensor's noise for this long do not count: the camera is frozen", 1.0, 60.0
    )
    grace_s: float = setting(0.6, "green stays on this long after the last good picture", 0.0, 3.0)
    reconnect_longest_s: float = setting(10.0, "longest pause before a lost camera is opened again", 0.5, 120.0)

    @property
    def area(self) -> Region:
        return Region(*self.region)

    @property
    def live(self) -> bool:
        """Whether a sensor makes the pictures, so that two are never the same."""
        return self.kind not in ("file", "fake")

    @property
    def compressed(self) -> bool:
        """Whether pictures come through a video codec, which leaves out what hardly changes."""
        return self.kind in ("rtsp", "http")


@dataclass(frozen=True, slots=True)
class ReaderSettings:
    """[reader]: the plate reader."""

    engine: str = setting("opencv", "what runs the networks", choices=("opencv", "onnxruntime", "easyocr"))
    threads: int = setting(1, "processor threads of the reader", 1, 16)
    easyocr_models: str = setting("", "folder of EasyOCR's own models for that engine; empty: greenlane's weights")


@dataclass(frozen=True, slots=True)
class TriggerSettings:
    """[trigger]: when a picture is worth reading."""

    presence_share: float = setting(
        0.06, "something is there when this share of the region differs from the empty lane", 0.005, 0.9
    )
    vehicle_share: float = setting(0.15, "it is as large as a vehicle when this share differs", 0.01, 0.95)
    motion_share: float = setting(0.03, "something moves when this share differs from the picture before", 0.002, 0.5)
    upheaval_share: float = setting(
        0.15, "another vehicle may have come when this share moves: its plate is looked for", 0.02, 0.9
    )
    empty_after_s: float = setting(0.4, "the vehicle is gone when the lane has looked empty for this long", 0.1, 10.0)
    standing_after_s: float = setting(
        1.5, "something large that stands still for this long is a vehicle, with or without a plate", 0.3, 20.0
    )
    read_every_s: float = setting(0.12, "pause between reads until a vehicle is decided", 0.0, 5.0)
    check_every_s: float = setting(2.0, "pause between checks of a decided vehicle that stands still", 0.2, 30.0)
    glance_every_s: float = setting(5.0, "pause between checks of an empty lane without change", 0.5, 600.0)
    confirm_within_s: float = setting(
        4.0, "after a large movement the plate must be seen again within this time, otherwise red", 0.5, 60.0
    )
    forget_after_s: float = setting(
        20.0,
        "the vehicle is gone when, after a large movement, no plate is seen for this long and nothing moves",
        2.0,
        600.0,
    )
    absorb_after_s: float = setting(
        600.0, "an object without a plate that stands for this long becomes part of the empty lane", 30.0, 86400.0
    )


@dataclass(frozen=True, slots=True)
class VoteSettings:
    """[vote]: how sure the lane must be."""

    reads: int = setting(3, "pictures that must agree on the whole plate", 2, 20)
    weakest_character: float = setting(0.95, "lowest combined probability of the weakest character", 0.5, 0.9999)
    province: float = setting(0.95, "lowest combined probability of the province character", 0.5, 0.9999)
    lead: float = setting(2.0, "the plate must have this many times the evidence of the next best", 1.0, 100.0)
    agreement: float = setting(0.6, "share of the evidence that must agree on the whole plate", 0.5, 1.0)
    width_px: float = setting(60.0, "narrower plates are not accepted (73 px give characters of 15 px)", 20.0, 1000.0)
    detection: float = setting(0.3, "lowest confidence of the detector", 0.0, 1.0)


@dataclass(frozen=True, slots=True)
class LampSettings:
    """[lamp]: red and green at the pump."""

    kind: str = setting("gpio", "kind of lamp", choices=("gpio", "fake"))
    pins: str = setting("lgpio", "pin library", choices=("lgpio", "mock", "rpigpio", "pigpio", "native"))
    red_pin: int = setting(17, "GPIO number of the red light (BCM numbering)", 0, 53)
    green_pin: int = setting(27, "GPIO number of the green light (BCM numbering)", 0, 53)
    active_high: bool = setting(True, "a high pin lights the lamp")
    red_rests_lit: bool = setting(False, "red is wired to the closed contact of its relay: lit without power")
    lease_s: float = setting(1.0, "green that is not renewed for this long turns red by itself", 0.2, 5.0)


@dataclass(frozen=True, slots=True)
class ServiceSettings:
    """[service]: the balance service."""

    url: str = setting("http://127.0.0.1:8080", "address of the balance service or of the station")
    key_file: str = setting("", "private key of this device, for signed requests; empty: unsigned")
    ca_file: str = setting("", "certificates to trust instead of the public ones; empty: the public ones")
    deadline_s: float = setting(3.0, "one question is answered within this or counts as unanswered", 0.2, 30.0)
    ask_early: bool = setting(
        True, "ask at the first good read of a plate that an entry camera has read; green waits for the vote"
    )
    report: bool = setting(True, "report to the station's pages what the lane does, with a small picture per visit")


@dataclass(frozen=True, slots=True)
class DispenserSettings:
    """[dispenser]: nozzle, pulser and permit relay."""

    kind: str = setting("none", "kind of dispenser", choices=("none", "gpio", "simulated"))
    name: str = setting("dispenser-1", "name of the dispenser, unique for ever in the balance service", longest=40)
    product: str = setting("92", "fuel product, as the price list names it", longest=20)
    unit_price_fen_per_l: int = setting(800, "price until the service has sent one", 0, 100_000)
    nozzle_pin: int = setting(22, "GPIO number of the nozzle switch (BCM numbering)", 0, 53)
    pulser_pin: int = setting(23, "GPIO number of the pulser (BCM numbering)", 0, 53)
    permit_pin: int = setting(-1, "GPIO number of the permit relay; -1 where none is wired", -1, 53)
    pulses_per_litre: float = setting(100.0, "pulses for one litre, as the meter's plate says", 0.01, 100_000.0)
    debounce_s: float = setting(0.05, "the nozzle switch must be stable for this long", 0.0, 1.0)
    fastest_l_per_min: float = setting(200.0, "a faster flow is flagged as impossible", 1.0, 2000.0)
    customer_litres: float = setting(
        1.0, "a simulated customer lifts the nozzle after green and takes this much; 0: nobody lifts it", 0.0, 1000.0
    )
    noise_ml: int = setting(100, "pulses of less than this in 10 s with the nozzle hung are noise, not flow", 0, 5000)


@dataclass(frozen=True, slots=True)
class TraceSettings:
    """[trace]: what is kept on disk."""

    state_dir: str = setting("/var/lib/greenlane", "folder of traces, outbox and meter")
    keep_hours: float = setting(72.0, "pictures of a visit are deleted after this", 1.0, 72.0)
    keep_days: float = setting(90.0, "records of a visit without its pictures are deleted after this", 1.0, 3650.0)
    max_mb: int = setting(500, "the oldest pictures are deleted when traces grow beyond this", 10, 100_000)
    pictures: int = setting(3, "pictures kept per visit", 0, 10)


@dataclass(frozen=True, slots=True)
class LogSettings:
    """[log]: what is written to the journal."""

    level: str = setting("info", "lowest level that is logged", choices=("debug", "info", "warning", "error"))


@dataclass(frozen=True, slots=True)
class MetricsSettings:
    """[metrics]: what Prometheus can read from this lane."""

    listen: str = setting("", "address of /metrics and /healthz, such as 127.0.0.1:9108; empty: none")


@dataclass(frozen=True, slots=True)
class Settings:
    """All sections of lane.toml."""

    lane: LaneSettings = field(default_factory=LaneSettings)
    camera: CameraSettings = field(default_factory=CameraSettings)
    reader: ReaderSettings = field(default_factory=ReaderSettings)
    trigger: TriggerSettings = field(default_factory=TriggerSettings)
    vote: VoteSettings = field(default_factory=VoteSettings)
    lamp: LampSettings = field(default_factory=LampSettings)
    service: ServiceSettings = field(default_factory=ServiceSettings)
    dispenser: DispenserSettings = field(default_factory=DispenserSettings)
    trace: TraceSettings = field(default_factory=TraceSettings)
    log: LogSettings = field(default_factory=LogSettings)
    metrics: MetricsSettings = field(default_factory=MetricsSettings)


@dataclass(frozen=True, slots=True)
class SettingFact:
    """One row of the settings table, for the example file and the documentation."""

    section: str
    key: str
    default: Any
    text: str
    low: float | None
    high: float | None
    choices: tuple[str, ...]
    longest: int


def table() -> tuple[SettingFact, ...]:
    """Every setting in file order."""
    defaults = Settings()
    return tuple(
        SettingFact(section.name, f.name, getattr(getattr(defaults, section.name), f.name), **_facts(f.metadata))
        for section in fields(Settings)
        for f in fields(getattr(defaults, section.name))
    )


def _facts(metadata: Any) -> dict[str, Any]:
    return {key: metadata[key] for key in ("text", "low", "high", "choices", "longest")}
