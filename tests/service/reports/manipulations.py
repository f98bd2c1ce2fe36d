"""What a person with the file in hand may do to the books, and which proof of the audit has to name it.

Each is raw SQL past the service; the triggers that stand in its way are taken away and put back as they were, and sums
are made to fit where the person would think of it.
"""

from __future__ import annotations

from dataclasses import dataclass

FIT_SUMS = """
update accounts set
  debits_posted_fen = (select coalesce(sum(amount_fen), 0) from transfers t where t.debit_account = accounts.id
    and t.phase in ('single', 'post')),
  credits_posted_fen = (select coalesce(sum(amount_fen), 0) from transfers t where t.credit_account = accounts.id
    and t.phase in ('single', 'post')),
  debits_pending_fen = (select coalesce(sum(case when phase = 'pending' then amount_fen else -resolves_fen end), 0)
    from transfers t where t.debit_account = accounts.id and t.phase <> 'single')
"""
C1 = "(select account from cards where id = 'C1')"
C2 = "(select account from cards where id = 'C2')"
TOP_UP = (
    "(select id from transfers where kind = 'top_up' and credit_account = (select account from cards where id = 'C3'))"
)
FIRST = "sequence = 1 and dispenser = 'D1'"
CAPTURE = "(select id from transfers where phase = 'post' limit 1)"


@dataclass(frozen=True)
class Manipulation:
    """statements run one after another; check: the proof that names it; words: a part of what it says."""

    name: str
    check: str
    words: str
    statements: tuple[str, ...]
    keeps_guards: bool = True


def _one(name: str, check: str, words: str, *statements: str) -> Manipulation:
    return Manipulation(name, check, words, statements)


