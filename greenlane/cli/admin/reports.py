"""`greenlane admin statement`, `reconcile`, `rejected` and `audit`."""

from __future__ import annotations

import argparse
import csv
import sys
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from greenlane.cli.options import moment
from greenlane.language import also, one_of, tr, word

if TYPE_CHECKING:
    from greenlane.cli.admin.office import Office
    from service.books.rows.sealing import Head
    from service.reports.audit import Audit
    from service.reports.reconciliation import Day, DispenserTotal
    from service.reports.statement import Line


def add_commands(subparsers: Any, options: argparse.ArgumentParser) -> None:
    """Add the commands; `options` are those that every command takes."""
    statement = subparsers.add_parser(
        "statement", parents=[options], help="every movement of a card or of a person's wallet"
    )
    statement.add_argument("name", metavar="NAME", help="a card, or a person who pays by phone")
    statement.add_argument("--since", metavar="DATE", type=moment, help="from this day on, in the station's time zone")
    statement.add_argument("--until", metavar="DATE", type=moment, help="before this day")
    statement.add_argument("--csv", action="store_true", help="comma-separated, amounts in yuan")
    statement.add_argument("--bom", action="store_true", help="with --csv: the byte-order mark that Excel needs")
    statement.set_defaults(do=_statement)
    reconcile = subparsers.add_parser(
        "reconcile",
        parents=[options],
        help="a station's day: fuelled, posted, totalisers; exit status 1 if not balanced",
    )
    reconcile.add_argument("station", metavar="STATION")
    reconcile.add_argument(
        "day",
        metavar="DAY",
        type=_day,
        nargs="?",
        help="in the station's time zone, such as 2026-05-04 (default: today)",
    )
    reconcile.set_defaults(do=_reconcile)
    rejected = subparsers.add_parser("rejected", parents=[options], help="fuelling reports that were refused for good")
    rejected.add_argument("--station", metavar="STATION")
    rejected.add_argument("--since", metavar="DATE", type=moment)
    rejected.set_defaults(do=_rejected)
    audit = subparsers.add_parser(
        "audit", parents=[options], help="prove that the books are right; exit status 1 if not"
    )
    audit.add_argument(
        "--head", metavar="FILE", help="seal what waits and write the head of the chain there, to be kept"
    )
    audit.add_argument("--against", metavar="HEAD", help="a head kept elsewhere, or its file: nothing up to it changed")
    audit.set_defaults(do=_audit)


def _statement(args: argparse.Namespace) -> int:
    from greenlane.cli.admin.office import Shown, office, table
    from service.reports.cells import harmless
    from service.reports.statement import statement
    from service.reports.zones import zones
    from wire.money import format_yuan

    with office(args) as o:
        shown = zones(o.database)
        since, before = shown.read(args.since), statement(o.database, args.name, None, shown.read(args.until))
        found = [line for line in before if since is None or line.at >= since]
        lines = [replace(line, at=shown.at(line.at, line.station)) for line in found]
        head = ("time", "what", "yuan", "balance", "where", "litres", "note")
        rows = [_row(line) for line in lines]
        if args.csv:
            sys.stdout.write("\ufeff" if args.bom else "")
            writer = csv.writer(sys.stdout)
            writer.writerow(head)
            writer.writerows([harmless(cell) for cell in row] for row in rows)
            return 0
        last = format_yuan(before[-1].balance_fen if before else 0)
        rows = [(at, tr(kind), *others) for at, kind, *others in rows]
        o.show(lines, Shown("\n".join([table(head, rows, (2, 3, 5)), tr(_standing(o, args, last))])))
    return 0


def _standing(o: Office, args: argparse.Namespace, last: str) -> str:
    """The balance; of a person who owes something now, what it is made of, as `phone list` and the phone show it."""
    from greenlane.cli.admin.office import actor
    from service.payers.phones import Phones
    from service.reports.statement import is_card
    from wire.money import format_yuan

    if args.until is not None or is_card(o.database, args.name):
        return f"balance {last} yuan"
    (person,) = Phones(o.books, actor()).list(args.name)
    wallet, owed = format_yuan(person.balance_fen), format_yuan(person.owed_fen)
    if not person.owed_fen:
        return f"balance {last} yuan"
    return f"balance {last} yuan: {wallet} in the wallet, {owed} to be paid"


def _row(line: Line) -> tuple[str, ...]:
    from service.reports.zones import stamp
    from wire.money import format_yuan

    where = " ".join(
        str(part) for part in (line.station, line.dispenser, line.sequence, line.plate) if part is not None
    )
    litres = "" if line.volume_ml is None else _litres(line.volume_ml)
    amounts = format_yuan(line.amount_fen), format_yuan(line.balance_fen)
    return (stamp(line.at), line.kind, *amounts, where, litres, line.note or "")


def _reconcile(args: argparse.Namespace) -> int:
    from greenlane.cli.admin.office import office
    from service.reports.reconciliation import reconcile

    with office(args) as o:
        day = reconcile(o.database, args.station, args.day or o.books.clock.now())
        o.show({**_fields(day), "balanced": day.balanced, "troubles": day.troubles}, _day_words(day))
    return 0 if day.balanced else 1


def _fields(day: Day) -> dict[str, Any]:
    import dataclasses

    return dataclasses.asdict(day)


