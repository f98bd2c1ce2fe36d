"""Signatures by themselves: what controller.outbound.signing makes is taken, all else is refused, nothing crashes."""

from __future__ import annotations

import base64
import errno
import os
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import requests
from http_message_signatures import HTTPMessageSigner, MappingKeyResolver, algorithms
from hypothesis import given
from hypothesis import strategies as st

from controller.errors import SettingsError
from controller.outbound.key_pair import KeyPair
from controller.outbound.signing import Signer
from service.identity.signed.signatures import Flaw, ProvenSignature, RequestView, SignatureRefused, verify
from tests.service.identity.kit import START, MovingClock
from wire.devices import SIGNED_PARTS, key_id

KEY = KeyPair.make()
PUBLIC = base64.b64decode(KEY.public_text)


def find(wanted: str) -> bytes:
    if wanted != KEY.key_id:
        raise SignatureRefused(Flaw.UNKNOWN_KEY, "unknown")
    return PUBLIC


def view(method: str = "POST", target: str = "/v1/x", body: bytes = b"{}", host: str = "h.example") -> RequestView:
    headers = {"Content-Type": "application/json"} if body else {}
    request = requests.Request(method, f"http://{host}{target}", data=body or None, headers=headers).prepare()
    Signer(KEY, MovingClock())(request)
    path = request.path_url
    content = request.body.encode() if isinstance(request.body, str) else request.body or b""
    return RequestView(method, host, path, tuple(request.headers.items()), content)


def flaw_of(request: RequestView, now: object = START) -> Flaw | None:
    try:
        verify(request, find, now)  # type: ignore[arg-type]
    except SignatureRefused as refusal:
        return refusal.flaw
    return None


def test_thumbprint_of_rfc_8037() -> None:
    raw = base64.urlsafe_b64decode("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo=")
    assert key_id(raw) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


@given(
    method=st.sampled_from(["GET", "POST", "PUT", "DELETE"]),
    path=st.text("abcXYZ019-_.~/粤 %+", max_size=30),
    query=st.text("ab=&%20粤+?/", max_size=30),
    body=st.binary(max_size=200),
    host=st.sampled_from(["h.example", "h.example:8443", "10.0.0.5:8080", "[::1]:8080"]),
)
def test_what_is_signed_is_taken(method: str, path: str, query: str, body: bytes, host: str) -> None:
    target = f"/v1/{path}" + (f"?{query}" if query else "")
    claim = verify(view(method, target, body, host), find, START)
    assert isinstance(claim, ProvenSignature)
    assert (claim.key_id, claim.created_at) == (KEY.key_id, START)


@given(data=st.data())
def test_any_changed_byte_is_refused(data: st.DataObject) -> None:
    good = view(body=b'{"station":"S1"}')
    part = data.draw(st.sampled_from(["method", "host", "target", "body"]))
    if part == "body":
        place = data.draw(st.integers(0, len(good.body) - 1))
        changed = bytearray(good.body)
        changed[place] ^= data.draw(st.integers(1, 255))
        spoilt = replace(good, body=bytes(changed))
    else:
        added = data.draw(st.text("abcXYZ09", min_size=1, max_size=3))
        spoilt = replace(good, **{part: getattr(good, part) + (added.upper() if part == "method" else added)})
    assert flaw_of(spoilt) is Flaw.TAMPERED


FIELDS = st.one_of(
    st.text(max_size=200),
    st.text('"();=:?,*@abcdefghijklmnopqrstuvwxyz0123456789- ', max_size=200),
    st.sampled_from([value for name, value in view().headers if name.startswith("Signature")]),
)


@given(signature_input=FIELDS, signature=FIELDS, digest=FIELDS, body=st.binary(max_size=20))
def test_nonsense_is_refused_and_nothing_else(signature_input: str, signature: str, digest: str, body: bytes) -> None:
    headers = (
        ("Signature-Input", signature_input),
        ("Signature", signature),
        ("Content-Digest", digest),
        ("Content-Type", "application/json"),
    )
    assert flaw_of(RequestView("POST", "h.example", "/v1/x", headers, body)) is not None


