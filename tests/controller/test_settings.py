"""lane.toml: faults are told with their line, and the example is the defaults."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller import settings
from controller.errors import SettingsError
from controller.settings_records import SettingFact, Settings, table
from greenlane import language

EXAMPLE = Path(__file__).resolve().parents[2] / "deploy" / "lane.example.toml"

HANDBOOK = EXAMPLE.parents[1] / "docs" / "settings.md"


def test_the_example_file_is_up_to_date_and_equals_the_defaults() -> None:
    assert EXAMPLE.read_text(encoding="utf-8") == settings.example()
    assert settings.load(EXAMPLE) == Settings()


def test_the_handbook_is_up_to_date() -> None:
    assert HANDBOOK.read_text(encoding="utf-8") == settings.handbook(), "write it anew from settings.handbook()"


def test_the_chinese_handbook_is_up_to_date_and_says_everything() -> None:
    chinese = language.catalogue("zh")
    shown = settings.handbook(chinese.gettext, "[English](../settings.md)")
    written = (HANDBOOK.parent / "zh" / HANDBOOK.name).read_text(encoding="utf-8")
    assert written == shown, "write it anew from settings.handbook()"
    sections = {fact.section for fact in table()}
    said = {*(fact.text for fact in table()), *map(settings.about_section, sections)}
    assert not {text for text in said if text not in chinese.texts}, "write these into the catalogue"


def test_an_empty_file_is_all_defaults() -> None:
    assert settings.parse("") == Settings()


@pytest.mark.parametrize("fact", table(), ids=lambda f: f"{f.section}.{f.key}")
def test_every_setting_is_described_and_its_default_is_good(fact: SettingFact) -> None:
    assert fact.text
    numbers = isinstance(fact.default, (int, float, tuple)) and not isinstance(fact.default, bool)
    assert not numbers or (fact.low is not None and fact.high is not None), "a number without bounds"
    if isinstance(fact.default, (int, float)) and fact.low is not None and fact.high is not None:
        assert fact.low <= fact.default <= fact.high


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[camra]\n", "line 1: [camra] is not a section; did you mean camera?"),
        ("[camera]\n\nkind = 'webcam'\n", "line 3: camera.kind: must be one of v4l2, rtsp"),
        ("[vote]\nreads = 3\nraeds = 4\n", "line 3: raeds is not a setting of [vote]; did you mean reads?"),
        ("[vote]\nreads = 99\n", "line 2: vote.reads: 99 is not between 2 and 20"),
        ("[vote]\nreads = true\n", "line 2: vote.reads: must be a whole number"),
        ("[vote]\nweakest_character = 'high'\n", "line 2: vote.weakest_character: must be a number"),
        ("[lamp]\nlease_s = nan\n", "line 2: lamp.lease_s: nan is not between"),
        ("[lamp]\nactive_high = 1\n", "line 2: lamp.active_high: must be true or false"),
        ("[lamp]\nred_pin = 5\ngreen_pin = 5\n", "line 2: lamp and dispenser: two uses"),
        ("[camera]\nregion = [0.1, 0.2]\n", "line 2: camera.region: must be a list of 4 numbers"),
        ("[camera]\nregion = [0.9, 0.2, 0.1, 0.8]\n", "line 2: camera.region: left, top must be less"),
        ("[camera]\nregion = [0.0, 0.0, 1.0, 7.0]\n", "line 2: camera.region: 7.0 is not between 0 and 1"),
        ("[lane]\nname = ''\n", "line 2: lane.name: must be 1 to 40"),
        ("[lane]\nname = '   '\n", "line 2: lane.name: must be 1 to 40"),
        (f"[lane]\nname = '{'x' * 41}'\n", "line 2: lane.name: must be 1 to 40"),
        (f"[lane]\nstation = '{'x' * 41}'\n", "line 2: lane.station: must be 1 to 40"),
        (f"[dispenser]\nname = '{'x' * 41}'\n", "line 2: dispenser.name: must be 1 to 40"),
        (f"[dispenser]\nproduct = '{'x' * 21}'\n", "line 2: dispenser.product: must be 1 to 20"),
        ("[service]\nurl = 'ftp://host'\n", "line 2: service.url: write http(s)://HOST[:PORT]"),
        ("[metrics]\nlisten = 'foo'\n", "line 2: metrics.listen: write HOST:PORT, such as 127.0.0.1:8080"),
        ("[metrics]\nlisten = '127.0.0.1:99999'\n", "line 2: metrics.listen: write HOST:PORT"),
        ("[metrics]\nlisten = '[::x]:80'\n", "line 2: metrics.listen: write an address of IPv6 as [::1]:8080"),
        ("[camera]\nkind = 'rtsp'\nsource = '/dev/video0'\n", "line 3: camera.source: write rtsp://HOST[:PORT]/PATH"),
        ("[camera]\nkind = 'http'\nsource = 'http://'\n", "line 3: camera.source: write http://HOST[:PORT]/PATH"),
        (f"[trace]\nmax_mb = {'9' * 5000}\n", "more digits than any setting needs"),
        (f"[camera]\nregion = {'[' * 5000}\n", "more deeply than any setting needs"),
        ("lane = 3\n", "line 1: lane is a section"),
        ("speed = 3\n", "line 1: [speed] is not a section"),
        ("[lane]\nname = \n", "(at line 2"),
        ("[camera]\ngrace_s = 2.0\n", "line 2: camera.grace_s: must not exceed lamp.lease_s"),
    ],
)
def test_faults_name_file_line_and_remedy(text: str, expected: str) -> None:
    with pytest.raises(SettingsError) as caught:
        settings.parse(text, "lane.toml")
    assert str(caught.value).startswith("lane.toml")
    assert expected in str(caught.value)


def test_a_key_is_understood_by_its_old_name_too(tmp_path: Path) -> None:
    lane = tmp_path / "lane.toml"
    lane.write_text("[vote]\nweakest_sign = 0.9  # ours\n", encoding="utf-8")
    assert settings.load(lane).vote.weakest_character == 0.9
    settings.update_file(lane, {("vote", "weakest_character"): 0.97})
    assert lane.read_text(encoding="utf-8") == "[vote]\nweakest_character = 0.97  # ours\n"
    with pytest.raises(SettingsError, match=r"line 2: vote\.weakest_character: must be a number"):
        settings.parse("[vote]\nweakest_sign = 'high'\n")
    with pytest.raises(SettingsError, match="line 3: weakest_sign is the old name of weakest_character: leave one"):
        settings.parse("[vote]\nweakest_character = 0.9\nweakest_sign = 0.9\n")


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="No such file"):
        settings.load(tmp_path / "none.toml")
    binary = tmp_path / "binary.toml"
    binary.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SettingsError, match="UTF-8"):
        settings.load(binary)
    large = tmp_path / "large.toml"
    large.write_bytes(b"#" * ((1 << 20) + 1))
    with pytest.raises(SettingsError, match=r"cannot be read \(larger than 1048576 bytes\)$"):
        settings.load(large)
    os.mkfifo(tmp_path / "pipe")
    for odd in (tmp_path, tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(SettingsError, match=r"cannot be read \(not a regular file\)$"):
            settings.load(odd)
        with pytest.raises(SettingsError, match="not a regular file"):
            settings.update_file(odd, {("vote", "reads"): 4})


def test_whole_numbers_do_for_numbers() -> None:
    assert settings.parse("[lane]\nread_timeout_s = 8\n").lane.read_timeout_s == 8.0


class TestUpdate:
    def test_keeps_comments_and_order(self, tmp_path: Path) -> None:
        path = tmp_path / "lane.toml"
        path.write_text("# mine\n[lane]\nname = 'east' # the east one\n\n[vote]\nreads = 4\n", encoding="utf-8")
        settings.update_file(path, {("vote", "reads"): 5, ("lane", "name"): 'we"st', ("lamp", "red_pin"): 6})
        assert path.read_text(encoding="utf-8") == (
            '# mine\n[lane]\nname = "we\\"st"  # the east one\n\n[vote]\nreads = 5\n\n[lamp]\nred_pin = 6\n'
        )
        assert settings.load(path).lane.name == 'we"st'

    def test_adds_a_key_at_the_end_of_its_section(self, tmp_path: Path) -> None:
        path = tmp_path / "lane.toml"
        path.write_text("[camera]\nkind = 'file'\n\n# voting\n[vote]\nreads = 4\n", encoding="utf-8")
        settings.update_file(path, {("camera", "region"): (0.1, 0.2, 0.9, 1.0)})
        assert settings.load(path).camera.region == (0.1, 0.2, 0.9, 1.0)
        assert settings.load(path).vote.reads == 4

    def test_makes_a_file_from_the_example(self, tmp_path: Path) -> None:
        path = tmp_path / "etc" / "lane.toml"
        settings.update_file(path, {("camera", "kind"): "rtsp", ("camera", "source"): "rtsp://u:p@10.0.0.9/1?x=2"})
        assert settings.load(path).camera.kind == "rtsp"
        assert "# names of" not in path.read_text(encoding="utf-8")

    def test_a_wrong_value_leaves_the_file_as_it_was(self, tmp_path: Path) -> None:
        path = tmp_path / "lane.toml"
        path.write_text("[vote]\nreads = 4\n", encoding="utf-8")
        with pytest.raises(SettingsError):
            settings.update_file(path, {("vote", "reads"): 400})
        assert path.read_text(encoding="utf-8") == "[vote]\nreads = 4\n"
        assert [p.name for p in tmp_path.iterdir()] == ["lane.toml"]

    @given(st.text(st.characters(min_codepoint=32, exclude_categories=["C", "Z"]), min_size=1, max_size=40))
    def test_any_printable_text_survives(self, folder: str) -> None:
        text = settings._with("[trace]\n", "trace", "state_dir", f"state_dir = {settings._toml(folder)}")
        assert settings.parse(text).trace.state_dir == folder


@given(st.text(max_size=200))
def test_any_text_is_settings_or_a_told_fault(text: str) -> None:
    with contextlib.suppress(SettingsError):
        assert isinstance(settings.parse(text), Settings)


def test_a_byte_order_mark_is_no_fault_and_does_not_outlive_a_change(tmp_path: Path) -> None:
    config = tmp_path / "lane.toml"
    config.write_text('\ufeff[lane]\nname = "L7"\n', encoding="utf-8")
    assert settings.load(config).lane.name == "L7"
    settings.update_file(config, {("lane", "station"): "S3"})
    assert config.read_text(encoding="utf-8") == '[lane]\nname = "L7"\nstation = "S3"\n'


@pytest.mark.parametrize(
    ("section", "key", "value", "problem"),
    [
        ("lane", "station", "Ｓ1", "write 'S1'"),
        ("lane", "name", "lane－1", "write 'lane-1'"),
        ("lane", "name", "Lан", "mixes letters of several alphabets"),
        ("dispenser", "name", "diѕpenser-1", "write 'dispenser-1'"),
        ("dispenser", "product", "9２", "write '92'"),
        ("lane", "station", " S1", "must have no blanks at its ends"),
    ],
)
def test_a_name_that_only_looks_like_the_services_is_refused_with_its_line(
    section: str, key: str, value: str, problem: str
) -> None:
    """The service would not know it, or would take the pump for another one with its own numbers."""
    with pytest.raises(SettingsError, match=rf"line 2: {section}\.{key}: .*({problem})"):
        settings.parse(f'[{section}]\n{key} = "{value}"\n')


def test_a_time_zone_that_is_none_is_told_with_its_line() -> None:
    with pytest.raises(SettingsError, match=r"line 2: lane.zone: 'Mars' is not a time zone"):
        settings.parse('[lane]\nzone = "Mars"\n')