def _day_words(day: Day) -> str:
    from greenlane.cli.admin.office import Shown, flags_shown, table
    from wire.money import format_yuan

    products = [(p.product, p.fuellings, _litres(p.volume_ml), format_yuan(p.amount_fen)) for p in day.products]
    meters = [
        (
            d.dispenser,
            f"{d.first_sequence}-{d.last_sequence}",
            d.missing_sequences,
            _litres(d.volume_ml),
            _litres(d.totaliser_after_ml - d.totaliser_before_ml),
            _litres(d.unreported_ml),
            _explained(d),
        )
        for d in day.dispensers
    ]
    heads = ("dispenser", "sequences", "missing", "litres", "totaliser", "unreported", "explained")
    odd = [
        (o.dispenser, o.sequence, o.plate or "", format_yuan(o.amount_fen), flags_shown(o.flags)) for o in day.oddities
    ]
    parts = [
        tr(f"station {day.station}, {day.day} ({day.zone})"),
        table(("product", "fuellings", "litres", "yuan"), products, (1, 2, 3)),
        table(heads, meters, (2, 3, 4, 5)),
        tr(
            f"reported {format_yuan(day.reported_fen)}, posted {format_yuan(day.posted_fen)}, "
            f"difference {format_yuan(day.difference_fen)} yuan"
        ),
        tr(
            f"captured {format_yuan(day.captured_fen)}, overrun {format_yuan(day.overrun_fen)}, "
            f"unclaimed {format_yuan(day.unclaimed_fen)} yuan; open holds {day.open_holds} "
            f"({format_yuan(day.open_holds_fen)} yuan); rejected reports {day.rejected}"
        ),
    ]
    if odd:
        parts.append(table(("dispenser", "sequence", "plate", "yuan", "flags"), odd, (1, 3)))
    whys = "\n".join(f"- {tr(why)}" for why in day.troubles)
    parts.append(tr("balanced") if day.balanced else tr("NOT balanced:") + "\n" + whys)
    return Shown("\n\n".join(parts))


def _explained(total: DispenserTotal) -> str:
    if not total.explained_sequences and not total.explained_ml:
        return ""
    count, litres = total.explained_sequences, _litres(total.explained_ml)
    return tr(f"1 number, {litres} L" if count == 1 else f"{count} numbers, {litres} L")


def _rejected(args: argparse.Namespace) -> int:
    from greenlane.cli.admin.office import office, table
    from service.reports.statement import rejected
    from service.reports.zones import stamp, zones

    with office(args) as o:
        shown = zones(o.database, args.station)
        found = rejected(o.database, args.station, shown.read(args.since))
        for entry in found:
            entry["at"] = shown.at(datetime.fromisoformat(entry["at"]), entry["station"])
        rows = [
            (stamp(r["at"]), r["code"], r["station"] or "", r["dispenser"] or "", r["sequence"] or "", tr(r["detail"]))
            for r in found
        ]
        o.show(found, table(("time", "code", "station", "dispenser", "sequence", "why"), rows, (4,)))
    return 0


def _audit(args: argparse.Namespace) -> int:
    from greenlane.cli.admin.office import show
    from service.books.rows.sealing import seal_all
    from service.reports.audit import audit
    from service.station.words import meaning
    from service.store.clock import SystemWallClock
    from service.store.database import Database, telling_faults
    from service.store.state_folder import chosen_url
    from wire.files import replace_regular
    from wire.outputs import check_file
    from wire.reasons import Reason

    if args.head is not None:
        check_file("--head", Path(args.head), is_own=_is_head)
    against = None if args.against is None else _kept_head(args.against)
    database = Database(chosen_url(args.database))
    try:
        found = audit(database, against)
        if args.head is not None and found.clean:
            with telling_faults():
                seal_all(database, SystemWallClock())
            found = audit(database, against)
            replace_regular(args.head, f"{found.head}\n".encode())
    except OSError as error:
        raise ValueError(f"{args.head}: {error.strerror}; no head was written") from None
    finally:
        database.close()
    also({f"books: {reason}": meaning(reason)[0] for reason in Reason})
    show(args.json, {**_audit_fields(found), "clean": found.clean}, _audit_words(found))
    return 0 if found.clean else 1


def _is_head(beginning: bytes) -> bool:
    from service.books.rows.sealing import head_of

    try:
        head_of(beginning.decode())
    except ValueError:
        return False
    return True


def _kept_head(words: str) -> Head:
    from service.books.rows.sealing import head_of
    from wire.files import read_regular

    path = Path(words)
    try:
        if path.is_file():
            return head_of(read_regular(path, 1 << 16).decode())
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"--against: {error}") from None
    try:
        return head_of(words)
    except ValueError as error:
        raise ValueError(f"{error}; and there is no such file") from None


def _audit_words(found: Audit) -> str:
    lines = [word(f.check, "books") + one_of(("：", ": ")) + tr(f.words) for f in found.findings]
    if found.head:
        waiting = tr(f", {found.waiting} rows have no seal yet") if found.waiting else ""
        lines.append(f"head {found.head}{waiting}")
    counts = (
        f"{found.transfers} transfers, {found.accounts} accounts, {found.authorisations} questions, "
        f"{found.fuellings} fuellings"
    )
    lines.append(
        tr(counts)
        + one_of(("：", ": "))
        + tr("the books are right" if found.clean else f"{len(found.findings)} findings")
    )
    return "\n".join(lines)


def _audit_fields(found: Any) -> dict[str, Any]:
    import dataclasses

    return dataclasses.asdict(found)


def _litres(volume_ml: int) -> str:
    sign, volume_ml = ("-" if volume_ml < 0 else ""), abs(volume_ml)
    return f"{sign}{volume_ml // 1000}.{volume_ml % 1000:03d}"


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a day: write 2026-05-04") from None
