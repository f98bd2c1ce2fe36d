"""The vote over a visit's reads."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from controller.records import PlateRead
from controller.settings_records import VoteSettings
from controller.watching.vote import vote
from tests.controller.plates import plate
from wire.reasons import Reason

RULES = VoteSettings()
RIGHT = "粤A12345"
NEAR = "粤A12346"


def test_three_good_reads_are_certain() -> None:
    result = vote([plate()] * 3, RULES)
    assert (result.plate, result.reason, result.reads) == (RIGHT, Reason.OK, 3)
    assert 0.97 < result.weakest < 0.99
    assert result.confidence < result.weakest


def test_two_reads_are_not_enough() -> None:
    result = vote([plate()] * 2, RULES)
    assert result.plate is None
    assert result.reason is Reason.UNSURE
    assert result.candidate == RIGHT


def test_nothing_read_is_no_plate() -> None:
    assert vote([], RULES).reason is Reason.NO_PLATE


def test_one_weak_character_is_unsure_though_the_average_is_high() -> None:
    weak = plate(probability=[0.99, 0.99, 0.99, 0.99, 0.7, 0.99, 0.99])
    result = vote([weak] * 10, RULES)
    assert result.plate is None
    assert "character 5" in result.detail


def test_the_province_character_is_judged_by_its_own_threshold() -> None:
    rules = VoteSettings(province=0.97, weakest_character=0.9)
    doubtful = plate(probability=[0.95, 0.99, 0.99, 0.99, 0.99, 0.99, 0.99])
    assert "province" in vote([doubtful] * 5, rules).detail
    assert vote([plate("WJ粤1234"[:7], 0.95)] * 5, rules).plate == "WJ粤1234"[:7], "it begins with no province"


def test_far_reads_do_not_win_against_near_ones() -> None:
    far = [plate(NEAR, 0.99, width=70.0)] * 6
    near = [plate(RIGHT, 0.99, width=160.0)] * 4
    assert vote(far + near, RULES).plate == RIGHT


def test_plates_too_narrow_are_not_believed() -> None:
    result = vote([plate(width=50.0)] * 9, RULES)
    assert result.plate is None
    assert result.reason is Reason.UNSURE


def test_a_text_without_a_plate_format_is_never_certain() -> None:
    assert vote([plate("危险品12", 0.99)] * 9, RULES).plate is None


def test_a_character_that_flickers_between_two_readings_is_unsure() -> None:
    assert vote([plate(RIGHT), plate(NEAR)] * 6, RULES).plate is None


def test_a_lost_eighth_character_does_not_make_a_green_plate_certain() -> None:
    """粤AD12345 read as 粤AD1234 now and then: the shorter text must not win by a few reads."""
    whole = PlateRead(
        (*plate("粤AD1234").characters, plate("5").characters[0]),
        plate().corners,
        plate().colour,
        "new_energy_small",
        1,
        0.9,
    )
    assert vote([whole] * 2 + [plate("粤AD1234")] * 3, RULES).plate is None
    assert vote([whole] * 9 + [plate("粤AD1234")], RULES).plate == "粤AD12345"


def test_reads_that_contradict_a_character_count_against_it() -> None:
    """Five against two on one character: enough evidence for the text, not enough for the character."""
    result = vote([plate(RIGHT)] * 5 + [plate(NEAR)] * 2, RULES)
    assert result.candidate == RIGHT
    assert "character 7" in result.detail


def test_one_network_that_is_too_sure_of_itself_does_not_outvote_the_rest() -> None:
    doubtful = [plate(RIGHT, [0.98] * 6 + [0.75])] * 6
    assert vote([*doubtful, plate(RIGHT, 1.0)], RULES).plate is None


READS = st.builds(
    plate,
    st.sampled_from([RIGHT, NEAR, "苏B98765", "粤A1234"]),
    st.floats(0.3, 1.0),
    st.floats(30.0, 300.0),
    detection=st.floats(0.1, 1.0),
)


@given(st.lists(READS, max_size=12), st.randoms())
def test_order_does_not_matter(reads: list[PlateRead], rng: object) -> None:
    shuffled = list(reads)
    rng.shuffle(shuffled)  # type: ignore[attr-defined]
    one, other = vote(reads, RULES), vote(shuffled, RULES)
    assert (one.plate, one.candidate, one.reads) == (other.plate, other.candidate, other.reads)


@given(st.lists(READS, max_size=12))
def test_only_what_enough_good_reads_said_is_certain(reads: list[PlateRead]) -> None:
    result = vote(reads, RULES)
    if result.plate is not None:
        agreeing = [r for r in reads if r.text == result.plate and r.valid and r.width_px >= RULES.width_px]
        assert len(agreeing) >= RULES.reads
        assert result.weakest >= RULES.weakest_character


@given(st.lists(READS, max_size=12), READS)
def test_one_read_never_changes_one_certain_plate_into_another(reads: list[PlateRead], one: PlateRead) -> None:
    before, after = vote(reads, RULES), vote([*reads, one], RULES)
    if before.plate is not None and after.plate is not None:
        assert before.plate == after.plate


@given(st.lists(READS, max_size=2))
def test_fewer_reads_than_wanted_are_never_certain(reads: list[PlateRead]) -> None:
    assert vote(reads, RULES).plate is None


@given(st.lists(READS, max_size=12))
def test_a_better_read_of_the_same_plate_keeps_it_certain(reads: list[PlateRead]) -> None:
    before = vote(reads, RULES)
    if before.plate is not None:
        widest = max(r.width_px for r in reads)
        assert vote([*reads, plate(before.plate, 1.0, widest)], RULES).plate == before.plate


@given(st.lists(READS, max_size=12), READS)
def test_a_contradicting_read_never_makes_it_certain(reads: list[PlateRead], other: PlateRead) -> None:
    before = vote(reads, RULES)
    after = vote([*reads, other], RULES)
    if before.plate is None and after.plate is not None:
        assert other.text == after.plate or other.width_px > max(r.width_px for r in reads)


def test_reads_that_are_doubted_never_make_a_plate_certain() -> None:
    covered = replace(plate(), doubts=("covered",))
    result = vote([covered] * 20, RULES)
    assert (result.plate, result.candidate, result.reason) == (None, RIGHT, Reason.UNSURE)
    assert result.doubts == ("covered",)
    assert result.detail == "the plate is doubted: covered"


def test_a_few_frames_that_pass_do_not_outweigh_those_that_show_the_doubt() -> None:
    covered = replace(plate(), doubts=("spacing", "covered"))
    assert vote([covered] * 7 + [plate()] * 3, RULES).plate is None
    assert vote([covered] * 2 + [plate()] * 3, RULES).plate == RIGHT
    assert vote([covered] * 3 + [plate()] * 2, RULES).plate is None


def test_far_reads_at_the_pictures_edge_do_not_hold_up_a_near_one() -> None:
    driving_in = replace(plate(width=70.0), doubts=("edge",))
    assert vote([driving_in] * 6 + [plate()] * 3, RULES).plate == RIGHT


def test_what_one_picture_alone_leaves_open_the_vote_settles() -> None:
    single = replace(plate(probability=0.96), doubts=("unsure",))
    result = vote([single] * 3, RULES)
    assert (result.plate, result.doubts) == (RIGHT, ())