MANIPULATIONS = (
    _one(
        "a sum raised",
        "balances",
        "card account of C1",
        "update accounts set credits_posted_fen = credits_posted_fen + 100 where owner = 'C1' and kind = 'card'",
    ),
    _one(
        "both sides of a sum raised",
        "balances",
        "revenue account of S1",
        "update accounts set credits_posted_fen = credits_posted_fen + 1 where kind = 'revenue' and owner = 'S1'",
        "update accounts set debits_posted_fen = debits_posted_fen + 1 where kind = 'clearing'",
    ),
    _one(
        "a hold forgotten in the sums",
        "balances",
        "held 0",
        "update accounts set debits_pending_fen = 0 where owner = 'C1'",
    ),
    _one(
        "a top-up raised, sums made to fit",
        "chain",
        "transfers row",
        f"update transfers set amount_fen = amount_fen + 100 where id = {TOP_UP}",
        FIT_SUMS,
    ),
    _one(
        "a top-up deleted, sums made to fit", "chain", "is gone", f"delete from transfers where id = {TOP_UP}", FIT_SUMS
    ),
    _one(
        "a top-up invented, sums made to fit",
        "chain",
        "came past the guards",
        f"insert into transfers (id, at_us, phase, kind, debit_account, credit_account, amount_fen, key, actor) values"
        f" (99, 1, 'single', 'top_up', 1, {C1}, 1000, 'x', 'x')",
        FIT_SUMS,
    ),
    _one(
        "a top-up moved to another card, sums made to fit",
        "chain",
        "was rewritten",
        f"update transfers set credit_account = {C2} where id = {TOP_UP}",
        FIT_SUMS,
    ),
    _one(
        "the time of a top-up moved back",
        "chain",
        "was rewritten",
        f"update transfers set at_us = at_us - 86400000000 where id = {TOP_UP}",
    ),
    _one(
        "the time of a top-up moved forward",
        "transfers",
        "later than its number",
        f"update transfers set at_us = at_us + 86400000000 where id = {TOP_UP}",
    ),
    _one(
        "the kind of a top-up changed",
        "transfers",
        "have no key or do not name",
        f"update transfers set kind = 'correction', key = null where id = {TOP_UP}",
    ),
    _one(
        "a top-up called a correction",
        "transfers",
        "of kind correction go from a clearing",
        f"update transfers set kind = 'correction' where id = {TOP_UP}",
    ),
    _one(
        "a top-up called a phone's payment",
        "transfers",
        "of kind payment go from a clearing",
        f"update transfers set kind = 'payment' where id = {TOP_UP}",
    ),
    _one(
        "a top-up called a charge paid in cash",
        "transfers",
        "of kind cash_payment go from a clearing",
        f"update transfers set kind = 'cash_payment' where id = {TOP_UP}",
    ),
    _one(
        "a top-up called a charge given back",
        "transfers",
        "of kind charge_refund go from a clearing",
        f"update transfers set kind = 'charge_refund' where id = {TOP_UP}",
    ),
    _one(
        "the note of a correction changed",
        "chain",
        "its texts",
        "update transfers set note = 'all is well' where kind = 'correction'",
    ),
    _one(
        "a correction's note erased as if for a person",
        "chain",
        "no erasure of a person names it",
        "update sealed_texts set salt = null where kind = 'transfers' and row_id = "
        "(select id from transfers where kind = 'correction')",
        "update transfers set note = '' where kind = 'correction'",
    ),
    _one(
        "who posted a correction changed",
        "chain",
        "its texts",
        "update transfers set actor = 'somebody else' where kind = 'correction'",
    ),
    _one(
        "the receipt's number of a top-up changed",
        "chain",
        "its texts",
        f"update transfers set key = 'another' where id = {TOP_UP}",
    ),
    _one(
        "a capture lowered, sums made to fit",
        "fuellings",
        "is posted with",
        f"update transfers set amount_fen = amount_fen - 100 where id = {CAPTURE}",
        FIT_SUMS,
    ),
    _one(
        "capture and fuelling lowered alike, sums made to fit",
        "chain",
        "was rewritten",
        "update fuellings set amount_fen = 400, captured_fen = 400, volume_ml = 500, released_fen = 9600,"
        " totaliser_after_ml = totaliser_before_ml + 500"
        f" where id = (select fuelling_id from transfers where id = {CAPTURE})",
        f"update transfers set amount_fen = 400 where id = {CAPTURE}",
        FIT_SUMS,
    ),
    _one(
        "a capture of another card, sums made to fit",
        "fuellings",
        "paid by C2",
        f"update transfers set debit_account = {C2} where id = {CAPTURE} or id = (select resolves from transfers"
        " where phase = 'post' limit 1)",
        FIT_SUMS,
    ),
    _one(
        "a capture for another station, sums made to fit",
        "fuellings",
        "sold by S2",
        "update transfers set credit_account = (select revenue_account from stations where id = 'S2')"
        f" where id = {CAPTURE}",
        FIT_SUMS,
    ),
    _one(
        "a capture of another fuelling",
        "answers",
        "was captured under",
        "update transfers set fuelling_id = (select id from fuellings where sequence = 3 and dispenser = 'D1')"
        f" where id = {CAPTURE}",
    ),
    _one(
        "a hold resolved by nothing, sums made to fit",
        "holds",
        "resolved by nothing",
        "delete from transfers where phase = 'void'",
        FIT_SUMS,
    ),
    _one(
        "a hold resolved by more than it is",
        "transfers",
        "resolves hold",
        "update transfers set resolves_fen = resolves_fen + 1 where phase = 'post'",
        FIT_SUMS,
    ),
    _one(
        "a hold that belongs to nobody",
        "holds",
        "belongs to no authorisation",
        f"insert into transfers (id, at_us, phase, kind, debit_account, credit_account, amount_fen) select 98, 1,"
        f" 'pending', 'hold', {C1}, revenue_account, 1 from stations where id = 'S1'",
    ),
    _one("a hold moved twice", "transfers", "does not fit", f"update transfers set moved = 0 where id = {TOP_UP}"),
    _one(
        "an authorisation opened again",
        "holds",
        "is open",
        "update authorisations set state = 'open' where state = 'captured'",
    ),
    _one(
        "an authorisation released on paper",
        "holds",
        "is released",
        "update authorisations set state = 'released' where state = 'captured'",
    ),
    _one(
        "an authorisation's limit raised",
        "holds",
        "due",
        "update authorisations set limit_fen = limit_fen + 1 where state = 'captured'",
    ),
    _one(
        "an authorisation given to another card",
        "holds",
        "its hold is of C1",
        "update authorisations set card = 'C2' where card = 'C1'",
    ),
    _one(
        "an authorisation given to another lane",
        "answers",
        "was captured under",
        "update authorisations set lane = 'L7' where state = 'captured'",
    ),
    _one(
        "an authorisation that ends before it began",
        "answers",
        "do not go together",
        "update authorisations set expires_us = asked_us - 1 where state = 'captured'",
    ),
    _one(
        "a refusal called an allowance",
        "answers",
        "decision allow",
        "update authorisations set decision = 'allow', hold = 97, reason = 'ok' where visit = 'refused-1'",
    ),
    _one(
        "a refusal with the reason of an allowance",
        "answers",
        "reason ok",
        "update authorisations set reason = 'ok' where visit = 'refused-1'",
    ),
    _one(
        "an authorisation deleted",
        "holds",
        "belongs to no authorisation",
        "delete from authorisations where state = 'captured'",
    ),
    _one(
        "another visit's hold",
        "holds",
        "is captured",
        "update authorisations set hold = 97 where state = 'captured' and id = (select min(id) from authorisations"
        " where state = 'captured')",
    ),
    _one(
        "a fuelling made cheaper",
        "fuellings",
        "is posted with",
        f"update fuellings set amount_fen = amount_fen - 1 where {FIRST}",
    ),
    _one("a fuelling deleted", "references", "fuellings", f"delete from fuellings where {FIRST}"),
    _one(
        "a fuelling invented",
        "fuellings",
        "is posted with 0 fen",
        "insert into fuellings select 96, dispenser, 9, station, lane, visit, null, plate, started_us, ended_us,"
        " volume_ml, amount_fen, unit_price_fen_per_l, product, totaliser_before_ml, totaliser_after_ml, unit_flags,"
        f" 1, card, 0, 0, 0, balance_fen, flags, person, 0, 0 from fuellings where {FIRST}",
    ),
    _one("a volume changed", "volumes", "ml at", f"update fuellings set volume_ml = volume_ml + 500 where {FIRST}"),
    _one("a price changed", "volumes", "fen a litre", f"update fuellings set unit_price_fen_per_l = 700 where {FIRST}"),
    _one(
        "a fuelling that ends before it starts",
        "volumes",
        "fuelling D1 1",
        f"update fuellings set ended_us = started_us - 1 where {FIRST}",
    ),
    _one(
        "a totaliser changed",
        "totalisers",
        "without a fuelling",
        "update fuellings set totaliser_before_ml = totaliser_before_ml + 1 where sequence = 2 and dispenser = 'D1'",
    ),
    _one(
        "a totaliser that went back",
        "volumes",
        "the totaliser moved by",
        f"update fuellings set totaliser_after_ml = totaliser_before_ml - 1 where {FIRST}",
    ),
    _one(
        "a sequence changed",
        "totalisers",
        "reports missing",
        "update fuellings set sequence = 20 where sequence = 2 and dispenser = 'D1'",
    ),
    _one(
        "a fuelling moved to another station",
        "dispensers",
        "of S2",
        f"update fuellings set station = 'S2' where {FIRST}",
    ),
    _one(
        "a fuelling charged to another card on paper",
        "fuellings",
        "card C2, paid by C1",
        f"update fuellings set card = 'C2' where {FIRST}",
    ),
    _one(
        "a fuelling charged to nobody on paper",
        "fuellings",
        "card None",
        f"update fuellings set card = null where {FIRST}",
    ),
    _one(
        "a receipt that says less captured",
        "fuellings",
        "captured",
        f"update fuellings set captured_fen = captured_fen - 1, released_fen = released_fen + 1 where {FIRST}",
    ),
    _one(
        "a receipt that says more released",
        "receipts",
        "released",
        f"update fuellings set released_fen = released_fen + 1 where {FIRST}",
    ),
    _one(
        "a receipt that says an overrun", "receipts", "overrun", f"update fuellings set overrun_fen = 5 where {FIRST}"
    ),
    _one("flags taken away", "receipts", "do not fit", "update fuellings set flags = '[]' where unauthorised_fen > 0"),
    _one("flags without a list", "receipts", "not a list of words", f"update fuellings set flags = 'x' where {FIRST}"),
    _one(
        "the time of receipt moved forward",
        "receipts",
        "came later",
        f"update fuellings set received_us = received_us + 86400000000 where {FIRST}",
    ),
    _one(
        "suspense forgotten on paper",
        "fuellings",
        "in suspense",
        "update fuellings set suspended_fen = 0 where suspended_fen > 0",
    ),
    _one(
        "half a claim",
        "fuellings",
        "are claimed",
        "update transfers set amount_fen = amount_fen - 1 where kind = 'claim'",
        FIT_SUMS,
    ),
    _one(
        "a claim forgotten, sums made to fit",
        "chain",
        "is gone",
        "delete from transfers where kind = 'claim'",
        FIT_SUMS,
    ),
    _one(
        "a dispenser's totaliser changed",
        "dispensers",
        "totaliser",
        "update dispensers set totaliser_ml = totaliser_ml + 1000 where id = 'D1'",
    ),
    _one(
        "a dispenser's sequence changed",
        "dispensers",
        "says sequence",
        "update dispensers set last_sequence = last_sequence - 1 where id = 'D1'",
    ),
    _one("a dispenser deleted", "dispensers", "says sequence None", "delete from dispensers where id = 'D1'"),
    _one("a dispenser invented", "dispensers", "D8", "insert into dispensers values ('D8', 'S1', 5, 5000, null, null)"),
    _one("a card on another's account", "owners", "names account", f"update cards set account = {C2} where id = 'C1'"),
    _one(
        "two cards' accounts swapped",
        "owners",
        "a card account of C1",
        f"update accounts set owner = 'X' where id = {C1}",
        f"update accounts set owner = 'C1' where id = {C2}",
        "update accounts set owner = 'C2' where owner = 'X'",
    ),
    _one(
        "a card's receivable given away",
        "owners",
        "receivable",
        "update cards set receivable = (select receivable from cards where id = 'C2') where id = 'C1'",
    ),
    _one(
        "an account of a kind that nobody has",
        "owners",
        "has an unknown kind",
        "insert into accounts (id, kind, owner) values (95, 'private', 'me')",
    ),
    _one("a card deleted", "owners", "no row of cards has it", "delete from cards where id = 'C3'"),
    _one(
        "a station's revenue goes elsewhere",
        "owners",
        "stations: S1",
        "update stations set revenue_account = suspense_account where id = 'S1'",
    ),
    _one("a blocked card unblocked", "trail", "state of C3", "update cards set state = 'active' where id = 'C3'"),
    _one(
        "a card's preset amount lowered", "trail", "preset_fen of C1", "update cards set preset_fen = 1 where id = 'C1'"
    ),
    _one("a card renamed", "trail", "name of C1", "update cards set name = 'other' where id = 'C1'"),
    _one(
        "a card made to hold all", "trail", "whole_balance of C1", "update cards set whole_balance = 1 where id = 'C1'"
    ),
    _one(
        "a card's offline cap raised",
        "trail",
        "offline_fen of C1",
        "update cards set offline_fen = 99999 where id = 'C1'",
    ),
    _one(
        "a plate on another card", "trail", "card of 粤B12345", "update plates set card = 'C2' where plate = '粤B12345'"
    ),
    _one(
        "a plate unbound without a word",
        "trail",
        "gone without an event",
        "delete from plates where plate = '粤B12345'",
    ),
    _one(
        "a plate bound without a word",
        "trail",
        "no event says",
        "insert into plates (plate, state, payer_kind, card, bound_us)"
        " select '粤B99999', state, payer_kind, card, bound_us from plates where card = 'C1'",
    ),
    _one(
        "a blocked plate unblocked",
        "trail",
        "state of 粤B67890",
        "update plates set state = 'active' where plate = '粤B67890'",
    ),
    _one(
        "a station's preset amount lowered",
        "trail",
        "preset_fen of S1",
        "update stations set preset_fen = 1 where id = 'S1'",
    ),
    _one(
        "a station's cap raised",
        "trail",
        "unauthorised_cap_fen of S1",
        "update stations set unauthorised_cap_fen = 999999 where id = 'S1'",
    ),
    _one(
        "a price changed without a word", "trail", "was set by no event", "update prices set unit_price_fen_per_l = 1"
    ),
    _one("a price deleted", "trail", "was set and is gone", "delete from prices"),
    _one(
        "a person made administrator",
        "trail",
        "role of wang",
        "update people set role = 'administrator' where name = 'wang'",
    ),
    _one(
        "a panel's account led to another lane",
        "trail",
        "lane of pump",
        "update people set lane = 'L2' where name = 'pump'",
    ),
    _one(
        "a disabled person enabled", "trail", "disabled of li", "update people set disabled_us = null where name = 'li'"
    ),
    _one("an event deleted", "chain", "operator_events row", "delete from operator_events where action = 'block_card'"),
    _one(
        "an event's time changed",
        "chain",
        "was rewritten",
        "update operator_events set at_us = at_us - 1 where action = 'block_card'",
    ),
    _one(
        "an event's actor changed",
        "chain",
        "its texts",
        "update operator_events set actor = 'nobody' where action = 'block_card'",
    ),
    _one(
        "an event's words changed",
        "chain",
        "its texts",
        "update operator_events set detail = '{\"note\": \"x\"}' where action = 'explain_gap'",
    ),
    _one(
        "a rejected message changed",
        "rejected",
        "not what was received",
        "update rejected_messages set body = body || ' '",
    ),
    _one("a seal deleted", "chain", "seal 1 is missing", "delete from seals where number = 1"),
    _one(
        "a seal's rows changed",
        "chain",
        "does not follow",
        "update seals set sealed_rows = replace(sealed_rows, '[', '[ ') where number = 1",
    ),
    _one("what waits for a seal forgotten", "chain", "came past the guards", "delete from unsealed"),
    Manipulation(
        "a guard taken away",
        "schema",
        "transfers_never_update",
        ("drop trigger transfers_never_update",),
        keeps_guards=False,
    ),
    Manipulation(
        "a guard that does nothing",
        "schema",
        "not as it should be",
        (
            "drop trigger transfers_never_delete",
            "create trigger transfers_never_delete before delete on transfers when 0 begin select 1; end",
        ),
        keeps_guards=False,
    ),
    Manipulation(
        "a trigger of one's own",
        "schema",
        "does not belong to this program",
        ("create trigger mine after insert on transfers begin select 1; end",),
        keeps_guards=False,
    ),
    Manipulation(
        "an index dropped",
        "schema",
        "ix_fuellings_station_ended_us",
        ("drop index ix_fuellings_station_ended_us",),
        keeps_guards=False,
    ),
    Manipulation("a table dropped", "schema", "table dispensers", ("drop table dispensers",), keeps_guards=False),
    Manipulation(
        "a column added", "schema", "table cards", ("alter table cards add column mine text",), keeps_guards=False
    ),
)
