"""`greenlane enrol`: gives this machine a key of its own and makes it known to the balance service."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from controller.errors import ClientError, NotValidNow, Rejected, ServiceFault, ServiceSilent, SettingsError
from greenlane.language import tr
from wire.files import open_regular, replace_regular, sync_folder
from wire.spelling.address import is_address

if TYPE_CHECKING:
    from controller.outbound.key_pair import KeyPair
    from wire.devices import Enrolment

DEFAULT_STATE = Path("/var/lib/greenlane")
KEY_FILE, ENROLMENT_FILE = "device.key", "enrolment.json"
TIMEOUT_S = 15.0
EPILOG = """The code comes from `greenlane admin enrol` and serves once. The key is made here and stays here.

examples:
  greenlane enrol 7K3M-9QXT-2HPD --service https://books.example --config /etc/greenlane/lane.toml
  greenlane enrol 7K3M-9QXT-2HPD --service https://10.0.0.5:8443 --ca station-ca.pem --key panel.key
  greenlane enrol 7K3M-9QXT-2HPD --service https://books.example --state /var/lib/greenlane-station
      a station's central control: `greenlane station` finds its key there
  greenlane enrol --rotate --service https://books.example
      a new key instead of the old one, without a code; restart the lane unit afterwards
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EPILOG
    parser.add_argument("code", nargs="?", metavar="CODE", help="the one-time code")
    parser.add_argument("--service", required=True, metavar="URL", help="address of the balance service or the station")
    parser.add_argument(
        "--state",
        type=Path,
        metavar="DIR",
        help=f"folder of the key (default: state_dir of --config's file, else {DEFAULT_STATE})",
    )
    parser.add_argument("--key", type=Path, metavar="FILE", help=f"the key itself (default: {KEY_FILE} in --state)")
    parser.add_argument("--ca", type=Path, metavar="FILE", help="certificates to trust instead of the public ones")
    parser.add_argument("--config", type=Path, metavar="FILE", help="write address, key, station, lane into lane.toml")
    parser.add_argument("--rotate", action="store_true", help="replace the key of a device that is enrolled")


def run(args: argparse.Namespace) -> int:
    from controller.outbound.key_pair import KeyPair

    if (args.code is None) != args.rotate:
        raise SettingsError("give either the one-time code or --rotate")
    args.key = args.key or (args.state or _state_of(args.config)) / KEY_FILE
    if not is_address(args.service):
        raise SettingsError(f"--service {args.service}: write http(s)://HOST[:PORT]")
    _require_readable(args.ca)
    try:
        enrolled = _rotate(args) if args.rotate else _enrol(args)
    except Rejected as error:
        raise SettingsError(f"the service refused: {error.detail}") from error
    told = [] if args.config is None else [_write_settings(args, enrolled)]
    _put_in_place(args.key)
    where = f"{enrolled.station}" + (f", lane {enrolled.lane}" if enrolled.lane else "")
    own = KeyPair.load(args.key).key_id[:10]
    if args.config is None and enrolled.kind.value == "lane" and not args.rotate:
        words = (
            "no lane.toml knows of the key: set url, ca_file and key_file of [service] there, and restart the lane unit"
        )
        told.append(tr(words))
    if args.rotate:
        told.append(tr("restart what uses the key, for example: systemctl restart greenlane-lane"))
    print(
        "\n".join([tr(f"{enrolled.kind.value} {enrolled.device} of station {where}; key {own} in {args.key}"), *told])
    )
    return 0


def _require_readable(certificates: Path | None) -> None:
    if certificates is not None:
        try:
            open_regular(certificates).close()
        except OSError as error:
            raise SettingsError(f"--ca {certificates}: cannot be read: {error.strerror}") from error


def _state_of(config: Path | None) -> Path:
    """Where the lane of that file keeps its state. Raises SettingsError."""
    if config is None or not config.exists():
        return DEFAULT_STATE
    from controller import settings as settings_file

    return Path(settings_file.load(config).trace.state_dir)


def _enrol(args: argparse.Namespace) -> Enrolment:
    """The next key is on disk before it is sent, so that a lost answer is mended by running the command again.

    It becomes the key when all else is written: what could not be is mended in the same way.
    """
    if args.key.exists():
        raise SettingsError(f"{args.key}: there is a key already; use --rotate, or move it away to enrol anew")
    try:
        args.key.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(f"{args.key.parent}: the key's folder cannot be made: {error.strerror}") from error
    key = _next_key(args.key)
    body = {"code": args.code, "public_key": key.public_text}
    enrolled = _post(args, "/v1/enrolments", body, key)
    _keep_enrolment(args.key, enrolled)
    return enrolled


