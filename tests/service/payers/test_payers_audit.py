"""What a person with the file in hand may do to charges, mandates, signatures and orders, and what the audit names."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from greenlane.cli import main
from service.payers.phones import Phones
from service.payers.refunds import Refunds
from service.payments.port import PaymentOutcome, ProviderAnswer
from service.payments.settling import Settling
from service.payments.worker import keep_state
from service.reports.audit import audit
from service.store.clock import to_us
from service.store.database import Database
from service.store.payment_tables import payments
from tests.service.payers.phone import payer, wallet_fen
from tests.service.payers.test_charges import fuel, listed, report
from tests.service.reports.manipulations import FIT_SUMS, Manipulation
from tests.service.reports.test_audit import manipulate
from tests.service.world import World
from wire.payers import ChargeState

SIGNED = "(select charge from charge_events where signature is not null)"
ONE = "id = (select min(id) from mandates)"
FIRST_KEY = "(select min(public_key) from phone_keys)"
BY_MANDATE = "(select id from charges where hold is not null)"
DONE = (
    Manipulation(
        "paid_without_money",
        "charges",
        "paid 0",
        (f"delete from transfers where key = 'charge ' || {SIGNED}", FIT_SUMS),
    ),
    Manipulation(
        "another_amount", "charges", "charges make", (f"update charges set amount_fen = 1 where id = {SIGNED}",)
    ),
    Manipulation(
        "a_state_of_one_s_own",
        "charges",
        "its last step led to",
        (f"update charges set state = 'declined' where id = {SIGNED}",),
    ),
    Manipulation(
        "given_back_on_paper", "charges", "given back 0", (f"update charges set refunded_fen = 5 where id = {SIGNED}",)
    ),
    Manipulation(
        "paid_on_paper", "charges", "owes", ("update charges set paid_us = 1, state = 'paid' where state = 'created'",)
    ),
    Manipulation(
        "another_s_mandate",
        "mandates",
        "which does not allow it",
        (f"update mandates set per_fill_fen = 1 where id = (select mandate from charges where id = {BY_MANDATE})",),
    ),
    Manipulation(
        "held_without_mandate",
        "mandates",
        "without a mandate",
        ("update authorisations set mandate = null where held_from = 'phone'",),
    ),
    Manipulation(
        "a_mandate_rewritten",
        "signatures",
        "is not signed",
        (f"update mandates set text = replace(text, '50000', '90000') where {ONE}",),
    ),
    Manipulation(
        "a_mandate_signed_anew",
        "signatures",
        "is not signed",
        (f"update mandates set signature = 'AAAA' where {ONE}",),
    ),
    Manipulation(
        "a_word_rewritten",
        "signatures",
        "is not signed",
        ("update charge_events set detail = replace(detail, '8000', '7000') where signature is not null",),
    ),
    Manipulation(
        "a_key_exchanged",
        "signatures",
        "is not signed",
        (
            "update phone_keys set public_key = (select max(public_key) from phone_keys)"
            f" where public_key = {FIRST_KEY}",
        ),
    ),
    Manipulation(
        "an_order_paid_by_nobody", "payments", "its postings make 8000", ("update payments set state = 'failed'",)
    ),
    Manipulation("an_order_of_more", "payments", "its postings make", ("update payments set amount_fen = 9000",)),
    Manipulation(
        "an_order_lost", "payments", "is of no order", ("delete from payment_refunds", "delete from payments")
    ),
    Manipulation("a_refund_lost", "payments", "its refunds make 0", ("delete from payment_refunds",)),
    Manipulation(
        "a_refund_twice",
        "payments",
        "its refunds make 6000",
        (
            "insert into payment_refunds select number || 'x', payment, amount_fen, made_us, state, due_us, times,"
            " reason from payment_refunds",
        ),
    ),
    Manipulation(
        "a_provider_s_debt_held_from_a_wallet",
        "holds",
        "its hold is of",
        ("update authorisations set provider = null where provider is not null",),
    ),
)


def stock(world: World) -> None:
    """Charges: paid by mandate out of the wallet, signed by the phone, open, paid by WeChat and in part given back."""
    phone = payer(world, "A")
    fuel(world, 8_000)
    report(world, 8_000)
    (asked,) = listed(world, state="created")
    assert phone.say(asked.id, 8_000) is ChargeState.PAID
    report(world, 4_000)
    payer(world, "B", plate="粤B54321", fen=0)
    Phones(world.books, "tester").pays_by("B", "wechatpay")
    with world.database.writing() as connection:
        keep_state(connection, "wechatpay", "粤B54321", "NORMAL", to_us(world.clock.now()))
    report(world, 8_000, plate="粤B54321", authorisation=world.allowed("粤B54321"))
    with world.database.reading() as connection:
        number, charge = connection.execute(payments.select()).one()[:2]
    Settling(world.books).take(number, ProviderAnswer(PaymentOutcome.PAID, transaction="42"))
    Refunds(world.books).refund(charge, "tester", 3_000)


@pytest.fixture(scope="module")
def stocked(migrated_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = Path(shutil.copy(migrated_file, tmp_path_factory.mktemp("payers") / "books.sqlite3"))
    database = Database(f"sqlite:///{path}")
    stock(World(database))
    assert audit(database).findings == ()
    database.close()
    return path


def test_right_books_are_right(world: World) -> None:
    stock(world)
    assert audit(world.database).findings == ()
    assert wallet_fen(world, "B") == (0, 0, 0)


@pytest.mark.slow
@pytest.mark.parametrize("manipulation", DONE, ids=lambda m: m.name)
def test_what_was_done_by_hand_is_found_and_named(stocked: Path, tmp_path: Path, manipulation: Manipulation) -> None:
    path = Path(shutil.copy(stocked, tmp_path / "books.sqlite3"))
    manipulate(path, manipulation)
    database = Database(f"sqlite:///{path}")
    found = audit(database).findings
    database.close()
    said = [f"{f.check}: {f.words}" for f in found]
    assert any(f.check == manipulation.check and manipulation.words in f.words for f in found), said


def test_a_wallet_has_a_statement_and_a_trail(stocked: Path, capsys: pytest.CaptureFixture[str]) -> None:
    of_books = ["admin", "--database", f"sqlite:///{stocked}"]
    assert main([*of_books, "statement", "A", "--json"]) == 0
    lines = json.loads(capsys.readouterr().out)
    assert [(line["kind"], line["amount_fen"], line["balance_fen"]) for line in lines] == [
        ("top_up", 50_000, 50_000),
        ("fuelling", -8_000, 42_000),
        ("fuelling", -8_000, 34_000),
        ("fuelling", -4_000, 30_000),
    ]
    assert main([*of_books, "statement", "B", "--csv"]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert [row.split(",")[1:4] for row in printed[1:]] == [
        ["fuelling", "-80.00", "-80.00"],
        ["provider_payment", "80.00", "0.00"],
    ]
    assert main([*of_books, "statement", "Nobody"]) == 1
    assert "no card Nobody, and nobody with that name pays by phone" in capsys.readouterr().err
    assert main([*of_books, "trail", "--subject", "A", "--json"]) == 0
    assert {"top_up", "fuelling", "payment", "phone.add"} <= {
        deed["action"] for deed in json.loads(capsys.readouterr().out)
    }