@given(data=st.data())
def test_a_spoilt_header_is_refused(data: st.DataObject) -> None:
    good = view()
    lines = [list(line) for line in good.headers]
    line = data.draw(st.sampled_from([x for x in lines if x[0] in ("Signature-Input", "Signature", "Content-Digest")]))
    place = data.draw(st.integers(0, len(line[1]) - 1))
    sign = data.draw(st.characters(min_codepoint=32, max_codepoint=255))
    if sign == line[1][place]:
        return
    line[1] = line[1][:place] + sign + line[1][place + 1 :]
    spoilt = replace(good, headers=tuple((n, v) for n, v in lines))
    assert flaw_of(spoilt) is not None or _only_the_label(good, spoilt)


def _only_the_label(good: RequestView, spoilt: RequestView) -> bool:
    """The label that joins Signature-Input and Signature is not covered; nor is blank space the parser drops."""
    old, new = dict(good.headers), dict(spoilt.headers)
    squeezed = [d["Signature"].partition("=")[2].replace(" ", "") for d in (old, new)]
    return squeezed[0][:-4] == squeezed[1][:-4]


@pytest.mark.parametrize("host", ["", "a b", "h.example/x", "h@x", "[::1", "粤"])
@pytest.mark.parametrize("target", ["", "x", "/\x00", "/ ", "/%zz", "http://other/"])
def test_odd_targets_are_refused(host: str, target: str) -> None:
    assert flaw_of(replace(view(), host=host, target=target)) in (Flaw.TAMPERED, Flaw.MALFORMED)


@pytest.mark.parametrize("left_out", ["@method", "@authority", "@path", "@query", "content-type", "content-digest"])
def test_a_signature_that_leaves_a_part_out_is_refused(left_out: str) -> None:
    """Made with the right key and right in itself, it would let the part be changed."""
    good = view()
    parts = [part for part in (*SIGNED_PARTS, "content-type", "content-digest") if part != left_out]
    request = requests.Request("POST", "http://h.example/v1/x", data=b"{}").prepare()
    request.headers.update({n: v for n, v in good.headers if n in ("Content-Type", "Content-Digest")})
    resolver = MappingKeyResolver(public_keys={}, private_keys={KEY.key_id: KEY.private})
    HTTPMessageSigner(signature_algorithm=algorithms.ED25519, key_resolver=resolver).sign(
        request,
        key_id=KEY.key_id,
        created=START,
        nonce="x" * 24,
        tag="greenlane",
        covered_component_ids=parts,
        use_existing_digest=True,
    )
    partial = replace(good, headers=tuple(request.headers.items()))
    assert flaw_of(partial) is Flaw.TAMPERED
    assert flaw_of(replace(partial, headers=good.headers)) is None


def test_its_own_expiry_counts() -> None:
    assert flaw_of(view(), START + timedelta(seconds=300)) is None
    assert flaw_of(view(), START + timedelta(seconds=301)) is Flaw.STALE
    assert flaw_of(view(), START - timedelta(seconds=301)) is Flaw.FUTURE


def test_missing_libraries_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("controller.outbound.key_pair.LIBRARIES", ("cryptography", "no_such_library"))
    with pytest.raises(SettingsError, match=r"no_such_library; run: .*/bin/pip install 'greenlane\[signing\]'"):
        KeyPair.make()


def test_nothing_is_left_of_a_key_that_finds_no_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a key would stop every later `greenlane enrol`."""

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(SettingsError, match="No space left"):
        KEY.save(tmp_path / "device.key")
    assert list(tmp_path.iterdir()) == []


def test_a_key_that_another_process_writes_meanwhile_is_not_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, sync = tmp_path / "device.key", os.fsync

    def other_first(handle: int) -> None:
        path.write_text("theirs")
        sync(handle)

    monkeypatch.setattr("os.fsync", other_first)
    with pytest.raises(SettingsError, match="File exists"):
        KEY.save(path)
    assert path.read_text() == "theirs"
    assert list(tmp_path.iterdir()) == [path]


def test_a_key_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "device.key"
    KEY.save(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert KeyPair.load(path).key_id == KEY.key_id
    with pytest.raises(SettingsError, match="File exists"):
        KEY.save(path)
    path.chmod(0o640)
    with pytest.raises(SettingsError, match="chmod 600"):
        KeyPair.load(path)
    path.chmod(0o600)
    path.write_text("nonsense")
    with pytest.raises(SettingsError, match="not a private key"):
        KeyPair.load(path)
    with pytest.raises(SettingsError, match="greenlane enrol"):
        KeyPair.load(path.with_name("absent"))
