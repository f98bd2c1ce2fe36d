"""TLS by certificate files with a certificate authority made here, and addresses that come through a proxy."""

from __future__ import annotations

import datetime
import http.client
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from controller.clock import SystemClock
from controller.errors import ServiceFault
from controller.outbound.http import HttpBalanceService
from controller.outbound.key_pair import KeyPair
from controller.outbound.signing import Signer
from controller.settings_records import ServiceSettings, Settings
from greenlane.cli import main
from greenlane.cli.doctor.service import check_service
from service.admin.admin import Admin
from service.books.books import Books
from service.errors import ServiceError
from service.identity.signed.devices import DeviceStore, Place
from service.listening import Listening
from service.store.clock import SystemWallClock as ServiceClock
from service.store.database import Database
from tests.service.identity.served import Served
from wire.devices import DeviceKind

OTHER_USES = "content_commitment key_encipherment data_encipherment key_agreement encipher_only decipher_only"
KEY_USAGE = dict.fromkeys(OTHER_USES.split(), False)


class Authority:
    """A certificate authority and the server certificates it signs, as files in a folder."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self._certificate = self._sign(self._name, self._key.public_key(), is_authority=True)
        self.ca_file = folder / f"{name}-ca.pem"
        self.ca_file.write_bytes(self._certificate.public_bytes(serialization.Encoding.PEM))

    def issue(self, name: str, begins_h: float = -1, ends_h: float = 48) -> tuple[Path, Path]:
        """Certificate and key file of a server on loopback, valid from and until so many hours from now."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        certificate = self._sign(subject, key.public_key(), False, begins_h, ends_h)
        cert_file, key_file = self._folder / f"{name}.pem", self._folder / f"{name}.key"
        cert_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        form = serialization.PrivateFormat.PKCS8
        key_file.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
        return cert_file, key_file

    def _sign(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePublicKey,
        is_authority: bool,
        begins_h: float = -1,
        ends_h: float = 48,
    ) -> x509.Certificate:
        now = datetime.datetime.now(datetime.UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + datetime.timedelta(hours=begins_h))
            .not_valid_after(now + datetime.timedelta(hours=ends_h))
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
            .add_extension(
                x509.KeyUsage(digital_signature=True, key_cert_sign=is_authority, crl_sign=is_authority, **KEY_USAGE),
                critical=True,
            )
        )
        if not is_authority:
            names = [x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))]
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
            usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
            builder = builder.add_extension(usage, critical=False)
        return builder.sign(self._key, hashes.SHA256())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tls")


@pytest.fixture(scope="module")
def authority(folder: Path) -> Authority:
    return Authority(folder, "station")


