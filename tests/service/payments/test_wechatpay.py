"""Fuel paid by WeChat's vehicle service: accepted is not paid, silence is neither, and one order is paid in one way."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import requests

from greenlane.bench.lying_payments import APP, KEY, MERCHANT, Lie, LyingPayments
from greenlane.cli import main
from service.app import create_app
from service.errors import AdminError
from service.identity.guard import EMBEDDED
from service.payer_rules.capabilities import UNFIT_WORDS, WECHATPAY, Unfit, unfit
from service.payers.charging import Charging
from service.payers.phones import Phones
from service.payers.refunds import Refunds
from service.payments.listing import ways
from service.payments.port import PaymentProvider
from service.payments.settings import PaymentSettingsError, WechatSettings, read_settings
from service.payments.signed_xml import MalformedXml, opened, parsed, sealed, signature
from service.payments.wechatpay import Wechatpay
from service.payments.worker import PaymentWorker, keep_state
from service.server import running
from service.store.clock import to_us
from tests.service.payers.phone import Phone, payer, wallet_fen
from tests.service.payers.test_charges import clean, fuel, listed
from tests.service.world import PLATE, World
from wire.payers import ChargeState, PhoneWord
from wire.reasons import Reason


@contextmanager
def provider(world: World, *lies: Lie) -> Iterator[tuple[LyingPayments, PaymentWorker, str]]:
    """The lying server with the lies of its orders one after another, our service, and a worker that asks it."""
    queue, known = list(lies), dict[str, PaymentProvider]()
    app = create_app(world.database.url.render_as_string(False), world.clock, guard=EMBEDDED, providers=known)
    with LyingPayments(world.clock.now, lambda: queue.pop(0)) as lying, running(app) as url:
        notify_url = f"{url}/payments/wechatpay/notify"
        known["wechatpay"] = Wechatpay(WechatSettings(APP, MERCHANT, KEY, notify_url, lying.url, deadline_s=5.0))
        yield lying, PaymentWorker(world.books, known), notify_url


def by_wechat(world: World, fen: int = 0) -> Phone:
    phone = payer(world, "A", fen=fen)
    Phones(world.books, "tester").pays_by("A", "wechatpay")
    return phone


def state(world: World) -> str:
    (charge,) = listed(world)
    return charge.state


@pytest.mark.slow
def test_accepted_is_shown_as_accepted_and_paid_only_once_it_is_paid(world: World) -> None:
    with provider(world, Lie.NEVER_NOTIFIES) as (lying, worker, _):
        by_wechat(world)
        assert world.ask().reason is Reason.BELOW_PRESET  # nobody has asked WeChat about the plate yet
        worker.round_()
        fuel(world, 8_000)
        assert (state(world), wallet_fen(world, "A")) == ("created", (0, 0, 8_000))
        worker.round_()
        assert state(world) == "accepted"
        clean(world)
        world.clock.advance(10)
        worker.round_()
        assert (state(world), wallet_fen(world, "A")) == ("paid", (0, 0, 0))
        clean(world)
        assert [t.amount_fen for t in lying.orders.values()] == [8_000]


FAILS = (Lie.ACCEPTS_THEN_FAILS, Lie.REFUSES)


def test_whatever_the_provider_does_the_truth_is_found_within_a_day(world: World) -> None:
    lies = list(Lie)
    with provider(world, *lies) as (lying, worker, _):
        by_wechat(world)
        worker.round_()
        for fen in range(1_000, 1_000 + 8 * len(lies), 8):
            fuel(world, fen)
            worker.round_()
        for _ in range(26):
            known = {c.amount_fen: c.state for c in listed(world)}
            for taken in lying.orders.values():
                assert known[taken.amount_fen] != "paid" or taken.paid(world.clock.now())
            lying.notify()
            worker.round_()
            world.clock.advance(3600)
        states = [c.state for c in listed(world)]
        assert [found == "paid" for found in states] == [lie not in FAILS for lie in lies]
        assert not {"accepted", "unknown"} & set(states)  # what failed asks the phone, and then the next
        assert lying.contradictions == []
        clean(world)


@pytest.mark.slow
def test_silence_is_neither_paid_nor_overdue_and_nothing_else_may_pay_meanwhile(world: World) -> None:
    with provider(world, Lie.HONEST) as (lying, worker, _):
        phone = by_wechat(world, fen=50_000)
        worker.round_()
        (charge,) = fuel(world, 8_000)
    worker.round_()
    assert state(world) == "unknown"  # the provider's server is gone
    world.clock.advance(30 * 86_400)
    Charging(world.books).hand_on_due()
    assert (state(world), world.ask().reason) == ("unknown", Reason.OK)
    for do in (
        lambda: phone.say(charge.id, 8_000),
        lambda: phone.say(charge.id, 8_000, PhoneWord.DISPUTE),
        lambda: Charging(world.books).settle(charge.id, "tester"),
    ):
        with pytest.raises(AdminError, match="is with wechatpay: wait"):
            do()
    clean(world)
    assert lying.orders == {}


@pytest.mark.slow
def test_what_failed_is_asked_of_the_phone_and_money_that_comes_after_all_is_the_person_s(world: World) -> None:
    with provider(world, Lie.ACCEPTS_THEN_FAILS) as (lying, worker, _):
        phone = by_wechat(world, fen=20_000)
        worker.round_()
        (charge,) = fuel(world, 8_000)
        worker.round_()
        world.clock.advance(10)
        worker.round_()
        assert state(world) == "seen"
        assert phone.say(charge.id, 8_000) is ChargeState.PAID
        assert wallet_fen(world, "A") == (12_000, 0, 0)
        (taken,) = lying.orders.values()
        taken.fails = False
        lying.notify()
        assert wallet_fen(world, "A") == (20_000, 0, 0)
        clean(world)


@pytest.mark.slow
@pytest.mark.parametrize("refuses", [False, True])
def test_a_refund_goes_back_to_the_provider_once_or_to_the_wallet_where_it_is_refused(
    world: World, refuses: bool
) -> None:
    with provider(world, Lie.SILENT_AFTER) as (lying, worker, _):
        by_wechat(world)
        worker.round_()
        (charge,) = fuel(world, 8_000)
        worker.round_()
        world.clock.advance(10)
        worker.round_()
        lying.refuses_refunds = refuses
        Refunds(world.books).refund(charge.id, "tester", 3_000)
        with pytest.raises(AdminError, match="given back already"):
            Refunds(world.books).refund(charge.id, "tester", 3_000)
        for _ in range(3):
            worker.round_()
            world.clock.advance(60)
        (taken,) = lying.orders.values()
        assert sum(taken.refunds.values()) == (0 if refuses else 3_000)
        assert wallet_fen(world, "A") == (3_000 if refuses else 0, 0, 0)
        clean(world)


@pytest.mark.sample(3)
@pytest.mark.parametrize(
    ("said", "reason"),
    [("PAUSED", Reason.BELOW_PRESET), ("OVERDUE", Reason.BELOW_PRESET), ("UNAUTHORIZED", Reason.BELOW_PRESET)],
)
def test_a_plate_that_the_provider_does_not_pay_for_is_paid_by_the_wallet_if_that_covers_it(
    world: World, said: str, reason: Reason
) -> None:
    with provider(world) as (lying, worker, _):
        lying.plates[PLATE] = said
        by_wechat(world)
        worker.round_()
        assert world.ask().reason is reason
        Phones(world.books, "tester").top_up("A", 20_000)
        (charge,) = fuel(world, 8_000)
        assert (charge.state, wallet_fen(world, "A")) == ("paid", (12_000, 0, 0))
        assert [w.unfit for w in ways(world.database, PLATE, 1, world.clock.now())] == [None, said.lower()]
        clean(world)


def test_what_is_not_signed_by_the_provider_is_refused_and_changes_nothing(world: World) -> None:
    with provider(world, Lie.NEVER_NOTIFIES) as (lying, worker, url):
        by_wechat(world)
        worker.round_()
        fuel(world, 8_000)
        worker.round_()
        (number,) = lying.orders
        true = {"appid": APP, "mch_id": MERCHANT, "out_trade_no": number, "total_fee": "8000", "result_code": "SUCCESS"}
        for body in (
            sealed(true, "x" * 32),
            sealed(true | {"total_fee": "7999"}, KEY),
            sealed(true | {"mch_id": "1"}, KEY),
            sealed(true | {"out_trade_no": "gl0"}, KEY),
            sealed(true | {"total_fee": "8" * 5000}, KEY),
            b'<!DOCTYPE x [<!ENTITY a "b">]><xml><a>&a;</a></xml>',
            b"<xml>" + b"x" * 70_000 + b"</xml>",
            b"no xml",
        ):
            assert requests.post(url, data=body, timeout=30).status_code in (400, 413)
        assert state(world) == "accepted"
        for _ in range(3):  # the truth, as often as it comes
            assert parsed(requests.post(url, data=sealed(true, KEY), timeout=30).content)["return_code"] == "SUCCESS"
        assert state(world) == "paid"
        clean(world)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-be", "utf-8-sig", "cp500"])
def test_nothing_is_expanded_in_whatever_letters_it_comes(encoding: str) -> None:
    """A stranger may send that: the signature is judged over what it expands to."""
    declared = {"utf-8-sig": "utf-8"}.get(encoding, encoding)
    text = '<?xml version="1.0" encoding="%s"?><!DOCTYPE xml [<!ENTITY a "%s">]><xml><x>%s</x></xml>'
    with pytest.raises(MalformedXml):
        parsed((text % (declared, "y" * 1000, "&a;" * 100)).encode(encoding))


def test_a_provider_that_never_spoke_may_not_be_set_up(world: World) -> None:
    def words(is_set_up: bool = False) -> tuple[str | None, str]:
        way = ways(world.database, PLATE, 1, world.clock.now(), is_set_up=is_set_up)[1]
        return way.unfit, way.words

    assert words() == ("not_asked", "it has not said a word of any plate: is it set up (greenlane service --payments)?")
    assert words(is_set_up=True) == ("not_asked", UNFIT_WORDS[Unfit.NOT_ASKED][0]), "on a payer's page"
    with world.database.writing() as connection:
        keep_state(connection, "wechatpay", "粤B54321", "NORMAL", to_us(world.clock.now()))
    assert words() == ("not_asked", UNFIT_WORDS[Unfit.NOT_ASKED][0])


@pytest.mark.parametrize(
    ("plate", "pays"), [("粤B12345", True), ("粤BD12345", True), ("粤B1234学", False), ("粤B12345D", False)]
)
def test_blue_and_small_green_plates_alone_and_limits_of_fill_tries_and_day(plate: str, pays: bool) -> None:
    assert (unfit(WECHATPAY, plate, "NORMAL", 0, []) is None) is pays
    if not pays:
        assert unfit(WECHATPAY, plate, "NORMAL", 0, []) is Unfit.PLATE_KIND
        return
    assert unfit(WECHATPAY, plate, "NORMAL", 0, [], 200_000) is None
    assert unfit(WECHATPAY, plate, "NORMAL", 0, [], 200_001) is Unfit.PER_FILL
    assert unfit(WECHATPAY, plate, "NORMAL", 0, [1] * 19) is None
    assert unfit(WECHATPAY, plate, "NORMAL", 0, [1] * 20) is Unfit.TRIES
    assert unfit(WECHATPAY, plate, "NORMAL", 0, [200_000] * 9, 200_000) is None
    assert unfit(WECHATPAY, plate, "NORMAL", 0, [200_000] * 9 + [1], 200_000) is Unfit.PER_DAY
    assert unfit(WECHATPAY, plate, None, 0, []) is Unfit.NOT_ASKED
    assert set(UNFIT_WORDS) == set(Unfit)


def test_the_signature_is_that_of_the_provider_s_handbook() -> None:
    """The worked example of WeChat's signature page, HMAC-SHA256."""
    fields = {
        "appid": "wxd930ea5d5a258f4f",
        "mch_id": "10000100",
        "device_info": "1000",
        "body": "test",
        "nonce_str": "ibuaiVcKdpRxkhJA",
    }
    found = signature(fields, "192006250b4c09247ec02edce69f6a2d")
    assert found == "6A9AE1657590FD6257D693A078E1C3E4BB6BA4DC30B23E0EE2496E54170DACD6"
    with pytest.raises(MalformedXml, match="signature"):
        opened(sealed(fields, "a"), "b")


