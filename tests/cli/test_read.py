"""`greenlane read`: its two outputs, and what it does about broken files."""

from __future__ import annotations

import argparse
import json
import os
import re
import tempfile
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from controller.checks import columns
from controller.errors import ReaderError
from controller.records import CharacterRead, Colour, PlateRead, Reading
from greenlane import language
from greenlane.cli import main, read
from hardware.pictures import open_picture
from models.annotate import annotated
from models.grammar import PlateKind
from models.training.drawing.plates import draw_plate

PLATE = PlateRead(
    characters=tuple(CharacterRead(character, 0.95 if character == "8" else 1.0) for character in "粤A84266"),
    corners=((40.04, 50.0), (160.0, 50.0), (160.0, 90.0), (40.0, 90.0)),
    colour=Colour.BLUE,
    kind="blue",
    rows=1,
    detection=0.97,
)


GUESS = replace(PLATE, characters=tuple(CharacterRead(character, 0.2) for character in "粤A84266"))


def one_plate(picture: np.ndarray) -> Reading:
    if min(picture.shape[:2]) < 8:
        raise ReaderError("too small to hold a plate")
    return Reading((PLATE,), {"detect": 9.876, "rectify": 0.1, "recognise": 2.0})


def jpeg(path: Path, width: int = 320, height: int = 200) -> Path:
    noise = np.random.default_rng(1).integers(0, 255, (height, width, 3), np.uint8)
    cv2.imencode(".jpg", noise)[1].tofile(path)
    return path


