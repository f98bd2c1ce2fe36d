"""What a person reads of the commands is English or Chinese; what programs read is English in both."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from controller.clock import ManualClock
from controller.traces.recorder import TraceRecorder
from controller.traces.store import TraceStore
from controller.worker import InlineWorker
from greenlane import cli, language
from hardware.jpeg import encode_jpeg
from models.build import build_reader
from models.doubts import Doubt
from tests.cli.catalogue_texts import (
    NOT_PRINTED,
    QUIET,
    ROOT,
    names_of_our_errors,
    of_argparse,
    of_books,
    of_deeds,
    of_errors,
    of_findings,
    of_notes,
    of_our_errors,
    of_parsers,
    of_refusals,
    of_results,
    of_speaking_modules,
    of_steps,
    of_tr,
    unwrapped,
)
from tests.controller.visits import START, green_visit

CHINESE = re.compile(r"[\u4e00-\u9fff]")
CATALOGUE = language.catalogue("zh")


@pytest.fixture(autouse=True)
def _english_again() -> Iterator[None]:
    yield
    language.speak(language.ENGLISH)


def greenlane(*words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """The real command line in a process of its own, with no language but the given."""
    plain = {name: value for name, value in os.environ.items() if name not in language.VARIABLES}
    return subprocess.run(
        [str(Path(sys.executable).with_name("greenlane")), *words],
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={**plain, "PYTHONUTF8": "1", **environ},
        check=False,
        timeout=120,
    )


@pytest.mark.parametrize(
    ("kind", "texts"),
    [
        (f.__name__, f)
        for f in (
            of_argparse,
            of_parsers,
            of_speaking_modules,
            of_tr,
            of_notes,
            of_errors,
            of_our_errors,
            of_refusals,
            of_results,
            of_findings,
            of_books,
            of_deeds,
            of_steps,
        )
    ],
)
def test_every_text_has_its_chinese(kind: str, texts: object) -> None:
    missing = [
        text for text in dict.fromkeys(texts()) if text not in CATALOGUE.texts and CATALOGUE.gettext(text) == text
    ]  # type: ignore[operator]
    assert not missing, f"{kind}: write these into greenlane/locale/zh/LC_MESSAGES/greenlane.po: {missing}"


def test_nothing_is_printed_past_the_catalogue() -> None:
    assert list(unwrapped()) == []
    assert set(NOT_PRINTED) <= names_of_our_errors(), "an error that nobody raises any more"
    assert all((ROOT / name).is_file() for name in QUIET)


def test_nothing_in_the_catalogue_is_untranslated_or_fuzzy_or_loses_a_place() -> None:
    file = language.LOCALE / "zh" / "LC_MESSAGES" / "greenlane.po"
    assert "#, fuzzy" not in file.read_text(encoding="utf-8")
    assert len(CATALOGUE.texts) > 700
    written = re.findall(r'^msgid ((?:".*"\n)+)', file.read_text(encoding="utf-8"), re.MULTILINE)
    assert [text for text, times in Counter(written).items() if times > 1] == [], "two translations of one text"
    for english, chinese in CATALOGUE.texts.items():
        assert chinese, english
        for place in (r"\{\d\}", r"%\(\w+\)[sr]", r"%[sdr]", r"`[^`]+`"):
            plain = re.sub(r"\{(\d):\w+\}", r"{\1}", chinese)
            assert sorted(re.findall(place, english)) == sorted(re.findall(place, plain)), english
        assert not re.search("校准|冻结|面板|车道|相机|零钱", chinese), chinese


def test_every_doubt_of_a_read_has_its_word() -> None:
    assert [str(doubt) for doubt in Doubt if f"doubts: {doubt}" not in CATALOGUE.texts] == []


def test_the_language_is_that_of_the_option_else_of_the_environment() -> None:
    assert language.chosen(["doctor"], {}) == ("en", ["doctor"])
    assert language.chosen(["doctor"], {"LANG": "zh_CN.UTF-8"})[0] == "zh"
    assert language.chosen(["doctor"], {"LANG": "zh_CN.UTF-8", "LC_ALL": "C"})[0] == "en"
    assert language.chosen(["doctor"], {"LANG": "", "LC_MESSAGES": "zh"})[0] == "zh"
    assert language.chosen(["doctor"], {"LANG": "zhuang"})[0] == "en"
    assert language.chosen(["--lang", "zh", "doctor"], {}) == ("zh", ["doctor"])
    assert language.chosen(["doctor", "--lang=en", "--json"], {"LANG": "zh_CN"}) == ("en", ["doctor", "--json"])


def test_help_and_errors_of_the_command_line_are_chinese() -> None:
    shown = greenlane("--help", LANG="zh_CN.UTF-8").stdout
    assert shown.startswith("用法：greenlane")
    assert "摄像头调试" in shown
    wrong = greenlane("--lang", "zh", "doctor", "--nonsense")
    assert wrong.returncode == 2
    assert "greenlane doctor: 无法识别的参数：--nonsense\n用法见 greenlane doctor --help\n" in wrong.stderr
    late = greenlane("simulate", "--at", "2026", "--lang=zh")
    assert late.returncode == 2
    assert "参数 --at" in late.stderr
    assert CHINESE.search(late.stderr.partition("--at：")[2])


def test_without_a_language_all_is_english(tmp_path: Path) -> None:
    for words in (["--help"], ["doctor", "--help"], ["admin", "--help"], ["doctor", "--nonsense"]):
        said = greenlane(*words)
        assert not CHINESE.search((said.stdout + said.stderr).replace("粤B12345", ""))


@pytest.mark.slow
def test_doctor_speaks_chinese_to_people_and_english_to_programs(tmp_path: Path) -> None:
    config = tmp_path / "lane.toml"
    config.write_text("[camra]\n", encoding="utf-8")
    seen = greenlane("doctor", "--config", str(config), LANG="zh_CN.UTF-8")
    assert seen.returncode == 1
    assert "失败  设置" in seen.stdout
    assert "[camra] 不是设置的段；是 camera 吗？" in seen.stdout
    assert "改正这一行；否则识别终端不会启动" in seen.stdout
    document = greenlane("doctor", "--config", str(config), "--json", LANG="zh_CN.UTF-8")
    assert not CHINESE.search(document.stdout)
    assert {"OK", "FAIL"} <= {check["verdict"] for check in json.loads(document.stdout)["checks"]}


@pytest.mark.slow
def test_admin_shows_results_in_chinese_and_json_and_names_as_they_are(tmp_path: Path) -> None:
    database = ("admin", "--database", f"sqlite:///{tmp_path / 'books.sqlite3'}")
    greenlane(*database, "station", "set", "S1")
    greenlane(*database, "card", "create", "C1", "--name", "balance")
    greenlane(*database, "top-up", "C1", "500")
    shown = greenlane("--lang", "zh", *database, "card", "list").stdout
    assert "可用余额" in shown.splitlines()[0]
    assert not re.search("balance|held|plates", shown.splitlines()[0])
    assert shown.splitlines()[1].split()[:2] == ["C1", "balance"]
    assert "余额       500.00 元" in greenlane("--lang", "zh", *database, "card", "show", "C1").stdout
    assert greenlane("--lang", "zh", *database, "card", "block", "C1").stdout == "油卡 C1：已停用\n"
    words = (*database, "card", "show", "C1", "--json")
    assert greenlane("--lang", "zh", *words).stdout == greenlane(*words).stdout


def test_an_error_tells_in_chinese_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    database = f"sqlite:///{tmp_path / 'none.sqlite3'}"
    said = greenlane("--lang", "zh", "admin", "--database", database, "card", "list")
    assert said.returncode == 1
    assert "没有这个数据库，或其中是空的" in said.stderr
    assert cli.main(["--lang", "en", "admin", "--database", database, "card", "list"]) == 1
    assert "there is no such database" in capsys.readouterr().err


@pytest.mark.slow
def test_explain_tells_in_chinese_why_the_lamp_was_green(tmp_path: Path) -> None:
    store = TraceStore(tmp_path, ManualClock(START))
    green_visit(TraceRecorder(store, InlineWorker[OSError | None](), encode_jpeg, 3, "reader"))
    output = greenlane("explain", "last", "--traces", str(tmp_path), LANG="zh_CN.UTF-8").stdout
    assert "绿灯：粤B12345" in output
    assert "从摄像头到指示灯：" in output
    assert not re.findall(r"[A-Za-z][a-z']+(?: [A-Za-z][a-z']+)+", output), output
    assert not CHINESE.search(
        greenlane("explain", "last", "--traces", str(tmp_path), "--json", LANG="zh").stdout.replace("粤", "")
    )


def test_a_sentence_is_filled_from_its_parts() -> None:
    output = CATALOGUE.sentence
    assert output("no card C9") == "没有油卡 C9"
    assert output("--report /x: cannot be written: Permission denied; name another folder") == (
        "--report /x：不能写入：没有权限；请换一个文件夹"
    )
    assert output("C9 is odd") == "C9 is odd"
    assert output("What to do: Nothing.") == "怎么办：不用处理。"
    assert output("read 蒙B12345 once, 66 px wide, weakest character 蒙 40%, doubted: vetoed, hidden, unsure") == (
        "识别 蒙B12345 一次，宽 66 px，最弱字符 蒙 40%，存疑：复核不一致、部分看不见、看不清"
    )
    assert (
        output("vote: not certain (the plate is doubted: edge, covered)")
        == "结论：没有把握（车牌存疑：靠画面边缘、有遮挡）"
    )
    assert output(", doubted: edge, covered") == "，存疑：靠画面边缘、有遮挡"
    assert output(", not certain: unsure") == "，没有把握：看不清"
    assert output(": 98.0%, weakest character 95.0%") == "：98.0%，最弱字符 95.0%"
    assert re.fullmatch(
        r"opencv，权重 \w{8}、\w{8}、\w{8}，已核对，加载用时 0.04 秒",
        output(f"{build_reader().name}, checked and loaded in 0.04 s"),
    )
    assert output("vote: not certain (the vehicle does not stand yet)") == "结论：没有把握（车辆尚未停稳）"


def test_a_sentence_keeps_its_chinese_behind_the_name_of_what_it_tells_of() -> None:
    output, number = CATALOGUE.sentence, iter(range(10, 10**6))
    assert output("onnxruntime: passed its self-test: 10.4 ms a picture, OpenCV 17.9 ms") == (
        "onnxruntime：通过自检：每张图 10.4 毫秒，OpenCV 17.9 毫秒"
    )
    assert output("lane.toml, line 3: [lampp] is not a section; did you mean lamp?") == (
        "lane.toml，第 3 行：[lampp] 不是设置的段；是 lamp 吗？"
    )
    assert output("file camera lane.mp4: 1280x720, 15.0 frames/s") == "file 摄像头 lane.mp4：1280x720，每秒 15.0 帧"
    assert output("notes.txt: is not a video, or its index was cut off") == "notes.txt：不是视频，或其索引被截断"
    sentences = [text for text in CATALOGUE.texts if re.match(r"\w.*\{\d\}", text) and "%" not in text]
    filled = [re.sub(r"\{\d\}", lambda _: str(next(number)), text) for text in sentences]
    lost = [
        text for text in filled if output(text) != text and output(f"lane.toml: {text}") != f"lane.toml：{output(text)}"
    ]
    assert len(filled) > 400
    assert not lost, lost


def test_a_head_that_is_none_and_no_file_either_is_said_in_chinese() -> None:
    english = "'head.txt' is not a head: it is a number, a hyphen and 64 hexadecimal digits; and there is no such file"
    assert CATALOGUE.sentence(english) == "'head.txt' 不是链头：应为序号、横线和 64 位十六进制数；也没有这个文件"
