"""Money as typed, plates as keyed, numbers of rows, the clock's integers and the settings' bounds."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models import grammar
from service.books.settings import BookSettings
from service.errors import AdminError
from service.store.clock import from_us, to_us
from service.store.ids import IdMaker, authorisation_name
from service.store.naming import require_plate
from service.store.zones import midnight_us
from wire import plates
from wire.money import MAX_FEN, format_yuan, parse_yuan

KINDS_NAMED = {"blue", "light_motorcycle", "coach", "temporary", "agricultural", "civil_aviation", "emergency"}

CHARACTERS = st.sampled_from(grammar.ALPHABET + "IO· -a粤") | st.characters()


@given(st.integers(-MAX_FEN, MAX_FEN))
def test_money_survives_being_written_and_typed(fen: int) -> None:
    assert parse_yuan(format_yuan(fen)) == fen


@pytest.mark.parametrize(
    ("text", "fen"),
    [("100", 10_000), ("100.5", 10_050), (" 0.01 ", 1), ("-3.20", -320), ("+12.50", 1_250), ("00", 0)],
)
def test_yuan(text: str, fen: int) -> None:
    assert parse_yuan(text) == fen


@pytest.mark.parametrize(
    "text", ["", "abc", "1.234", "1,000", "1e3", ".5", "5.", "--1", "٣", "1 0", "NaN", "99999999999999", "10000000001"]
)
def test_what_is_no_amount(text: str) -> None:
    with pytest.raises(ValueError, match="yuan"):
        parse_yuan(text)


@given(st.sampled_from(grammar.FORMATS).flatmap(lambda f: st.tuples(*[st.sampled_from(sorted(p)) for p in f.places])))
def test_every_plate_of_the_lanes_table_is_a_plate(characters: tuple[str, ...]) -> None:
    assert plates.is_plate("".join(characters))


@given(st.text(CHARACTERS, max_size=9))
def test_what_the_lane_takes_for_no_plate_is_none_here(text: str) -> None:
    plate = plates.normalise(text)
    assert plates.is_plate(plate) == grammar.is_valid(plate)


@pytest.mark.parametrize(
    ("typed", "kept"), [("粵B·12345", "粤B12345"), ("滬A8K526", "沪A8K526"), ("粵B1234學", "粤B1234学")]
)
def test_traditional_characters_are_the_plates_own(typed: str, kept: str) -> None:
    assert plates.normalise(typed) == kept
    assert plates.is_plate(kept)


def test_a_masked_plate_keeps_its_length_and_hides_its_middle() -> None:
    assert plates.masked("粤B12345") == "粤B***45"


@given(st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)))
def test_times_survive_the_database(moment: datetime) -> None:
    assert from_us(to_us(moment)) == moment


@given(st.lists(st.integers(0, 2**52), min_size=2, max_size=50))
def test_row_numbers_rise_even_when_the_clock_goes_back(moments: list[int]) -> None:
    maker = IdMaker()
    numbers = [maker.next(moment) for moment in moments]
    assert numbers == sorted(set(numbers))
    assert all(0 < n < 2**63 for n in numbers)


def test_makers_with_a_clock_that_stands_still_do_not_meet() -> None:
    makers = [IdMaker() for _ in range(2)]
    while makers[0]._maker == makers[1]._maker:
        makers[1].redraw()
    numbers = [maker.next(10**15) for _ in range(5_000) for maker in makers]
    assert len(set(numbers)) == len(numbers)


def test_names_of_authorisations_cannot_be_guessed_from_their_number() -> None:
    assert len({authorisation_name(1) for _ in range(100)}) == 100


@pytest.mark.parametrize(
    "wrong", [{"hold_life_s": 0}, {"stale_after_s": 10**6}, {"ahead_s": -1}, {"least_confidence": 1.5}]
)
def test_settings_out_of_range(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        BookSettings(**wrong)  # type: ignore[arg-type]


def test_the_error_about_a_plate_shows_plates_of_the_rarer_kinds_too() -> None:
    with pytest.raises(AdminError) as refused:
        require_plate("hello")
    examples = re.findall(r"[^\s,()]*\d[^\s,()]*", str(refused.value))
    assert [example for example in examples if require_plate(example) != example] == []
    assert {str(f.kind) for example in examples for f in grammar.formats_of(example)} >= KINDS_NAMED


@pytest.mark.parametrize(
    ("zone", "now", "midnight"),
    [
        ("America/Havana", "2026-11-01T04:30:00+00:00", "2026-11-01T04:00:00+00:00"),
        ("America/Havana", "2026-11-01T05:30:00+00:00", "2026-11-01T04:00:00+00:00"),  # 00:30 for the second time
        ("America/Havana", "2026-03-08T15:00:00+00:00", "2026-03-08T05:00:00+00:00"),  # there is no 00:00 that day
        ("Australia/Lord_Howe", "2026-04-04T15:10:00+00:00", "2026-04-04T13:00:00+00:00"),
        ("Europe/Berlin", "2026-10-25T23:30:00+00:00", "2026-10-25T23:00:00+00:00"),
    ],
)
def test_a_day_begins_once(zone: str, now: str, midnight: str) -> None:
    """What is limited a day would else be free again in an hour that a clock change repeats."""
    assert from_us(midnight_us(ZoneInfo(zone), datetime.fromisoformat(now))) == datetime.fromisoformat(midnight)
