"""One example for the --help of every command that has none of its own."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from greenlane.language import tr

EXAMPLES = """
greenlane read --annotate out photo.jpg folder/
greenlane admin card create C1001 --name "Wang Logistics"
greenlane admin card show C1001
greenlane admin card list --json
greenlane admin card block C1001
greenlane admin card unblock C1001
greenlane admin card preset C1001 200
greenlane admin card set C1001 --typed pin
greenlane admin plate bind 粤B12345 C1001
greenlane admin plate show 粤B12345
greenlane admin plate list --card C1001
greenlane admin plate unbind 粤B12345
greenlane admin plate block 粤B12345
greenlane admin plate unblock 粤B12345
greenlane admin plate release 粤B12345 --why "unit of L1 is dead"
greenlane admin plate set 粤B12345 --typed refuse
greenlane admin top-up C1001 500 --note "paid in at the counter"
greenlane admin refund C1001 20
greenlane admin correct C1001 -3.20 --note "charged twice on paper"
greenlane admin suspense --station S1
greenlane admin claim dispenser-1 418 C1001 --note "driver came back"
greenlane admin write-off dispenser-1 420 --note "test of the pump"
greenlane admin explain-gap dispenser-1 419 --note "meter replaced"
greenlane admin station set S1 --title "Ring road east" --preset 100
greenlane admin station list
greenlane admin station show S1
greenlane admin price set S1 92 7.50
greenlane admin price list S1
greenlane admin statement C1001 --since 2026-05-01 --csv
greenlane admin reconcile S1 2026-05-04
greenlane admin rejected --station S1
greenlane admin audit --head head.txt
greenlane admin enrol --kind lane --station S1 --lane L1
greenlane admin device list --station S1
greenlane admin device revoke d-4t9x2m7kqa
greenlane admin dispenser list S1
greenlane admin dispenser bind S1 dispenser-1 L2
greenlane admin dispenser release S1 dispenser-1 L1
greenlane admin person add wang --role attendant --station S1
greenlane admin person role wang cashier
greenlane admin person password wang
greenlane admin person disable wang
greenlane admin person enable wang
greenlane admin person list
greenlane admin trail --subject C1001
greenlane admin offline station S1 200
greenlane admin offline card C1001 500
greenlane admin offline list S1
greenlane admin offline phones S1
greenlane admin offline key
greenlane admin offline visits --station S1
greenlane admin offline conflicts --station S1 --days 7
greenlane admin phone add chen --wallet 300
greenlane admin phone code chen
greenlane admin phone list
greenlane admin phone revoke chen
greenlane admin phone pin chen
greenlane admin phone export chen
greenlane admin phone erase chen
greenlane admin phone scrub
greenlane admin phone top-up chen 200
greenlane admin phone refund chen 20
greenlane admin phone pay-by chen wechatpay
greenlane admin phone correct chen -3.20 --note "charged twice on paper"
greenlane admin payment list
greenlane admin payment check 粤B12345 --amount 200
greenlane admin payer set 粤B12345 chen --hours 8-16
greenlane admin payer unset 粤B12345 chen
greenlane admin payer rule 粤B12345 phone-then-card
greenlane admin payer gap 粤B12345 0-8 refuse
greenlane admin payer owner 粤B12345 chen
greenlane admin payer not-me 粤B12345 chen
greenlane admin payer lift 粤B12345 chen
greenlane admin payer agreed 粤B12345
greenlane admin payer show 粤B12345
greenlane admin payer at 粤B12345 2026-05-04T16:30+08:00
greenlane admin charge list --phone chen
greenlane admin charge settle c-0123456789abcdef
greenlane admin charge refund c-0123456789abcdef 20
greenlane admin charge resolve c-0123456789abcdef --for driver --why "the pump ran on"
greenlane admin vehicle set 粤B12345 --tank 60 --per-100km 8.5
greenlane admin vehicle show 粤B12345
greenlane admin vehicle list
greenlane admin vehicle token 粤B12345
greenlane admin fleet add wang-logistics
greenlane admin fleet plate wang-logistics 粤B12345
greenlane admin fleet release wang-logistics 粤B12345
greenlane admin fleet list
greenlane admin odometer import 粤B12345 odometer.csv
greenlane admin track import 粤B12345 track.gpx
greenlane admin track forget --keep-days 90
greenlane admin track erase 粤B12345 chen
greenlane admin track agree 粤B12345 chen
greenlane admin track withdraw 粤B12345 chen
greenlane admin track agreed 粤B12345
greenlane admin place add "Depot north" --at 22.5431,114.0579
greenlane admin place remove "Depot north"
greenlane admin place list
greenlane admin places 粤B12345 --from 2026-05-01
greenlane admin exceptions --fleet wang-logistics
greenlane admin consumption 粤B12345 --from 2026-05-01
greenlane admin backup --to /var/backups/greenlane --keep 14
greenlane admin restore /var/backups/greenlane/greenlane-20260504T193000Z.sqlite3
greenlane admin typed --last 20
greenlane admin shift list --station S1
greenlane outbox list
greenlane outbox retry 12 --why "station set up now"
greenlane outbox discard 13 --why "posted by hand, claim 4711"
greenlane outbox trail --limit 10
greenlane bench lane --quick
greenlane bench peers --pictures 50
greenlane bench peers --reads 8 --width 650
greenlane bench service --clients 16 --seconds 10
greenlane bench station --lanes 8 --seconds 30
greenlane bench sales --fills 2000
greenlane bench audit --postings 100000
greenlane bench efficiency --vehicles 20
greenlane bench growth --stations 100
greenlane bench streams --phones 500
greenlane bench payments --fuellings 300
greenlane bench paid --rates 5,20 --seconds 10
"""


def add_examples(parser: argparse.ArgumentParser, words: tuple[str, ...]) -> None:
    """Give this command and those below it that show no example the first one of theirs."""
    for deeper in _below(parser):
        for name, child in deeper.choices.items():
            add_examples(child, (*words, name))
    if "example" not in (parser.epilog or ""):
        command = " ".join(("greenlane", *words, ""))
        found = next((line for line in EXAMPLES.splitlines() if f"{line} ".startswith(command)), None)
        parser.formatter_class = argparse.RawDescriptionHelpFormatter
        parser.epilog = "\n\n".join(filter(None, (parser.epilog, found and f"{tr('example:')}\n  {found}")))


def _below(parser: argparse.ArgumentParser) -> Iterator[argparse._SubParsersAction[argparse.ArgumentParser]]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            yield action
