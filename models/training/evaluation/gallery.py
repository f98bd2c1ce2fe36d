"""A page of every wrong read with its strip, for the eyes of those who have the pictures: it is never shipped."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path

import cv2
import numpy as np

from models.rectify import rectify
from models.training.data.realdata import Image, RealCrop
from models.training.evaluation.counts import Judged
from models.training.evaluation.reads import corners_of

STYLE = (
    "body{font:15px/1.5 system-ui,'Noto Sans CJK SC',sans-serif;margin:24px;color:#1b2420}"
    "figure{display:inline-block;margin:0 18px 26px 0;vertical-align:top}img{display:block;width:384px;"
    "image-rendering:pixelated;margin-bottom:4px}td{padding:0 7px 0 0;text-align:center;font-size:13px}"
    ".wrong{color:#c7322b;font-weight:700}small{color:#5d6a64}"
)


def write_gallery(folder: Path, crops: Sequence[RealCrop], judged: Sequence[Judged]) -> int:
    """Write index.html with strips beside it, the surest errors first; returns how many."""
    folder.mkdir(parents=True, exist_ok=True)
    wrong = [(crop, read) for crop, read in zip(crops, judged, strict=True) if not read.exact]
    wrong.sort(key=lambda pair: -pair[1].weakest)
    figures = []
    for number, (crop, read) in enumerate(wrong, 1):
        name = f"{number:03d}.png"
        strip = rectify(crop.image, corners_of(crop), crop.rows)
        _write(folder / name, strip)
        figures.append(_figure(name, read))
    title = f"{len(wrong)} of {len(judged)} held-out plates read wrongly"
    page = f"<!doctype html><meta charset=utf-8><title>{title}</title><style>{STYLE}</style><h1>{title}</h1>"
    (folder / "index.html").write_text(page + "\n".join(figures), encoding="utf-8")
    return len(wrong)


def _write(path: Path, strip: Image) -> None:
    large = cv2.resize(strip, None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC)
    path.write_bytes(np.asarray(cv2.imencode(".png", large)[1]).tobytes())


def _figure(name: str, read: Judged) -> str:
    """Strip, truth, read with each character's probability, and what is known of the picture."""
    truth = read.truth if len(read.truth) == len(read.characters) else ""
    characters = "".join(
        f'<td class="{"wrong" if truth and truth[place] != character.character else ""}">'
        f"{escape(character.character)}<br>"
        f"{character.probability:.2f}</td>"
        for place, character in enumerate(read.characters)
    )
    seen = read.measures
    about = "" if seen is None else f", blur {seen.blur_px:.2f} px, tilt {seen.tilt_degrees:.0f} degrees"
    return (
        f'<figure><img src="{name}" alt=""><b>{escape(read.truth)}</b> read as '
        f"<b>{escape(read.text or 'nothing')}</b><table><tr>{characters}</tr></table>"
        f"<small>{escape(read.group)}, {read.width_px:.0f} px{about}, weakest {read.weakest:.2f}</small></figure>"
    )