def _keep_enrolment(key: Path, enrolled: Enrolment) -> None:
    """A station's central control finds out from the file beside its key which station it is."""
    from wire.codec import encode_text
    from wire.devices import DeviceKind

    if enrolled.kind is DeviceKind.STATION:
        beside = key.with_name(ENROLMENT_FILE)
        try:
            replace_regular(beside, f"{encode_text(enrolled)}\n".encode())
        except OSError as error:
            raise SettingsError(f"{beside}: {error.strerror}") from error
        _hand_over(beside)


def _rotate(args: argparse.Namespace) -> Enrolment:
    from controller.outbound.key_pair import KeyPair

    old = KeyPair.load(args.key)
    new = _next_key(args.key)
    body = {
        "public_key": new.public_text,
        "proof": new.rotation_proof(old.key_id),
        "consent": old.rotation_consent(new.key_id),
    }
    return _post(args, "/v1/keys", body, old)


def _next_key(path: Path) -> KeyPair:
    from controller.outbound.key_pair import KeyPair

    waiting = _waiting(path)
    if waiting.exists():
        return KeyPair.load(waiting)
    key = KeyPair.make()
    key.save(waiting)
    return key


def _hand_over(path: Path) -> None:
    """What root wrote belongs to whom its folder belongs; what a link there leads to stays whose it is."""
    if os.geteuid() == 0:
        folder = path.parent.stat()
        os.chown(path, folder.st_uid, folder.st_gid, follow_symlinks=False)


def _put_in_place(path: Path) -> None:
    os.replace(_waiting(path), path)
    sync_folder(path.parent)


def _waiting(path: Path) -> Path:
    return path.with_name(path.name + ".next")


def _post(args: argparse.Namespace, path: str, body: dict[str, str], key: KeyPair) -> Enrolment:
    """What the service says, in bounded time and length. Raises Rejected, ServiceFault or ServiceSilent."""
    from controller.clock import SystemClock
    from controller.outbound.connections import Call, ConnectionPool
    from controller.outbound.signing import Signer
    from wire.codec import WireError, decode
    from wire.devices import Enrolment

    call = Call("POST", args.service.rstrip("/") + path, json.dumps(body).encode())
    connections = ConnectionPool(Signer(key, SystemClock()), str(args.ca) if args.ca else True)
    try:
        answer = connections.call(call, TIMEOUT_S)
    except ClientError as error:
        raise _unanswered(args.service, error) from error
    finally:
        connections.close()
    try:
        parsed: Any = json.loads(answer.body.decode())
        if answer.status == 200:
            return decode(Enrolment, parsed)
        raise Rejected(str(parsed["code"]), str(parsed["detail"])[:300])
    except (ValueError, KeyError, TypeError, RecursionError, WireError) as error:
        raise ServiceFault(f"{args.service} answered {answer.status}, not as a balance service does") from error


def _unanswered(service: str, error: ClientError) -> ClientError:
    import requests

    cause = error.__cause__
    if isinstance(error, NotValidNow):
        return NotValidNow(f"{service}: {error}; renew it, or set the clock")
    if isinstance(cause, requests.exceptions.SSLError):
        return ServiceFault(f"{service}: its certificate is not to be trusted; give the right one with --ca FILE")
    if isinstance(cause, OSError) and not isinstance(cause, requests.RequestException):
        return ServiceFault(f"--ca: {cause}")
    if isinstance(error, ServiceSilent):
        return ServiceSilent(f"{service} cannot be reached; check the address and the network")
    return error


def _write_settings(args: argparse.Namespace, enrolled: Enrolment) -> str:
    """What to say of it. Raises SettingsError."""
    from controller.settings import update_file

    changes: dict[tuple[str, str], Any] = {
        ("lane", "station"): enrolled.station,
        ("service", "url"): args.service,
        ("service", "key_file"): str(args.key.absolute()),
    }
    if enrolled.lane is not None:
        changes["lane", "name"] = enrolled.lane
    if args.ca is not None:
        changes["service", "ca_file"] = str(args.ca.absolute())
    try:
        update_file(args.config, changes)
    except OSError as error:
        raise SettingsError(f"{args.config}: cannot be written: {error.strerror}") from error
    return tr(f"{args.config}: station, lane, address and key are set")
