"""Enrol a terminal and ask its first question: python first_question.py http://127.0.0.1:8080 7K3M-9QXT-2HPD

Needs Python 3.11 and `pip install cryptography`. The key is made here; keep it where only the terminal reads it.
"""

import base64
import hashlib
import json
import secrets
import sys
import time
import urllib.error
import urllib.request
from datetime import UTC, datetime
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

base_url, code = sys.argv[1].rstrip("/"), sys.argv[2]
private_key = Ed25519PrivateKey.generate()
public_key = private_key.public_key().public_bytes_raw()


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


# The key id: SHA-256 over the public key written as a JWK, with exactly these bytes.
jwk = f'{{"crv":"Ed25519","kty":"OKP","x":"{base64url(public_key)}"}}'
key_id = base64url(hashlib.sha256(jwk.encode()).digest())


def post(path: str, record: dict[str, object]) -> dict[str, object]:
    """One signed request; every attempt is signed anew."""
    body = json.dumps(record, ensure_ascii=False).encode()
    digest = f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:"
    parts = {
        "@method": "POST",
        "@authority": urlsplit(base_url).netloc.lower(),
        "@path": path,
        "@query": "?",
        "content-type": "application/json",
        "content-digest": digest,
    }
    names = " ".join(f'"{name}"' for name in parts)
    parameters = (
        f'({names});created={int(time.time())};keyid="{key_id}";alg="ed25519"'
        f';nonce="{secrets.token_urlsafe(18)}";tag="greenlane"'
    )
    lines = [f'"{name}": {value}' for name, value in parts.items()]
    signed = "\n".join([*lines, f'"@signature-params": {parameters}'])
    signature = base64.b64encode(private_key.sign(signed.encode())).decode()
    headers = {
        "Content-Type": "application/json",
        "Greenlane-Wire": "2",
        "Content-Digest": digest,
        "Signature-Input": f"greenlane={parameters}",
        "Signature": f"greenlane=:{signature}:",
    }
    try:
        with urllib.request.urlopen(urllib.request.Request(base_url + path, body, headers), timeout=5) as answer:
            decision: dict[str, object] = json.load(answer)
            return decision
    except urllib.error.HTTPError as error:
        sys.exit(f"{error.code}: {error.read().decode()}")


me = post("/v1/enrolments", {"code": code, "public_key": base64.b64encode(public_key).decode()})
question = {
    "visit": f"{me['lane']}-{int(time.time())}",
    "station": me["station"],
    "lane": me["lane"],
    "plate": "粤B12345",
    "typed": False,
    "captured_at": datetime.now(UTC).isoformat(),
    "confidence": 0.98,
    "weakest": 0.97,
}
print(json.dumps(post("/v1/authorisations", question), ensure_ascii=False, indent=1))
