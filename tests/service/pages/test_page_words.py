"""The Chinese of all pages: the trade's words, nothing that reads as another thing at a pump, no English left over."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from jinja2 import Environment, nodes

from greenlane.language import catalogue
from service.fleet import detail_words
from service.http import line_words, refusal_words
from service.http.flag_words import flag_words
from service.http.format_table import missing
from service.station import words
from service.station.overview import step_words
from service.station.panel import screen
from tests.cli.catalogue_texts import of_notes, template
from wire.flags import BooksFlag, LaneFlag, StationFlag

CATALOGUE = catalogue("zh")
ROOT = Path(__file__).resolve().parents[3]
TEMPLATES = sorted((ROOT / "service" / "pages").rglob("*.html"))
SOURCES = [file for part in ("service", "station", "greenlane/living") for file in sorted((ROOT / part).rglob("*.py"))]

AVOIDED = re.compile(
    "冻结|校准|标定|感兴趣区域|面板|车道|无权访问|信号灯|相机|到访|驾驶员|喷嘴|燃料|泵机|泵号|操作员|体积|总计器|拔枪|动态口令|死信|敞口"
    "|搁置|总部|线路|服务器|捕获|返款|加值|收据|改价|加注|足迹|取消授权|换绑|工作人员|欠款|零钱|(?<!后台)没有应答"
)
"""Words that mean another thing at a filling station, or that nobody says there."""

CHINESE = re.compile(r"[\u4e00-\u9fff]")
ENGLISH = re.compile(r"[A-Za-z][a-z']+(?:[ ,.]+[A-Za-z][a-z']+)+")
NOT_TEXT = re.compile(r"<script.*?</script>|<style.*?</style>|<code>.*?</code>|<[^>]*>|&\w+;", re.DOTALL)
BOTH = ("By phone",)
"""English that a panel shows below the Chinese."""


def said(template: Path) -> Iterator[tuple[str, str]]:
    """Every t("Chinese", "English") of a page."""
    for call in Environment().parse(template.read_text(encoding="utf-8")).find_all(nodes.Call):
        if isinstance(call.node, nodes.Name) and call.node.name == "t" and len(call.args) == 2:
            chinese, english = call.args
            if isinstance(chinese, nodes.Const) and isinstance(english, nodes.Const):
                yield str(chinese.value), str(english.value)


def left(template: Path) -> list[str]:
    """Runs of English words that stand in a page for every reader, whatever the language."""
    tree = Environment().parse(template.read_text(encoding="utf-8"))
    parts = (part for output in tree.find_all(nodes.Output) for part in output.nodes)
    text = "".join(part.data if isinstance(part, nodes.TemplateData) else "\0" for part in parts)
    return [run for run in ENGLISH.findall(NOT_TEXT.sub("\n", text)) if run not in BOTH and not run.endswith(".js")]


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_a_page_has_the_words_of_the_trade(template: Path) -> None:
    for chinese, english in said(template):
        assert not AVOIDED.search(chinese), chinese
        assert not ENGLISH.search(re.sub(r"`[^`]+`", "", chinese)), chinese
        assert CHINESE.search(chinese) or not ENGLISH.search(english), f"no Chinese for {english!r}"


@pytest.mark.parametrize("template", [page for page in TEMPLATES if page.name != "docs.html"], ids=lambda p: p.name)
def test_no_english_stands_in_a_chinese_page(template: Path) -> None:
    assert not left(template)


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_a_macro_is_never_shown_itself(template: Path) -> None:
    """An imported macro hides a value of the same name, and a page would say `<Macro 'plate'>`."""
    tree = Environment().parse(template.read_text(encoding="utf-8"))
    macros = {name for found in tree.find_all(nodes.FromImport) for name in found.names if isinstance(name, str)}
    named = [found for found in tree.find_all(nodes.Name) if found.ctx == "load" and found.name in macros]
    called = [found.node for found in tree.find_all(nodes.Call)]
    assert [found.name for found in named if not any(found is node for node in called)] == []


@pytest.mark.slow
def test_the_program_has_the_words_of_the_trade() -> None:
    for source in SOURCES:
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and AVOIDED.search(node.value):
                pytest.fail(f"{source.relative_to(ROOT)}:{node.lineno}: {node.value}")


def test_what_a_lane_notes_of_a_visit_is_worded_in_chinese() -> None:
    """With something in its places; what a unit of a later version notes is left out."""
    for note in of_notes():
        assert CHINESE.search(step_words.in_chinese(re.sub(r"\{\d\}", "1", note))), note
    assert step_words.in_chinese("3 reads agree, the plate is doubted: edge, hidden") == (
        "3 次识别一致，车牌存疑：靠画面边缘、部分看不见"
    )
    assert step_words.in_chinese("1 read, the text has no plate's format") == "只有 1 次识别，文字不符合车牌格式"
    for kind in ("new energy small", "new_energy_small"):
        assert (
            step_words.in_chinese(f"weakest character 0.45, {kind}, doubted: edge") == "最弱字符 0.45，存疑：靠画面边缘"
        )
    for litres in ("12.34 L", "12.34 l"):
        assert step_words.in_chinese(f"nozzle hung up, {litres}, 97.49 yuan") == "挂枪，12.34 升，97.49 元"
    assert step_words.in_chinese("something of a later version") == ""


def test_what_a_lane_says_of_its_reads_is_worded_in_chinese() -> None:
    for file in (ROOT / "controller" / "watching").glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.keyword) and node.arg == "detail" and (words := template(node.value)):
                assert step_words.in_chinese(re.sub(r"\{\d\}", "1", words)), words


def test_what_a_station_says_of_its_line_and_list_is_worded_in_chinese() -> None:
    files = [*(ROOT / "controller" / "outbound").glob("*.py"), *(ROOT / "station").glob("*.py")]
    nodes_of = [node for file in files for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))]
    raised = [
        template(node.args[0])
        for node in nodes_of
        if isinstance(node, ast.Call)
        and getattr(node.func, "id", "") in ("ServiceSilent", "ServiceFault", "ServiceFailed", "ListRefused")
    ]
    (judge,) = (node for node in nodes_of if isinstance(node, ast.FunctionDef) and node.name == "unusable")
    judged = [template(node.value) for node in ast.walk(judge) if isinstance(node, ast.Return) and node.value]
    said = [one for one in (*raised, *judged) if one]
    assert len(said) > 20
    for one in said:
        chinese = line_words.in_chinese(re.sub(r"\{\d\}", "1", one))
        assert not ENGLISH.search(chinese), one
        assert not AVOIDED.search(chinese), one


def test_what_the_counter_words_in_chinese_is_still_said() -> None:
    """Each of its patterns fits a text of today: one that was reworded elsewhere would be shown in English."""
    parts = ("1", "resolve", "refunded", "product", "dispenser", "disputed")
    said = [re.sub(r"\{\d\}", part, one) for one in CATALOGUE.texts for part in parts]
    assert [pattern for pattern, _ in refusal_words._CHINESE if not any(re.match(pattern, one) for one in said)] == []


@pytest.mark.parametrize("flag", [*LaneFlag, *StationFlag, *BooksFlag], ids=str)
def test_every_flag_of_a_fuelling_is_worded(flag: str) -> None:
    chinese, english = flag_words(flag)
    assert CHINESE.search(chinese)
    assert not AVOIDED.search(chinese)
    assert "_" not in english
    assert flag_words("of_a_later_version") == ("of_a_later_version", "of_a_later_version")


def test_a_panels_words_can_be_read_at_a_glance() -> None:
    """A headline has at most 5 characters, a reason and what to do about it at most 14."""
    for chinese, _ in (*screen.HEADLINES.values(), screen.LIMIT_REACHED, words.TYPE_HERE):
        assert len(chinese) <= 5, chinese
    said = [one for pair in words.REASON_AND_REMEDY.values() for one in pair]
    notes = (words.LOST, words.SILENT, words.NO_PINS_NOW, words.PIN_LATER, words.SENT, words.ALREADY_GREEN)
    others = (words.NO_VEHICLE, words.NOT_TAKEN, screen.DRIVE_UP, screen.READING, screen.ASKING, screen.LIFT)
    for chinese, _ in (
        *said,
        *notes,
        *others,
        *words.RESULTS.values(),
        *map(missing, ("", "粤", "粤B", "粤B1234", "粤BI")),
    ):
        assert len(chinese) <= 14, chinese


HALF_WIDTH = re.compile(
    r"""[\u4e00-\u9fff]['"][^{}]*\}\}(?:</\w+>)?[:,;] |\}\}[:,] \{\{ t\(|\bt\(\*[^{}]*\}\}(?:\{%[^%]*%\})?[:,] """
)
"""A comma or colon of the English kind behind words that a page shows in either language."""


