"""Run by the version before's Python path: carries out what comes as JSON lines with its client, outbox and courier."""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path
from typing import Any

from controller.client import HttpBalanceService
from controller.courier import Courier, balance_senders
from controller.outbox import Outbox
from controller.signing import DeviceKey, Signer
from controller.statefile import StateFile
from service.wire import Question, decode, encode

from controller.clock import SystemClock


def main(url: str, key: str, state: str) -> None:
    clock = SystemClock()
    service = HttpBalanceService(url, "S1", sign=Signer(DeviceKey.load(Path(key)), clock))
    outbox = Outbox(StateFile(Path(state), clock), clock)
    courier = Courier(outbox, balance_senders(service), clock, random.Random(1))

    def carry_out(wanted: dict[str, Any]) -> Any:
        match wanted["do"]:
            case "ask":
                return encode(service.ask(decode(Question, wanted["question"]), 30.0))
            case "renew":
                return encode(service.renew(wanted["authorisation"], 30.0))
            case "put":
                return outbox.put("fuelling", wanted["key"], wanted["fuelling"])
            case "send":
                courier.step()
                return {"waiting": len(outbox.waiting()), "parked": [m.reason for m in outbox.parked()]}
            case "prices":
                return [encode(price) for price in service.prices(5.0)]
        raise ValueError(wanted)

    for line in sys.stdin:
        try:
            answer = carry_out(json.loads(line))
        except Exception as error:
            answer = {"error": type(error).__name__, "text": str(error)}
        print(json.dumps(answer), flush=True)
    service.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
