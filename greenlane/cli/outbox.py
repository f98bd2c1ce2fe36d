"""Messages that the balance service refused for good: shown, sent again, or given up with a name and a reason."""

from __future__ import annotations

import argparse
import getpass
import json
from pathlib import Path
from typing import TYPE_CHECKING

from controller.errors import GreenlaneError

if TYPE_CHECKING:
    from controller.outbound.outbox import Message, Outbox


def run(args: argparse.Namespace, state_dir: Path) -> int:
    """What --parked, --retry or --discard ask for. Raises GreenlaneError."""
    from controller.clock import SystemClock
    from controller.outbound.outbox import Outbox
    from controller.outbound.statefile import StateFile
    from greenlane.wiring import STATE_FILE

    path = state_dir / STATE_FILE
    if not path.is_file():
        raise GreenlaneError(f"{path}: there is no outbox; name its folder's settings with --config")
    clock = SystemClock()
    with StateFile(path, clock) as state:
        return _act(Outbox(state, clock), args)


def _act(outbox: Outbox, args: argparse.Namespace) -> int:
    who = args.who or getpass.getuser()
    if args.retry is not None:
        outbox.retry(args.retry, who, args.why)
        print(f"message {args.retry} goes out again within a minute")
    elif args.discard is not None:
        outbox.discard(args.discard, who, args.why)
        print(f"message {args.discard} is given up; it stays on record")
    else:
        _show(outbox.parked(), args.json)
    return 0


def _show(messages: tuple[Message, ...], as_json: bool) -> None:
    if as_json:
        print(json.dumps([_facts(message) for message in messages], ensure_ascii=False, indent=1))
        return
    if not messages:
        print("no message is parked")
    for message in messages:
        parked_at = "" if message.settled_at is None else f"{message.settled_at.astimezone():%Y-%m-%d %H:%M:%S}"
        print(f"{message.id:>6}  {parked_at}  {message.kind} {message.key}: {message.reason} ({message.last_error})")


def _facts(message: Message) -> dict[str, object]:
    return {
        "id": message.id,
        "kind": message.kind,
        "key": message.key,
        "reason": message.reason,
        "detail": message.last_error,
        "parked_at": message.settled_at and message.settled_at.isoformat(),
        "body": dict(message.body),
    }
