"""Runs the service's application: in a thread on loopback for programs that embed it, or as the service process."""

from __future__ import annotations

import json
import logging
import os
import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI

from service.app import create_app
from service.books.settings import BookSettings
from service.errors import ServiceError
from service.http.connections import GuardedProtocol
from service.listening import Listening, require_free
from service.payments.port import PaymentProvider
from service.payments.settings import read_settings
from service.payments.wechatpay import Wechatpay
from service.store.clock import SystemWallClock
from service.store.database import Database
from service.store.zones import unknown_zones

START_TIMEOUT_S = 20.0
STOP_TIMEOUT_S = 2
"""Live pages and waiting lane units keep their connection open for ever; they come back by themselves."""
FIRST_STEP = (
    "no device is enrolled, so every question is refused: run "
    "`greenlane admin enrol --kind lane --station S1 --lane L1` here "
    "and `greenlane enrol CODE --service URL --config /etc/greenlane/lane.toml` on the lane unit "
    "(--allow-unsigned is for development)"
)
_SERVING = "GREENLANE_SERVING"
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """How the service process runs. More than one worker needs PostgreSQL. payments: the file of its providers."""

    database_url: str
    host: str
    port: int
    workers: int = 1
    rules: BookSettings = field(default_factory=BookSettings)
    verbose: bool = False
    listening: Listening = field(default_factory=Listening)
    payments: str | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.workers <= 64:
            raise ValueError("--workers must be between 1 and 64")


def serve(options: ServerOptions) -> None:
    """Serve until SIGTERM or SIGINT. Raises ServiceError when the database cannot be used."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("alembic.runtime.plugins").setLevel(logging.WARNING)  # names its own parts as it is imported
    require_free(options.host, options.port)
    database = Database(options.database_url)
    if options.workers > 1 and database.is_sqlite:
        raise ServiceError("several workers need PostgreSQL: give --database postgresql://...")
    _LOG.info("database %s", database.name)
    database.close()
    for words in options.listening.warnings(options.host, SystemWallClock().now()):
        _LOG.warning("%s", words)
    shape = {"host": options.host, "port": options.port, "access_log": options.verbose, "log_config": None}
    shape["timeout_graceful_shutdown"] = STOP_TIMEOUT_S
    shape |= options.listening.server_options()
    if options.workers == 1:
        app = _app(options)
        _make_push_key(app)
        _tell_first_step(app, options)
        warn_of_unbound_panels(app)
        _warn_of_unknown_zones(app)
        server = GracefulServer(uvicorn.Config(app, **shape))  # type: ignore[arg-type]
        server.run()
        if not server.started:
            raise ServiceError(f"the service could not start on {options.host}:{options.port}")
        return
    first = _app(options)
    _make_push_key(first)
    _tell_first_step(first, options)
    warn_of_unbound_panels(first)
    _warn_of_unknown_zones(first)
    os.environ[_SERVING] = json.dumps(asdict(options))
    with tempfile.TemporaryDirectory(prefix="greenlane-metrics-") as folder:
        os.environ.setdefault("PROMETHEUS_MULTIPROC_DIR", folder)
        uvicorn.run("service.server:worker_app", factory=True, workers=options.workers, **shape)  # type: ignore[arg-type]


def _make_push_key(app: FastAPI) -> None:
    """So that the file is there before the first backup, and a folder that cannot be written is said at the start."""
    try:
        app.state.push_key.private()
    except ServiceError as error:
        _LOG.warning("phones are not woken by push: %s", error)


def _tell_first_step(app: FastAPI, options: ServerOptions) -> None:
    """Without a device every question is refused: say what to do about it."""
    if not options.listening.allow_unsigned and not app.state.identity.keys.has_devices():
        _LOG.warning("%s", FIRST_STEP)


def warn_of_unbound_panels(app: FastAPI) -> None:
    """Panels' accounts of before lanes were named keep working: say which, and how they are bound."""
    for name in app.state.identity.people.unbound_panels():
        _LOG.warning(
            "the panel account %s is bound to no lane, so it may use every panel of its station: run "
            "`greenlane admin person role %s panel --station S --lane L`",
            name,
            name,
        )


def _warn_of_unknown_zones(app: FastAPI) -> None:
    """A zone that another machine knew when its station was set up, or this one before an update."""
    for station, why in unknown_zones(app.state.database):
        _LOG.error("station %s: %s; until then no phone pays there", station, why)


def worker_app() -> FastAPI:
    """The application of one worker process, as serve() described it."""
    described = json.loads(os.environ[_SERVING])
    lists = described.pop("listening").items()
    listening: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in lists}
    rules = BookSettings(**described.pop("rules"))
    return _app(ServerOptions(**described, rules=rules, listening=Listening(**listening)))


def _app(options: ServerOptions) -> FastAPI:
    providers: dict[str, PaymentProvider] = {}
    if options.payments is not None:
        wechatpay = Wechatpay(read_settings(Path(options.payments)))
        providers[wechatpay.name] = wechatpay
    return create_app(
        options.database_url, settings=options.rules, guard=options.listening.guard(), providers=providers
    )


@contextmanager
def running(app: FastAPI, port: int = 0) -> Iterator[str]:
    """Serves the app on that loopback port, 0 for a free one, while the context lasts; yields the base URL.

    Raises ServiceError where the port is taken.
    """
    listener = listening_on(port)
    server = _Embedded(
        uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,
            lifespan="on",
            proxy_headers=False,
            http=GuardedProtocol,
            ws="none",
            timeout_graceful_shutdown=STOP_TIMEOUT_S,
        )
    )
    thread = threading.Thread(target=server.run, args=([listener],), name="service", daemon=True)
    thread.start()
    try:
        if not server.up.wait(START_TIMEOUT_S) or not server.started:
            raise ServiceError("the embedded balance service did not start")
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


def listening_on(port: int) -> socket.socket:
    """A socket on that loopback port, 0 for a free one. Raises ServiceError where the port is taken."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
        if port:
            listener.listen()
    except OSError as error:
        listener.close()
        raise ServiceError(f"port {port} of 127.0.0.1 is not available: {error.strerror}") from error
    return listener


class GracefulServer(uvicorn.Server):
    """Lets open pages and waiting lane units go before it stops."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        state = getattr(self.config.app, "state", None)
        if state is not None:
            state.changes.close()
        await super().shutdown(sockets)


class _Embedded(GracefulServer):
    """Tells when it is up, or has given up."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        try:
            await super().startup(sockets)
        finally:
            self.up.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals belong to the embedding program."""
        yield
