"""Every frame of several arrivals: one state at a time, no note of another visit, no old answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import requests

from service.station.panel.screen import HEADLINES
from tests.browser.frames import FrameSeen, frames_of, record
from tests.browser.test_panel_and_station import WAIT_MS, log_in, type_by_touch
from tests.browser.test_panel_screens import DONE, RED, STATES, panel_at, tell

pytestmark = [pytest.mark.browser, pytest.mark.slow]

FIRST, SECOND, POOR = "粤B12345", "苏A8K88D", "沪C99999"
HEADS = {chinese for chinese, _ in HEADLINES.values()}


def waits_for(page: Any, state: str) -> None:
    query = """s => s === 'keys' ? panel.dataset.view === 'keys'
      : panel.dataset.view !== 'keys' && document.querySelector(`#region [data-state=${s}]`)"""
    page.wait_for_function(query, arg=state, timeout=WAIT_MS)


def outcome(url: str, result: str) -> str:
    """The lane takes its one order, with this result; returns the plate."""
    body = {"station": "S1", "lane": "L1", "wait_s": 20.0, "done": []}
    headers = {"Greenlane-Wire": "2"}
    (order,) = requests.post(f"{url}/v1/lane-orders", json=body, headers=headers, timeout=30).json()
    done = body | {"wait_s": 0.0, "done": [{"order": order["id"], "result": result}]}
    assert requests.post(f"{url}/v1/lane-orders", json=done, headers=headers, timeout=30).json() == []
    return str(order["plate"])


def first_arrival(page: Any, url: str) -> None:
    """Read, green, fuelled, charged, gone."""
    mine = {"visit": "v1", "plate": FIRST}
    for state, changes in (
        ("reading", STATES["reading"] | {"visit": "v1"}),
        ("reading", STATES["asking"] | mine),
        ("green", mine),
        ("fuelling", STATES["fuelling"] | mine),
        ("charged", DONE | mine),
        ("charged", STATES["charged"] | mine),
        ("waiting", STATES["waiting"]),
    ):
        tell(url, changes)
        waits_for(page, state)


def second_arrival(page: Any, url: str) -> None:
    """Not read; a poor plate typed and refused, then the right one."""
    tell(url, STATES["reading"] | {"visit": "v2"})
    waits_for(page, "reading")
    tell(url, STATES["unsure"] | {"visit": "v2"})
    waits_for(page, "keys")
    page.click("[data-key='沪']:visible")
    page.click("#send")
    page.wait_for_function("() => document.getElementById('hint').innerText.includes('还差6位')")
    type_by_touch(page, POOR[1:])
    page.click("#send")
    waits_for(page, "reading")
    assert outcome(url, "taken") == POOR
    poor = {**RED, "visit": "v2", "plate": POOR, "typed": True, "reason": "below_preset"}
    tell(url, poor)
    waits_for(page, "red")
    page.click("#open-keys")
    type_by_touch(page, SECOND)
    page.click("#send")
    waits_for(page, "reading")
    assert outcome(url, "taken") == SECOND
    tell(url, {"visit": "v2", "plate": SECOND, "typed": True})
    waits_for(page, "green")
    page.click("#open-keys")
    type_by_touch(page, POOR)
    page.click("#send")
    page.wait_for_function("() => region.innerText.includes('Already green')")
    tell(url, STATES["waiting"])
    waits_for(page, "waiting")


def nobody_there(page: Any, url: str) -> None:
    """Typed at an empty lane, then a vehicle comes."""
    page.click("#open-keys")
    type_by_touch(page, POOR)
    page.click("#send")
    waits_for(page, "reading")
    outcome(url, "nobody")
    page.wait_for_function("() => region.innerText.includes('No vehicle waits')")
    tell(url, STATES["reading"] | {"visit": "v3"})
    waits_for(page, "reading")
    tell(url, STATES["line-cut"] | {"visit": "v3", "plate": FIRST})
    waits_for(page, "cut")
    for phase in ("asking", "red", "asking"):
        tell(url, STATES["line-cut"] | {"visit": "v3", "plate": FIRST, "phase": phase})
        page.wait_for_timeout(300)


def wrong(frame: FrameSeen) -> bool:
    """Whether a frame contradicts itself or tells of another visit."""
    heads = [head for head in HEADS if head in frame.text]
    others = {"v1": ("苏A", "沪C"), "v2": ("粤B",), "v3": ("苏A", "沪C"), "": ("粤B", "苏A")}[frame.visit]
    is_other = any(plate in frame.text for plate in others)
    late = frame.visit != "" and "No vehicle" in frame.text
    return len(frame.states) != 1 or len(heads) != (frame.states != ("keys",)) or is_other or late


def test_no_frame_shows_two_states_an_old_note_or_an_old_answer(chromium: Any, tmp_path: Path) -> None:
    with panel_at(tmp_path) as url:
        tell(url, STATES["waiting"])
        page = chromium.new_context(viewport={"width": 800, "height": 480}, has_touch=True).new_page()
        log_in(page, url, "pump", "/panel/L1")
        record(page)
        first_arrival(page, url)
        second_arrival(page, url)
        nobody_there(page, url)
        frames = frames_of(page)
    assert len(frames) > 20
    contradictions = [str(frame) for frame in frames if wrong(frame)]
    assert not contradictions, "\n".join(contradictions)
    order = [f.states[0] for f in frames]
    received = [state for state, before in zip(order, ["", *order], strict=False) if state != before]
    assert received[:7] == ["waiting", "reading", "green", "fuelling", "charged", "waiting", "reading"]
    answers = [f.text for f in frames if "余额不足" in f.text]
    assert answers
    assert all("沪C" in text for text in answers), "a refusal stands beside its own plate"
    cut = [f.text for f in frames if f.states == ("cut",)]
    assert len(set(cut)) == 1
    assert "请到收银台付款" in cut[0]
