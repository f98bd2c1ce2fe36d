"""`greenlane calibrate`: sets a lane up on its live camera or on a clip."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from greenlane.cli.options import LANE_SETTINGS, add_config, add_engine, one_line
from wire.spelling.numbers import typed_number

if TYPE_CHECKING:
    from controller.checks import Check
    from controller.records import Region
    from controller.settings_records import Settings
    from greenlane.cli.calibrate_run import CameraSurvey

EXAMPLES = """
Let a vehicle with a clean plate stand where drivers stop. Every line is OK, WARN or FAIL with what to turn. The lamp
shows red, green, red. When no line failed, the lane's part of the picture is written to the settings file, and the
engine: ONNX Runtime where it is installed and passes its self-test, else OpenCV.

examples:
  greenlane calibrate                                    the camera of /etc/greenlane/lane.toml, 15 seconds
  greenlane calibrate --config lane.toml --picture setup.jpg
  greenlane calibrate --clip lane.mp4                    judge a recording: no lamp, and no settings are written
  greenlane calibrate --clip lane.mp4 --config lane.toml  as above, and the region goes into lane.toml
  greenlane calibrate --region 0.1,0.3,0.9,1.0 --yes     this region, and nobody watches the lamp

exit status: 0 when nothing failed, 1 when something did
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EXAMPLES
    add_config(parser, default=None)
    parser.add_argument(
        "--clip",
        type=Path,
        metavar="FILE",
        help="a recording instead of the camera; only with --config its region is written and the lamp shown",
    )
    parser.add_argument(
        "--seconds", type=_seconds, default=15.0, metavar="S", help="how long to look (default %(default)s)"
    )
    parser.add_argument(
        "--region",
        type=_region,
        metavar="L,T,R,B",
        help="the lane's part of the picture as shares of its width and height, instead of a proposal",
    )
    parser.add_argument(
        "--picture",
        type=Path,
        default=Path("calibration.jpg"),
        metavar="FILE",
        help="annotated picture (default %(default)s)",
    )
    add_engine(parser, help="chosen by a self-test", default=None)
    parser.add_argument("--no-lamp", action="store_true", help="leave the lamp alone")
    parser.add_argument("--yes", action="store_true", help="ask nothing: take the lamp test as seen")
    parser.add_argument("--dry-run", action="store_true", help="write no settings")
    parser.add_argument(
        "--json", action="store_true", help="end with one JSON document; everything else goes to stderr"
    )


def run(args: argparse.Namespace) -> int:
    from controller import checks, log
    from greenlane.cli import calibrate_run

    log.set_up("CRITICAL")
    settings = calibrate_run.settings_of(args.config, args.clip, LANE_SETTINGS)
    _check_outputs(args)
    settings, engine = calibrate_run.with_engine(settings, args.engine)
    sighting = calibrate_run.look(settings, args.seconds, args.region)
    found = [engine, *sighting.checks]
    region = args.region or sighting.region
    calibrate_run.save_picture(args.picture, sighting, region or settings.camera.area)
    out = sys.stderr if args.json else sys.stdout
    print("\n".join(checks.lines(found, paint=out.isatty(), words=one_line)), file=out)
    if _of_lane(args) and not args.no_lamp and settings.lane.role == "pump":
        found.append(calibrate_run.show_lamp(settings, ask=not args.yes))
        print("\n".join(checks.lines(found[-1:], paint=out.isatty(), words=one_line, above=found)), file=out)
    written = _write(args, settings, region, found)
    print(f"{one_line(f'picture: {args.picture}')}\n{one_line(written)}", file=out)
    if args.json:
        print(json.dumps(_document(args, sighting, region, found), ensure_ascii=False, indent=1))
    return 1 if checks.worst(found) is checks.Severity.FAIL else 0


def _check_outputs(args: argparse.Namespace) -> None:
    """Nobody looks for 15 seconds at what cannot be kept. Raises GreenlaneError."""
    from greenlane.cli import calibrate_run
    from wire.outputs import check_file, check_folder

    calibrate_run.check_picture(args.picture)
    check_file("--picture", args.picture, [args.clip] if args.clip else [], calibrate_run.is_picture)
    if _of_lane(args) and not args.dry_run:
        config = args.config or LANE_SETTINGS
        check_folder("--config", config.absolute().parent)
        check_file("--config", config)


def _of_lane(args: argparse.Namespace) -> bool:
    """Whether a lane is set up: a recording alone is judged, wherever it is from and whatever this machine is."""
    return args.clip is None or args.config is not None


def _write(args: argparse.Namespace, settings: Settings, region: Region | None, found: list[Check]) -> str:
    """Store the region where there is one worth storing, and say what was done."""
    from controller import checks
    from controller import settings as settings_file
    from controller.watching.moved_view import clear_mark

    if region is None:
        return "settings: nothing to write"
    text = f"region = [{region.left}, {region.top}, {region.right}, {region.bottom}]"
    if args.dry_run:
        return f"settings: nothing written (--dry-run); proposed {text}"
    if not _of_lane(args):
        return f"settings: nothing written without --config FILE, the lane that this recording is of; proposed {text}"
    if checks.worst(found) is checks.Severity.FAIL and args.region is None:
        return f"settings: nothing written while a check fails; proposed {text}, or give it with --region"
    sides = (region.left, region.top, region.right, region.bottom)
    config = args.config or LANE_SETTINGS
    settings_file.update_file(config, {("camera", "region"): sides, ("reader", "engine"): settings.reader.engine})
    if args.clip is None:
        clear_mark(Path(settings.trace.state_dir))
    return f"settings: {text} written to {config}"


def _document(
    args: argparse.Namespace, sighting: CameraSurvey, region: Region | None, found: list[Check]
) -> dict[str, object]:
    return {
        "checks": [check.facts() for check in found],
        "region": None if region is None else [region.left, region.top, region.right, region.bottom],
        "measures": sighting.facts(),
        "frames": sighting.frames,
        "reads": len(sighting.plates),
        "plates": dict(Counter(plate.text for plate in sighting.plates).most_common()),
        "picture": str(args.picture),
    }


def _region(text: str) -> Region:
    from controller.records import Region

    try:
        left, top, right, bottom = (typed_number(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r}: write four shares, such as 0.1,0.3,0.9,1.0") from None
    if not (0 <= left < right <= 1 and 0 <= top < bottom <= 1):
        raise argparse.ArgumentTypeError(f"{text!r}: left below right and top above bottom, all from 0 to 1")
    return Region(left, top, right, bottom)


def _seconds(text: str) -> float:
    try:
        seconds = typed_number(text)
    except ValueError:
        seconds = 0.0
    if not 1 <= seconds <= 600:
        raise argparse.ArgumentTypeError(f"{text!r} is not a time from 1 to 600 seconds")
    return seconds