def test_the_key_is_its_owner_s_alone_and_stands_in_no_message(tmp_path: Path) -> None:
    key, file = tmp_path / "key", tmp_path / "payments.toml"
    key.write_text("very-secret")
    file.write_text(
        '[wechatpay]\napp_id="a"\nmerchant="m"\nkey_file="key"\nnotify_url="https://x/payments/wechatpay/notify"\n'
    )
    key.chmod(0o640)
    with pytest.raises(PaymentSettingsError, match="chmod 600"):
        read_settings(file)
    key.chmod(0o600)
    found = read_settings(file)
    assert (found.key, "very-secret" in repr(found)) == ("very-secret", False)
    file.write_text(file.read_text() + 'base_url="http://pay.example"\n')
    with pytest.raises(PaymentSettingsError, match="base_url: write https://HOST"):
        read_settings(file)
    file.write_text(file.read_text().replace("http://pay.example", "https://[pay"))
    with pytest.raises(PaymentSettingsError, match="base_url: write https://HOST"):
        read_settings(file)
    file.write_text(file.read_text().replace("https://[pay", "https://"))
    with pytest.raises(PaymentSettingsError, match="base_url: write https://HOST"):
        read_settings(file)
    file.write_text(file.read_text().replace('base_url="https://', 'own_address="here'))
    with pytest.raises(PaymentSettingsError, match="own_address: write this machine's address"):
        read_settings(file)
    os.mkfifo(tmp_path / "pipe")
    for given in (tmp_path, tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(PaymentSettingsError, match="not a regular file"):
            read_settings(given)
    for nonsense in ("a=" + "[" * 5000, "a=" + "9" * 5000):
        file.write_text(nonsense)
        with pytest.raises(PaymentSettingsError, match=r"payments\.toml"):
            read_settings(file)
    file.write_text('[wechatpay]\nappid="a"\n')
    with pytest.raises(PaymentSettingsError, match="unknown appid"):
        read_settings(file)


def test_the_list_shows_each_order_by_its_station_s_clock(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.admin.stations.set("S1", zone="Asia/Tokyo")
    by_wechat(world)
    with world.database.writing() as connection:
        keep_state(connection, WECHATPAY, PLATE, "NORMAL", to_us(world.clock.now()))
    (charge,) = fuel(world, 8_000)
    where = ["--database", world.database.url.render_as_string(hide_password=False)]
    assert main(["admin", "payment", "list", *where]) == 0
    head, line = capsys.readouterr().out.splitlines()
    made = world.clock.now().astimezone(ZoneInfo("Asia/Tokyo"))
    assert head.split()[:2] == ["order", "at"]
    assert charge.id in line
    assert f"{made:%Y-%m-%d %H:%M:%S}+09:00" in line
