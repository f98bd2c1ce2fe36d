"""`python -m models.training glyphs`: make the store of character masks anew."""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from models.glyphs import GLYPH_HEIGHT, GLYPH_WIDTH, STORE, GlyphSet, save_glyphs
from models.grammar import ALPHABET
from models.training.data.realdata import RealCrop, data_folder
from models.training.drawing.glyphs import FONT_FOLDER, make_glyphs, missing_fonts
from models.training.recogniser.mixing import load_real_data
from wire.outputs import check_file

FONT_PACKAGES = "fonts-noto-cjk fonts-wqy-zenhei fonts-roboto fonts-liberation fonts-dejavu fonts-open-sans"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", type=Path, default=STORE, help="the store to write (default: the shipped one)")
    parser.add_argument("--fonts", type=Path, default=FONT_FOLDER, help="where the public fonts lie")
    parser.add_argument("--sheet", type=Path, help="also write a picture of all masks here")


def run(args: argparse.Namespace) -> int:
    """Needs the real crops and the fonts; 1 with the reason where either is missing."""
    folder = data_folder()
    if folder is None:
        print("no real crops: set GREENLANE_DATA to the folder that holds crops.csv")
        return 1
    if missing := missing_fonts(args.fonts):
        print(f"not under {args.fonts}: {', '.join(missing)}; on Debian: apt-get install {FONT_PACKAGES}")
        return 1
    check_file("--out", args.out)
    if args.sheet:
        check_file("--sheet", args.sheet)
    crops = [flat_crop(crop) for crop in load_real_data(folder).train if crop.rows == 1]
    glyphs = make_glyphs(crops, args.fonts)
    save_glyphs(glyphs, args.out)
    print(f"{args.out}: " + ", ".join(f"{style} {len(masks)} characters" for style, masks in glyphs.masks.items()))
    if args.sheet:
        cv2.imwrite(str(args.sheet), sheet_of(glyphs))
    return 0


def flat_crop(crop: RealCrop) -> RealCrop:
    """A crop whose image is the plate alone, 220x70 pixels where corners are labelled."""
    if crop.corners is None:
        return crop
    flat = np.asarray([[0, 0], [220, 0], [220, 70], [0, 70]], np.float32) - 0.5
    image = cv2.warpPerspective(crop.image, cv2.getPerspectiveTransform(crop.corners, flat), (220, 70))
    return RealCrop(np.asarray(image, np.uint8), crop.text, crop.source)


def sheet_of(glyphs: GlyphSet) -> NDArray[np.uint8]:
    """One row of masks per style, in alphabet order."""
    empty = np.zeros((GLYPH_HEIGHT, GLYPH_WIDTH), np.uint8)
    rows = [np.hstack([masks.get(character, empty) for character in ALPHABET]) for masks in glyphs.masks.values()]
    return np.asarray(np.vstack(rows), np.uint8)