def arguments(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    read.add_arguments(parser)
    return parser.parse_args(words)


@pytest.fixture
def bad_files(tmp_path: Path) -> dict[str, Path]:
    whole = jpeg(tmp_path / "whole.jpg").read_bytes()
    contents = {
        "empty.jpg": b"",
        "text.jpg": "车牌 not a picture\n".encode(),
        "truncated.jpg": whole[: len(whole) // 2],
        "header.jpg": whole[:20],
        "short.png": b"\x89PNG\r\n\x1a\n" + bytes(30),
        "no_end.jpg": whole[:-2],
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    cv2.imencode(".png", np.zeros((1, 1, 3), np.uint8))[1].tofile(tmp_path / "dot.png")
    return {name: tmp_path / name for name in [*contents, "dot.png", "absent.jpg"]}


def test_one_json_line_per_picture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paths = [jpeg(tmp_path / "粤 A.jpg"), jpeg(tmp_path / "b.jpg")]
    assert read.read_all(arguments("--json", *map(str, paths)), one_plate) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [json.loads(line)["path"] for line in lines] == [str(path) for path in paths]
    assert json.loads(lines[0]) == {
        "path": str(paths[0]),
        "width": 320,
        "height": 200,
        "plates": [
            {
                "text": "粤A84266",
                "confidence": 0.95,
                "weakest": 0.95,
                "certain": True,
                "doubts": [],
                "corners": [[40.0, 50.0], [160.0, 50.0], [160.0, 90.0], [40.0, 90.0]],
                "kind": "blue",
                "rows": 1,
            }
        ],
        "ms": {"detect": 9.88, "rectify": 0.1, "recognise": 2.0},
    }


def test_a_name_with_bytes_that_are_no_text_is_still_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = jpeg(tmp_path / "plain.jpg").rename(os.fsdecode(os.fsencode(tmp_path) + b"/bad\xff.jpg"))
    assert read.read_all(arguments("--json", str(path)), one_plate) == 0
    line = capsys.readouterr().out
    assert line.encode("utf-8")
    assert json.loads(line)["path"] == str(path)


def test_a_name_takes_one_line_and_hides_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = ("odd\n\x1b[31m.jpg", os.fsdecode(b"odd\xff.jpg"))
    for name in names:
        jpeg(tmp_path / "plain.jpg").rename(tmp_path / name)
    (tmp_path / "bad\x1b[2J.jpg").write_bytes(b"no picture")
    assert read.read_all(arguments("--annotate", str(tmp_path / "out"), str(tmp_path)), one_plate) == 1
    printed = capsys.readouterr()
    assert printed.err == f"{tmp_path}/bad\\x1b[2J.jpg: not a picture that OpenCV can decode\n"
    lines = [line for line in printed.out.splitlines() if "odd" in line]
    assert [line.split("/")[-1].split(".jpg")[0] for line in lines] == [
        r"odd\n\x1b[31m",
        r"odd\n\x1b[31m",
        r"odd\udcff",
        r"odd\udcff",
    ]


def test_bad_files_get_an_error_each_and_the_rest_goes_on(
    tmp_path: Path, bad_files: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    good = jpeg(tmp_path / "zz_good.jpg")
    paths = [*bad_files.values(), good]
    assert read.read_all(arguments("--json", *map(str, paths)), one_plate) == 1
    records = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [record["path"] for record in records] == [str(path) for path in paths]
    for record in records[:-1]:
        assert set(record) == {"path", "error"}, record
        assert record["error"]
    assert records[-1]["plates"]
    errors = {Path(record["path"]).name: record["error"] for record in records[:-1]}
    assert "empty" in errors["empty.jpg"]
    for name in ("truncated.jpg", "header.jpg", "no_end.jpg"):
        assert "cut off" in errors[name]
    assert "not a picture" in errors["text.jpg"]
    assert "too small" in errors["dot.png"]
    assert "No such file" in errors["absent.jpg"]


def test_bytes_after_the_end_of_a_jpeg_are_no_error(tmp_path: Path) -> None:
    picture = jpeg(tmp_path / "padded.jpg")
    picture.write_bytes(picture.read_bytes() + b"camera data")
    assert open_picture(picture).shape == (200, 320, 3)


def test_people_get_a_table_and_errors_on_stderr(
    tmp_path: Path, bad_files: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    words = [str(jpeg(tmp_path / "one.jpg")), str(bad_files["empty.jpg"])]
    assert read.read_all(arguments(*words), one_plate) == 1
    output = capsys.readouterr()
    assert "粤A84266" in output.out
    assert "95.0%" in output.out
    assert "empty" in output.err
    assert "empty" not in output.out


def test_a_guess_is_never_shown_as_a_plate(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """That something stands there is told by its place; what is hardly readable has no text, in none of the outputs."""
    path = str(jpeg(tmp_path / "one.jpg"))
    assert read.read_all(arguments(path), lambda picture: Reading((GUESS,))) == 0
    shown = capsys.readouterr().out
    assert "(hardly readable)" in shown
    assert "120 px wide at 100,70" in shown
    assert "粤A84266" not in shown
    assert read.read_all(arguments("--json", path), lambda picture: Reading((GUESS,))) == 0
    (plate,) = json.loads(capsys.readouterr().out)["plates"]
    assert (plate["text"], plate["guess"], plate["weakest"]) == ("", "粤A84266", 0.2)
    black = np.zeros((200, 320, 3), np.uint8)
    assert np.array_equal(annotated(black, [GUESS]), annotated(black, [replace(GUESS, characters=())]))
    assert not np.array_equal(annotated(black, [GUESS]), annotated(black, [PLATE]))


def test_the_handbook_names_every_field_of_the_json(tmp_path: Path) -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "reader.md").read_text(encoding="utf-8")
    table = page.partition("| field |")[2].partition("\n\n")[0]
    told = {name for row in table.splitlines()[2:] for name in re.findall(r"`(\w+)`", row.split("|")[1])}
    good = read.PictureOutcome(tmp_path, 320, 200, Reading((GUESS,)), annotated=tmp_path)
    bad = read.PictureOutcome(tmp_path, error="is empty")
    assert told == {*read.record(good), *read.record(good)["plates"][0], *read.record(bad)}


def test_doubts_are_listed_as_chinese_lists_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    doubted = replace(PLATE, doubts=("edge", "covered", "unsure"))
    language.speak("zh")
    try:
        assert read.read_all(arguments(str(jpeg(tmp_path / "one.jpg"))), lambda picture: Reading((doubted,))) == 0
    finally:
        language.speak(language.ENGLISH)
    assert capsys.readouterr().out.splitlines()[1].endswith("，没有把握：靠画面边缘、有遮挡、看不清")


@pytest.mark.parametrize(("lang", "sure"), [("en", "sure,"), ("zh", "把握")])
def test_plates_of_a_picture_stand_in_straight_columns(
    lang: str, sure: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plates = (PLATE, replace(PLATE, kind="new_energy_small"), GUESS)
    language.speak(lang)
    try:
        assert read.read_all(arguments(str(jpeg(tmp_path / "one.jpg"))), lambda picture: Reading(plates)) == 0
    finally:
        language.speak(language.ENGLISH)
    lines = capsys.readouterr().out.splitlines()[1:]
    assert len(lines) == 3
    for before in (sure, " 120 px"):
        assert len({columns(line.partition(before)[0]) for line in lines}) == 1, lines


def test_nothing_found_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert read.read_all(arguments(str(jpeg(tmp_path / "one.jpg"))), lambda picture: Reading(())) == 0
    assert "no plate" in capsys.readouterr().out


def test_folders_are_walked_in_order_and_other_files_left_alone(tmp_path: Path) -> None:
    (tmp_path / "车" / "sub").mkdir(parents=True)
    for name in ("b.JPG", "a.png", "sub/c.jpeg", "notes.txt"):
        jpeg(tmp_path / "车" / name)
    names = [path.name for path in read.walk([tmp_path / "车", tmp_path / "车" / "notes.txt"])]
    assert names == ["a.png", "b.JPG", "c.jpeg", "notes.txt"]


def test_what_only_seems_to_be_a_picture_of_a_folder_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "lane"
    (folder / "day").mkdir(parents=True)
    (folder / "dangling.jpg").symlink_to(tmp_path / "moved.jpg")
    (folder / "loop.jpg").symlink_to(folder / "loop.jpg")
    os.mkfifo(folder / "day" / "pipe.png")
    good = jpeg(folder / "whole.jpg")
    for out in ((), ("--annotate", str(folder / "out"))):
        assert read.read_all(arguments(*out, str(folder)), one_plate) == 1
        printed = capsys.readouterr()
        assert str(good) in printed.out
        assert printed.err.splitlines() == [
            f"{folder}/dangling.jpg: cannot be opened: No such file or directory",
            f"{folder}/day/pipe.png: cannot be opened: not a regular file",
            f"{folder}/loop.jpg: cannot be opened: Too many levels of symbolic links",
        ]


def test_linked_folders_are_walked_once(tmp_path: Path) -> None:
    (tmp_path / "card").mkdir()
    jpeg(tmp_path / "card" / "a.jpg")
    (tmp_path / "lane").mkdir()
    (tmp_path / "lane" / "linked").symlink_to(tmp_path / "card")
    (tmp_path / "lane" / "linked again").symlink_to(tmp_path / "card")
    (tmp_path / "card" / "back").symlink_to(tmp_path / "lane")
    assert list(read.walk([tmp_path / "lane"])) == [tmp_path / "lane" / "linked" / "a.jpg"]


def test_what_is_hidden_in_a_folder_is_left_out_but_not_if_it_is_named(tmp_path: Path) -> None:
    (tmp_path / ".Trashes").mkdir()
    for name in ("a.jpg", "._a.jpg", ".Trashes/b.jpg"):
        jpeg(tmp_path / name)
    assert list(read.walk([tmp_path])) == [tmp_path / "a.jpg"]
    for named in (tmp_path / "._a.jpg", tmp_path / ".Trashes" / "b.jpg"):
        assert list(read.walk([named])) == [named]
    assert list(read.walk([tmp_path / ".Trashes"])) == [tmp_path / ".Trashes" / "b.jpg"]


def test_a_folder_that_may_not_be_looked_into_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root acts as another user")
    with tempfile.TemporaryDirectory() as named:
        folder = Path(named)
        folder.chmod(0o755)
        jpeg(folder / "a.jpg")
        (folder / "secret").mkdir(mode=0o700)
        jpeg(folder / "mine.jpg").chmod(0o600)
        os.seteuid(65534)
        try:
            assert read.read_all(arguments(str(folder), str(folder / "secret" / "x.jpg")), one_plate) == 1
        finally:
            os.seteuid(0)
        assert capsys.readouterr().err.splitlines() == [
            f"{folder}/{name}: cannot be opened: Permission denied" for name in ("mine.jpg", "secret", "secret/x.jpg")
        ]


def test_a_folder_without_pictures_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "notes.txt").touch()
    (tmp_path / "sub.d").mkdir()
    assert read.read_all(arguments(str(tmp_path), str(jpeg(tmp_path / "sub.d" / "x.jpg"))), one_plate) == 0
    (tmp_path / "sub.d" / "x.jpg").unlink()
    assert read.read_all(arguments(str(tmp_path)), one_plate) == 1
    assert capsys.readouterr().err == f"{tmp_path}: no pictures in this folder\n"
    assert read.read_all(arguments("--json", str(tmp_path)), one_plate) == 1
    assert json.loads(capsys.readouterr().out) == {"path": str(tmp_path), "error": "no pictures in this folder"}


def test_annotated_pictures_show_the_box(tmp_path: Path) -> None:
    black = tmp_path / "黑.png"
    cv2.imencode(".png", np.zeros((200, 320, 3), np.uint8))[1].tofile(black)
    assert read.read_all(arguments("--annotate", str(tmp_path / "out"), str(black)), one_plate) == 0
    drawn = cv2.imdecode(np.fromfile(tmp_path / "out" / "黑.jpg", np.uint8), cv2.IMREAD_COLOR)
    assert drawn[45:95, 35:165].max() > 150
    assert drawn[120:].max() < 60


def test_an_annotated_picture_overwrites_neither_an_input_nor_another_result(tmp_path: Path) -> None:
    for name in ("a/lane.jpg", "b/lane.jpg", "b/lane.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        jpeg(tmp_path / name)
    before = (tmp_path / "a/lane.jpg").read_bytes()
    for out in ("a", "out", "out"):
        assert read.read_all(arguments("--annotate", str(tmp_path / out), str(tmp_path / "a/lane.jpg")), one_plate) == 0
    assert read.read_all(arguments("--annotate", str(tmp_path / "b/out"), str(tmp_path / "b")), one_plate) == 0
    assert (tmp_path / "a/lane.jpg").read_bytes() == before
    assert sorted(p.name for p in (tmp_path / "a").iterdir()) == ["lane-2.jpg", "lane.jpg"]
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["lane-2.jpg", "lane.jpg"]
    assert sorted(p.name for p in (tmp_path / "b/out").iterdir()) == ["lane-2.jpg", "lane.jpg"]
    assert read.read_all(arguments("--annotate", str(tmp_path / "b/out"), str(tmp_path / "b")), one_plate) == 0
    assert len(list((tmp_path / "b/out").iterdir())) == 4, "the results of the run before are not pictures to read"


def test_what_cannot_be_read_or_written_is_told_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "file").touch()
    assert main(["read", str(tmp_path / "pipe.jpg")]) == 1
    assert capsys.readouterr().err == f"{tmp_path / 'pipe.jpg'}: cannot be opened: not a regular file\n"
    assert main(["read", "--annotate", str(tmp_path / "file"), str(jpeg(tmp_path / "x.jpg"))]) == 1
    printed = capsys.readouterr()
    assert (printed.out, printed.err.count("\n")) == ("", 1)
    assert "name another folder" in printed.err


def test_the_shipped_reader_reads_a_drawn_plate(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    drawn = draw_plate(np.random.default_rng(6), PlateKind.BLUE, "粤B5PQ23")
    scene = np.full((360, 640, 3), 90, np.uint8)
    plate = cv2.resize(drawn.image, (176, 56), interpolation=cv2.INTER_AREA)
    scene[200:256, 240:416] = cv2.GaussianBlur(plate, (0, 0), 0.7)
    cv2.imencode(".png", scene)[1].tofile(tmp_path / "画.png")
    cv2.imencode(".png", plate)[1].tofile(tmp_path / "crop.png")
    assert read.run(arguments("--json", str(tmp_path / "画.png"))) == 0
    assert read.run(arguments("--json", "--crop", str(tmp_path / "crop.png"))) == 0
    in_scene, alone = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert [plate["text"] for plate in in_scene["plates"]] == ["粤B5PQ23"]
    assert [plate["text"] for plate in alone["plates"]] == ["粤B5PQ23"]
    (found,) = in_scene["plates"]
    assert (found["kind"], found["rows"]) == ("blue", 1)
    assert np.abs(np.array(found["corners"]) - [[240, 200], [416, 200], [416, 256], [240, 256]]).max() < 14
    assert set(in_scene["ms"]) == {"detect", "rectify", "recognise", "doubt"}