@pytest.fixture(scope="module")
def books(folder: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{folder / 'books.sqlite3'}")
    database.migrate()
    Admin(Books(database, ServiceClock()), "test").stations.set("S1")
    Admin(Books(database, ServiceClock()), "test").stations.set_price("S1", "92", 790)
    yield database
    database.close()


@pytest.fixture(scope="module")
def port(folder: Path, authority: Authority, books: Database) -> Iterator[int]:
    """The real command, speaking TLS; behind no proxy."""
    cert, key = authority.issue("books")
    with Served(url_of(books), "--tls-cert", str(cert), "--tls-key", str(key)) as found:
        yield found


def url_of(books: Database) -> str:
    return books.url.render_as_string(hide_password=False)


def lane_key(books: Database) -> tuple[str, DeviceStore]:
    store = DeviceStore(books, ServiceClock().now)
    return store.issue_code(Place(DeviceKind.LANE, "S1", "L1"), "test", replaces=True), store


@pytest.mark.slow
def test_enrol_and_ask_over_tls(folder: Path, authority: Authority, books: Database, port: int) -> None:
    code, _ = lane_key(books)
    url, key_file = f"https://localhost:{port}", folder / "device.key"
    words = ["enrol", code, "--service", url, "--key", str(key_file), "--config", str(folder / "lane.toml")]
    assert main(words) == 1, "a certificate that nobody vouches for"
    assert main([*words, "--ca", str(authority.ca_file)]) == 0
    assert key_file.stat().st_mode & 0o777 == 0o600
    assert f'url = "{url}"' in (folder / "lane.toml").read_text()
    sign = Signer(KeyPair.load(key_file), SystemClock())
    lane = HttpBalanceService(url, "S1", sign=sign, ca_file=str(authority.ca_file))
    assert [price.product for price in lane.prices(20.0)] == ["92"]
    assert main(["enrol", "--rotate", "--service", url, "--key", str(key_file), "--ca", str(authority.ca_file)]) == 0
    rotated = HttpBalanceService(
        url, "S1", sign=Signer(KeyPair.load(key_file), SystemClock()), ca_file=str(authority.ca_file)
    )
    assert rotated.prices(20.0)
    for client in (lane, rotated):
        client.close()


@pytest.mark.slow
def test_another_authoritys_certificate_is_not_trusted(folder: Path, books: Database, port: int) -> None:
    stranger = Authority(folder, "stranger")
    sign = Signer(KeyPair.make(), SystemClock())
    for ca_file in (str(stranger.ca_file), None):
        client = HttpBalanceService(f"https://localhost:{port}", "S1", sign=sign, ca_file=ca_file)
        with pytest.raises(ServiceFault, match="not to be trusted"):
            client.prices(20.0)
        client.close()


@pytest.mark.slow
def test_the_name_must_fit(authority: Authority, port: int) -> None:
    context = ssl.create_default_context(cafile=str(authority.ca_file))
    with pytest.raises(ssl.SSLCertVerificationError), socket.create_connection(("127.0.0.1", port)) as raw:
        context.wrap_socket(raw, server_hostname="elsewhere.example")


@pytest.mark.slow
def test_old_tls_is_not_spoken(authority: Authority, port: int) -> None:
    context = ssl.create_default_context(cafile=str(authority.ca_file))
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises((ssl.SSLError, ConnectionError)), socket.create_connection(("127.0.0.1", port)) as raw:
        context.wrap_socket(raw, server_hostname="localhost")


@pytest.mark.slow
def test_plain_http_gets_nothing(port: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", "/healthz")
    with pytest.raises((http.client.HTTPException, ConnectionError)):
        connection.getresponse()


@pytest.mark.slow
@pytest.mark.parametrize(("trusted", "scheme"), [((), "http"), (("--proxy-headers", "127.0.0.1"), "https")])
def test_a_proxy_is_believed_only_where_it_is_named(books: Database, trusted: tuple[str, ...], scheme: str) -> None:
    """The log-in cookie is Secure when the proxy says that the browser spoke TLS to it."""
    with Served(url_of(books), "--metrics-from", "127.0.0.1", *trusted) as plain:
        headers = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.9"}
        answer = requests.get(f"http://127.0.0.1:{plain}/login", headers=headers, timeout=30)
        assert ("__Host-" in answer.headers["set-cookie"]) is (scheme == "https")
        assert requests.get(f"http://127.0.0.1:{plain}/metrics", headers=headers, timeout=30).status_code == 403
        assert requests.get(f"http://127.0.0.1:{plain}/metrics", timeout=30).status_code == 200


def test_what_is_wrong_with_a_certificate_is_said(folder: Path, authority: Authority) -> None:
    cert, key = authority.issue("one")
    _, other = authority.issue("two")
    Listening(tls_cert=str(cert), tls_key=str(key)).server_options()
    for wrong_cert, wrong_key in (
        (folder / "none.pem", key),
        (key, cert),
        (cert, other),
        (cert, folder),
        (Path("/dev/zero"), key),
    ):
        with pytest.raises(ServiceError, match="--tls-cert"):
            Listening(tls_cert=str(wrong_cert), tls_key=str(wrong_key)).server_options()
    for name in ("https://books.example/", "books example", "h:99999", ""):
        with pytest.raises(ValueError, match="write NAME or NAME:PORT"):
            Listening(hosts=(name,))
    with pytest.raises(ValueError, match="belong together"):
        Listening(tls_cert=str(cert))
    with pytest.raises(ValueError, match="--metrics-from"):
        Listening(metrics_from=("prometheus",))


@pytest.mark.parametrize(
    ("listening", "host", "warnings"),
    [
        (Listening(), "127.0.0.1", 0),
        (Listening(trusted_proxies=("127.0.0.1",)), "127.0.0.1", 0),
        (Listening(allow_unsigned=True), "127.0.0.1", 1),
        (Listening(), "0.0.0.0", 2),
        (Listening(allow_unsigned=True), "10.0.0.5", 2),
        (Listening(hosts=("books.example",), trusted_proxies=("10.0.0.1",)), "0.0.0.0", 0),
    ],
)
def test_what_is_unsafe_is_said_at_the_start(listening: Listening, host: str, warnings: int) -> None:
    assert len(listening.warnings(host, ServiceClock().now())) == warnings


@pytest.mark.parametrize(
    ("begins_h", "ends_h", "word"),
    [(-2, -1, "expired"), (3, 48, "valid from"), (-1, 24 * 13, "expires"), (-1, 24 * 15, "")],
)
def test_a_certificate_out_of_its_time_is_said_at_the_start(
    authority: Authority, begins_h: float, ends_h: float, word: str
) -> None:
    cert, key = authority.issue("dated", begins_h, ends_h)
    listening = Listening(tls_cert=str(cert), tls_key=str(key), hosts=("books.example",))
    for host in ("127.0.0.1", "0.0.0.0"):
        found = listening.warnings(host, ServiceClock().now())
        assert [word in words for words in found] == [True] * bool(word)


@pytest.mark.parametrize(("begins_h", "ends_h", "word"), [(-2, -1, "has expired"), (3, 48, "is not valid yet")])
def test_a_device_says_that_the_date_is_wrong_not_the_authority(
    folder: Path,
    authority: Authority,
    capsys: pytest.CaptureFixture[str],
    begins_h: float,
    ends_h: float,
    word: str,
) -> None:
    """A board whose clock stands in 1970 sees no valid certificate: --ca and the address are right."""
    cert, key = authority.issue("dated", begins_h, ends_h)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=shake_hands, args=(server, context, 2), daemon=True).start()
        url = f"https://127.0.0.1:{server.getsockname()[1]}"
        words = ["enrol", "AAAA-BBBB-CCCC", "--service", url, "--key", str(folder / "dated.device.key")]
        assert main([*words, "--ca", str(authority.ca_file)]) == 1
        err = capsys.readouterr().err
        assert word in err
        assert "--ca" not in err
        settings = Settings(service=ServiceSettings(url=url, ca_file=str(authority.ca_file)))
        check, _ = check_service(settings)
    assert word in check.found
    assert "clock" in check.advice


def shake_hands(server: socket.socket, context: ssl.SSLContext, times: int) -> None:
    for _ in range(times):
        with server.accept()[0] as raw, suppress(ssl.SSLError, OSError):
            context.wrap_socket(raw, server_side=True).close()


@pytest.mark.slow
def test_a_service_without_devices_says_which_command_to_run(tmp_path: Path) -> None:
    """It was open until the first device; whoever upgrades such an installation has to be told."""
    process = Served(f"sqlite:///{tmp_path / 'new.sqlite3'}")
    with process as port:
        assert requests.get(f"http://127.0.0.1:{port}/v1/prices?station=S1", timeout=30).status_code == 401
        process._process.terminate()
        output = process._process.communicate(timeout=30)[1].decode()
    assert "greenlane admin enrol --kind lane" in output
    assert "greenlane enrol CODE" in output
