"""What the commands find and do is said in Chinese to who reads Chinese: every sentence, not its heads alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from controller.checks import columns
from controller.clock import ManualClock
from controller.outbound.outbox import Outbox
from controller.outbound.statefile import StateFile
from controller.traces.recorder import TraceRecorder
from controller.traces.store import TraceStore
from controller.worker import InlineWorker
from greenlane import cli, language
from greenlane.wiring import STATE_FILE
from hardware.jpeg import encode_jpeg
from tests.controller.visits import (
    CERTAIN,
    PLATE,
    START,
    PlayedVisit,
    allowed,
    fuelling,
    green_visit,
    plate_read,
    refused_visit,
)
from wire.flags import LaneFlag
from wire.reasons import Reason, Verdict

SENTENCE = re.compile(r"[A-Za-z][a-z']+(?: [a-z][a-z']+)+")
"""Two English words behind each other; names, codes and commands stand alone or between backquotes."""

TYPED = re.compile(r"`[^`]*`|greenlane [a-z-]+( [a-z-]+)?|plate bind|sqlite:\S+|/\S+|[a-z_]+=\S+|[A-Z]+")
"""What a person types, where files lie, and the trail's fields with their codes."""

ADMIN = (
    "station set S1 --title 北环站",
    "station show S1",
    "station list",
    "price set S1 92 7.90",
    "price list S1",
    "card create C1 --name 王 --whole-balance",
    "plate bind 粤B12345 C1",
    "card create C2",
    "plate bind 粤B12345 C2 --yes",
    "plate bind 粤B12345 C1",
    "plate show 粤B12345",
    "plate list",
    "plate block 粤B12345",
    "plate release 粤B12345 --why 试",
    "top-up C1 500 --key k1",
    "top-up C1 500 --key k1",
    "refund C1 900",
    "card show C1",
    "card list",
    "card preset C1 300",
    "card preset C1 station",
    "offline card C1 station",
    "statement C1",
    "statement C9",
    "reconcile S1 2026-05-04",
    "rejected",
    "suspense",
    "audit",
    "enrol --kind lane --station S1 --lane L1",
    "device list",
    "device revoke d-x",
    "person list",
    "trail",
    "offline station S1 200",
    "offline list S1",
    "offline visits",
    "phone add 陈 --wallet 300",
    "phone list",
    "phone revoke 陈",
    "phone pay-by 陈 wallet",
    "phone top-up 陈 20",
    "phone top-up 李 20",
    "payer set 粤B12345 陈 --hours 8-16",
    "payer gap 粤B12345 0-8 refuse",
    "payer owner 粤B12345 陈",
    "payer show 粤B12345",
    "payer at 粤B12345 2026-05-04T09:00:00+08:00",
    "payer not-me 粤B12345 陈",
    "payer unset 粤B12345 陈 --hours 8-16",
    "charge list",
    "charge settle x",
    "payment list",
    "payment check 粤B12345",
    "vehicle set 粤B12345 --tank 400",
    "vehicle list",
    "fleet add 蓝队",
    "fleet plate 蓝队 粤B12345",
    "fleet list",
    "place add 外站 --at=22.5,114.0",
    "place list",
    "places 粤B12345",
    "exceptions",
    "consumption 粤B12345",
    "shift list",
    "typed",
    "phone erase 陈 --yes",
)


@pytest.fixture(autouse=True)
def _english_again() -> Iterator[None]:
    yield
    language.speak(language.ENGLISH)


def english_in(text: str) -> list[str]:
    return SENTENCE.findall(TYPED.sub("", text))


