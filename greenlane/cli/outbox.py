"""`greenlane outbox`: messages that wait for the balance service, and those that it refused for good."""

from __future__ import annotations

import argparse
import getpass
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from greenlane.cli.options import escaped, lane_zone, stamp, whole
from greenlane.language import tr
from wire.errors import GreenlaneError

if TYPE_CHECKING:
    from controller.outbound.outbox import Message, MessageAction, Outbox

EPILOG = """examples:
  greenlane outbox list                               what waits, and what the service refused for good
  greenlane outbox retry 12 --why "card mended"       send a refused message again
  greenlane outbox discard 12 --why "posted by hand"  give it up; the record stays
  greenlane outbox trail                              who sent one again or gave it up, when and why

exit status of list and trail: 0, whatever they show
"""
LONGEST_TEXT = 1000
"""Of a name or reason that is recorded, as for `greenlane admin`."""

DEFAULT_STATE_DIR = Path("/var/lib/greenlane")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EPILOG
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    listing = actions.add_parser("list", help="what waits, and what the service refused for good")
    listing.add_argument("--json", action="store_true", help="one JSON document, with the messages' bodies")
    _add_place(listing)
    for name, words in (("retry", "send a refused message again"), ("discard", "give it up; the record stays")):
        action = actions.add_parser(name, help=words)
        action.add_argument("id", type=whole(1, 2**63 - 1), metavar="ID", help="as `greenlane outbox list` shows it")
        action.add_argument("--why", required=True, metavar="TEXT", help="recorded with it")
        action.add_argument("--who", metavar="NAME", help="who does it; recorded (default: the user)")
        _add_place(action)
    trail = actions.add_parser("trail", help="who sent refused messages again or gave them up, newest first")
    trail.add_argument("--limit", type=whole(1, 1_000_000), default=50, metavar="N", help="lines (default: 50)")
    trail.add_argument("--json", action="store_true", help="print one JSON document")
    _add_place(trail)


def _add_place(parser: argparse.ArgumentParser) -> None:
    place = parser.add_mutually_exclusive_group()
    place.add_argument("--config", type=Path, metavar="FILE", help="settings of the lane, which name its state folder")
    place.add_argument("--state", type=Path, metavar="DIR", help=f"that folder itself (default {DEFAULT_STATE_DIR})")


def run(args: argparse.Namespace) -> int:
    with _outbox(args.state or _state_dir(args.config), writes=args.action in ("retry", "discard")) as outbox:
        if args.action == "list":
            _list(outbox, args)
        elif args.action == "trail":
            _trail(outbox.newest_actions(args.limit), args)
        else:
            settle(outbox, args.action, args.id, args.who, args.why)
    return 0


def run_old(args: argparse.Namespace, state_dir: Path) -> int:
    """What `greenlane explain --parked, --retry, --discard` ask for, as they did before. Raises GreenlaneError."""
    with _outbox(state_dir, writes=not (args.retry is None and args.discard is None)) as outbox:
        if args.retry is not None:
            settle(outbox, "retry", args.retry, args.who, args.why)
        elif args.discard is not None:
            settle(outbox, "discard", args.discard, args.who, args.why)
        else:
            _show_parked(outbox.parked(), args)
    return 0


def settle(outbox: Outbox, action: str, number: int, who: str | None, why: str | None) -> None:
    """Retry or discard a parked message and say so. Raises GreenlaneError."""
    who = getpass.getuser() if who is None else who
    _require_plain("--who", who)
    if why is not None:
        _require_plain("--why", why)
    if action == "retry":
        outbox.retry(number, who, why or "")
        print(tr(f"message {number} goes out again within a minute"))
    else:
        outbox.discard(number, who, why or "")
        print(tr(f"message {number} is given up; it stays on record"))


def _require_plain(option: str, text: str) -> None:
    """A line break or a hidden character would forge lines of the trail. Raises GreenlaneError."""
    if not text.strip() or not text.isprintable() or len(text) > LONGEST_TEXT:
        raise GreenlaneError(f"{option}: write 1 to {LONGEST_TEXT} printable characters")


@contextmanager
def _outbox(state_dir: Path, *, writes: bool) -> Iterator[Outbox]:
    from controller.clock import SystemClock
    from controller.outbound.outbox import Outbox
    from controller.outbound.statefile import StateFile, StateUse
    from greenlane.wiring import STATE_FILE

    path = state_dir / STATE_FILE
    if not path.is_file():
        raise GreenlaneError(f"{path}: there is no outbox; name its folder's settings with --config")
    clock = SystemClock()
    with StateFile(path, clock, use=StateUse.WRITE if writes else StateUse.READ) as state:
        yield Outbox(state, clock)


def _state_dir(config: Path | None) -> Path:
    from controller import settings

    return Path(settings.load(config).trace.state_dir) if config else DEFAULT_STATE_DIR


def _list(outbox: Outbox, args: argparse.Namespace) -> None:
    waiting, parked = outbox.waiting(), outbox.parked()
    if args.json:
        document = {"waiting": [_facts(m) for m in waiting], "parked": [_facts(m) for m in parked]}
        print(json.dumps(document, ensure_ascii=False, indent=1))
        return
    print(tr(f"{len(waiting)} waiting: they go out when the service answers" if waiting else "0 waiting"))
    for message in waiting:
        print(f"{message.id:>6}  {escaped(f'{tr(message.kind)} {message.key}')}")
    print(
        tr(f"{len(parked)} refused for good: retry or discard them by their number" if parked else "0 refused for good")
    )
    _show(parked, args.config)


def _trail(actions: tuple[MessageAction, ...], args: argparse.Namespace) -> None:
    if args.json:
        print(json.dumps([{**asdict(a), "at": a.at.isoformat()} for a in actions], ensure_ascii=False, indent=1))
        return
    if not actions:
        print(tr("nobody has sent a refused message again or given one up"))
    zone = lane_zone(args.config)
    for action in actions:
        what = tr("message") if action.kind is None else f"{tr(action.kind)} {action.key}"
        done = tr("sent again") if action.action == "retry" else tr("given up")
        why = f": {action.why}" if action.why else ""
        print(f"{action.message:>6}  {stamp(action.at, zone)}  {escaped(f'{action.who}  {done}  {what}{why}')}")


def _show_parked(messages: tuple[Message, ...], args: argparse.Namespace) -> None:
    if args.json:
        print(json.dumps([_facts(message) for message in messages], ensure_ascii=False, indent=1))
    elif not messages:
        print(tr("no message is parked"))
    _show(() if args.json else messages, args.config)


def _show(messages: tuple[Message, ...], config: Path | None) -> None:
    zone = lane_zone(config)
    for message in messages:
        parked_at = "" if message.settled_at is None else stamp(message.settled_at, zone)
        what = f"{tr(message.kind)} {message.key}: {message.reason} ({tr(message.last_error or '')})"
        print(f"{message.id:>6}  {parked_at}  {escaped(what)}")


def _facts(message: Message) -> dict[str, object]:
    return {
        "id": message.id,
        "kind": message.kind,
        "key": message.key,
        "reason": message.reason,
        "detail": message.last_error,
        "parked_at": message.settled_at and message.settled_at.isoformat(),
        "body": message.body,
    }
