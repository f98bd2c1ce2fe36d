"""Records every frame of a panel: what fills the screen, and every text that is seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

_RECORD = """() => {
  window.__frames = [];
  const seen = () => {
    const shown = [...document.querySelectorAll('#region .screen, #lost, .keyboard')].filter(e => e.checkVisibility());
    const states = shown.map(e => e.classList.contains('keyboard') ? 'keys' : e.dataset.state);
    const text = document.getElementById('panel').innerText.replace(/\\s+/g, ' ').trim();
    const visit = document.querySelector('#region .screen')?.dataset.visit ?? '';
    const last = window.__frames.at(-1);
    const next = {states, text, visit};
    if (JSON.stringify(last) !== JSON.stringify(next)) window.__frames.push(next);
  };
  const all = {subtree: true, childList: true, attributes: true, characterData: true};
  new MutationObserver(seen).observe(document.body, all);
  const each = () => { seen(); requestAnimationFrame(each); };
  each();
}"""


@dataclass(frozen=True)
class FrameSeen:
    """states: what was visible at once; one of them is right. text: all that could be read."""

    states: tuple[str, ...]
    text: str
    visit: str


def record(page: Any) -> None:
    """From now on, on this page, until it is loaded again."""
    page.evaluate(_RECORD)


def frames_of(page: Any) -> list[FrameSeen]:
    """Every frame that differed from the one before."""
    return [FrameSeen(tuple(f["states"]), f["text"], f["visit"]) for f in page.evaluate("() => window.__frames")]