@pytest.mark.slow
def test_admin_says_everything_in_chinese(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    database = f"sqlite:///{tmp_path / 'books.sqlite3'}"
    found = {}
    for command in ADMIN:
        cli.main(["--lang", "zh", "admin", "--database", database, *command.split()])
        said = "".join(capsys.readouterr())
        assert said, command
        found[command] = english_in(said)
    assert not {command: words for command, words in found.items() if words}


def test_odometer_rows_are_counted_and_refused_in_chinese(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    database = ["--lang", "zh", "admin", "--database", f"sqlite:///{tmp_path / 'books.sqlite3'}"]
    cli.main([*database, "station", "set", "S1"])
    rows = tmp_path / "odometer.csv"
    rows.write_text("at,odometer_km\n2026-05-04T08:00:00+08:00,1000\n2026-05-05T08:00:00,1100\nyesterday,abc\n")
    capsys.readouterr()
    assert cli.main([*database, "odometer", "import", "粤B12345", str(rows)]) == 1
    out, err = capsys.readouterr()
    assert out == "粤B12345：共 3 行，新增 1，已有 0，有误 2\n"
    assert err.count("odometer.csv，第 ") == 2
    assert not english_in(err)


def test_outbox_lists_in_chinese(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clock = ManualClock(datetime(2026, 1, 5, 8, 0, tzinfo=UTC))
    with StateFile(tmp_path / STATE_FILE, clock) as state:
        Outbox(state, clock).put("fuelling", "D1-7", {})
    assert cli.main(["--lang", "zh", "outbox", "list", "--state", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert "待上传 1 条" in said
    assert "加油 D1-7" in said
    assert not english_in(said)
    assert cli.main(["--lang", "zh", "outbox", "retry", "7", "--why", "x", "--state", str(tmp_path)]) == 1
    assert "不是待人工处理记录" in capsys.readouterr().err


@pytest.fixture
def traces(tmp_path: Path) -> Path:
    """Of a green visit, one whose question nobody answered, and one in which nothing was read."""
    listener = TraceRecorder(TraceStore(tmp_path, ManualClock(START)), InlineWorker(), encode_jpeg, 3, "reader")
    green_visit(listener, visit="lane-1-a")
    silent = PlayedVisit(listener, "lane-1-b").opened().read(0.3, plate_read()).voted(0.3, CERTAIN).asked(0.4)
    silent.answered(0.5, None, Reason.SERVICE_SILENT, "no connection: [Errno 111] Connection refused")
    silent.closed(9, PLATE, Verdict.REFUSE, Reason.SERVICE_SILENT)
    PlayedVisit(listener, "lane-1-c").opened().read(0.3).closed(9, None, Verdict.REFUSE, Reason.NO_PLATE)
    return tmp_path


def test_explain_names_reasons_and_flags_in_chinese_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """They stood there as codes: unknown_plate, power_cut."""
    listener = TraceRecorder(TraceStore(tmp_path, ManualClock(START)), InlineWorker(), encode_jpeg, 3, "reader")
    refused_visit(listener, Reason.UNKNOWN_PLATE, visit="lane-1-a")
    played = PlayedVisit(listener, "lane-1-b").opened().read(0.3, plate_read()).voted(0.3, CERTAIN).asked(0.4)
    played.answered(0.5, allowed(played.visit), Reason.OK)
    flagged = replace(fuelling("lane-1-b"), flags=(LaneFlag.POWER_CUT, LaneFlag.STRAY_PULSES))
    listener.fuelling_started("lane-1-b", played.start_s + 10)
    listener.fuelling_ended("lane-1-b", flagged, played.start_s + 40)
    played.closed(45, PLATE, Verdict.ALLOW, Reason.OK)
    shown = ""
    for words in (["lane-1-a"], ["lane-1-b"], ["--list"]):
        assert cli.main(["--lang", "zh", "explain", *words, "--traces", str(tmp_path)]) == 0
        shown += capsys.readouterr().out
    assert "被拒绝：车牌未绑定油卡\n" in shown
    assert "放行，最多 200.00 元\n" in shown
    assert "（加油时断电、没有提枪的脉冲）" in shown
    assert not re.search(r"[a-z]+_[a-z]+|\bok\b", shown), shown


def test_explain_says_in_chinese_what_kept_the_answer_away(traces: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["explain", "lane-1-b", "--traces", str(traces)]
    assert cli.main(["--lang", "zh", *words]) == 0
    said = capsys.readouterr().out
    assert said.count("后台没有应答：连接不上：[Errno 111]") == 2
    assert "  失败  后台应答         后台没有应答" in said, "as doctor and calibrate say it"
    assert "FAIL" not in said
    assert not english_in(said.replace("Connection refused", "")), "but the system's own words"
    assert cli.main(["--lang", "en", *words]) == 0
    assert "no usable answer: The server is silent: no connection: [Errno 111]" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("visit", "chinese"), [("zzz", "没有这个编号的进站记录；最近的有"), ("lane", "有多条进站记录符合")]
)
def test_a_visit_that_is_not_one_is_told_in_chinese(
    visit: str, chinese: str, traces: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["--lang", "zh", "explain", visit, "--traces", str(traces)]) == 1
    said = capsys.readouterr().err
    assert f"{visit}：{chinese}：lane-1-" in said
    assert not english_in(said)


@pytest.mark.parametrize("lang", language.LANGUAGES)
def test_visits_are_listed_in_straight_columns(lang: str, traces: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--lang", lang, "explain", "--list", "--traces", str(traces)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert len({columns(line.partition("lane-1-")[0]) for line in lines}) == 1, lines


@pytest.mark.parametrize(
    "command",
    [
        "simulate /nowhere/clip.mp4",
        "calibrate --clip /nowhere/clip.mp4",
        "read /nowhere/picture.jpg",
        "bench lane --frames 0",
        "bench efficiency --vehicles 0",
        "bench efficiency --unread 2",
        "run --config /nowhere/lane.toml",
        "explain --traces /nowhere last",
        "replay --traces /nowhere last",
        "outbox list --state /nowhere",
        "service --listen 80",
        "service --owner-after 1",
        "demo --live --port 99999",
        "demo --clip own.mp4 --seconds 3",
        "calibrate --clip pyproject.toml",
        "station --upstream http://127.0.0.1:1 --state /nowhere",
        "simulate --phone x",
        "simulate --at never",
    ],
)
def test_what_was_typed_wrongly_is_said_in_chinese_alone(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    try:
        status = cli.main(["--lang", "zh", *command.split()])
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else 1
    said = [line for line in "".join(capsys.readouterr()).splitlines() if not line.startswith("用法见 ")][-1]
    assert status != 0
    assert re.search("[\u4e00-\u9fff]", said)
    assert not english_in(said), said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[camera]\nfsp = 1", "lane.toml，第 2 行：[camera] 中没有设置 fsp；是 fps 吗？"),
        ('[camera]\nfps = "x"', "lane.toml，第 2 行：camera.fps：须为数，不能是 'x'"),
        ("[lane]\nname = 7", "lane.toml，第 2 行：lane.name：须为引号中的文字，不能是 7"),
        ("[camera]\nloop = 1", "lane.toml，第 2 行：camera.loop：须为true 或 false，不能是 1"),
        ("[camera]\nwidth_px = 0.5", "lane.toml，第 2 行：camera.width_px：须为整数，不能是 0.5"),
        ("[camera\nfps = 1", "lane.toml：不合 TOML 格式：Expected"),
    ],
)
def test_what_is_wrong_in_a_settings_file_is_said_in_chinese(
    text: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The sentence swallowed the file's name, and what kind of value is wanted stood in English."""
    monkeypatch.chdir(tmp_path)
    Path("lane.toml").write_text(text, encoding="utf-8")
    assert cli.main(["--lang", "zh", "run", "--check", "--config", "lane.toml"]) == 1
    assert capsys.readouterr().err.startswith(f"greenlane run: {said}")


def test_the_end_of_a_stretch_is_not_called_as_what_a_deed_was_done_to() -> None:
    """One English heading stood for both."""
    words = language.catalogue("zh").texts
    assert (words["from"], words["to"], words["subject"]) == ("从", "到", "对象")