def test_a_page_in_chinese_has_chinese_commas_and_colons() -> None:
    """The mark stands within the words of each language, not behind both."""
    for file in sorted((ROOT / "service" / "pages").rglob("*.html")):
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
            assert not (found := HALF_WIDTH.search(line)), f"{file.name}:{number}: {found and found[0]}"


def test_what_mileage_finds_is_worded_in_chinese() -> None:
    assert detail_words.in_chinese("10.00 l into a tank of 9 l") == "9 升的油箱加了 10.00 升"
    assert detail_words.in_chinese("10.00 L into a tank of 9 L") == "9 升的油箱加了 10.00 升"
    assert detail_words.in_chinese("card C1 for 粤B12345 and 粤B54321: within 3 min") == (
        "油卡 C1 用于 粤B12345 和 粤B54321：相隔 3 分钟"
    )
    assert detail_words.in_chinese("no positions near in time, and no known station fits 12.0 km from S1") == (
        "附近时间没有位置；距 S1 12.0 km 处没有已知油站"
    )
    assert detail_words.in_chinese("1000.0 km") == "1000.0 km"


NO_POSITIONS = "no positions near in time, and "
REASONS = (
    NO_POSITIONS + "no odometer reading",
    NO_POSITIONS + "no known place before it",
    NO_POSITIONS + "the odometer cannot be right: 20.0 km, then 10.0 km: it ran backwards",
    NO_POSITIONS + "the odometer cannot be right: 1.0 km, then 999.0 km: no car drives so far in the time between",
    NO_POSITIONS + "the odometer cannot be right: 1000.0 km, then 621.4 km: miles instead of kilometres?",
    NO_POSITIONS + "the odometer cannot be right: 621.4 km, then 1000.0 km: kilometres after miles?",
    NO_POSITIONS + "the odometer cannot be right: 1.0 km, then 1000.0 km: metres instead of kilometres?",
    NO_POSITIONS + "the odometer cannot be right: 1000.0 km, then 1.0 km: kilometres after metres?",
    NO_POSITIONS + "no known station fits 12.0 km from S1",
    NO_POSITIONS + "2 known stations fit: 甲, 乙 12.0 km from S1",
    NO_POSITIONS + "甲 fits, but with errands 乙 would too",
    "by its distance it was at 甲, but the vehicle was 120.0 km away 3 min from it: no car drives so fast",
    "the vehicle did not stand within 10 min of it; it only passed 甲, 乙",
    "the vehicle stood at 2 places within 10 min of it",
    "3 positions of the same minutes lie elsewhere: two trackers, or two vehicles?",
    "between the stand and the row nobody knows where it was for 5 min: it may have gone on",
    "no station is known",
    "no known station within 100 m of where it stood; in the other datum it would be at one: is the datum right?",
    "甲 and 乙 are 80 m apart: either may be it",
    "it stood between 甲 and 乙: either may be it",
    "it stood 90 m beside 甲",
    "it stood about 50 m from 甲, but the positions do not tell exactly enough",
    "it stood at 甲, or in the other datum at 乙: is the datum right?",
)


@pytest.mark.parametrize("reason", REASONS)
def test_every_reason_why_no_place_is_named_is_worded_in_chinese(reason: str) -> None:
    chinese = detail_words.in_chinese(reason)
    assert not ENGLISH.search(chinese), chinese
    assert [place for place in "甲乙" if place not in chinese] == [place for place in "甲乙" if place not in reason]
