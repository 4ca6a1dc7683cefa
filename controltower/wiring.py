"""Putting the parts together: the only module that knows web, collectors and the store at once."""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from a2wsgi import WSGIMiddleware
from werkzeug.middleware.proxy_fix import ProxyFix

from collectors.brokers.connections import Declared
from collectors.brokers.consuming import Loops
from collectors.brokers.statuses import Statuses
from collectors.brokers.targets import DeclaredTargets
from collectors.dead_letters import taking as dead_letters
from collectors.dead_letters.broker import BrokerLetters
from collectors.dead_letters.http import dead_letter_routes
from collectors.edi import reading as edi
from collectors.edi.folder import FolderWatch
from collectors.edi.http import edi_routes
from collectors.events import quarantining as events
from collectors.events.http import events_routes
from collectors.files import csv_import
from collectors.files.ocel.telling import EDGE as OCEL_EDGE
from collectors.hooks import holding as hooks
from collectors.hooks.figures import HookFigures
from collectors.hooks.http import hook_routes
from collectors.hooks.secrets import read_secrets
from collectors.hooks.senders import Doorkeeper
from collectors.http import Headers, IngestApp, Limits
from collectors.mapping.desk import Desk
from collectors.mapping.telling import Mapping as PayloadMapping
from collectors.otlp.export import Exporter
from collectors.otlp.grpc import build_grpc_server
from collectors.otlp.held import held_decoders
from collectors.otlp.http import otlp_routes
from collectors.otlp.links import DEFAULT_ATTRIBUTES, LinkRules
from collectors.otlp.span_events import span_rules
from collectors.refusals import Unauthorized
from controltower.connected import broker_loops, connection_rows
from controltower.declared import (
    declared_processes,
    decode_sample,
    load_declared,
    load_mappings,
    load_policies,
    process_files,
)
from controltower.domain.errors import BadSetting, Forbidden
from controltower.domain.processes import Process
from controltower.domain.replays import Approval
from controltower.loop import Step, start_steps
from controltower.replaying import ReplayParts, build_replay_parts, replay_steps
from controltower.server import HttpListener, serve
from controltower.services.accounts import create_setup_link
from controltower.services.failure_rules import RuleShelf
from controltower.services.ingest import Ingest
from controltower.services.queue_thinning import thin_once
from controltower.services.reconciliation.running import run_due_once
from controltower.services.tokens import TokenBook, has_ingest_token, may_post_facts
from controltower.services.writer_process import ProcessWriter
from controltower.services.writers import InlineWriter, Writer
from controltower.settings import AUTO, OPEN, Address, Settings
from controltower.simulated import QUEUE, demo_connections, demo_rules
from controltower.store.engine import Database, open_database, transaction
from controltower.store.maintenance import checkpoint
from controltower.store.schema import upgrade
from controltower.store.secrets import SESSION_KEY, keep_secret
from controltower.telemetry import metrics_text
from controltower.web.app import create_app
from controltower.web.deps import WebDeps

_MIB = 1024 * 1024
_CHECKPOINT_SECONDS = 0.5
_RECONCILE_SECONDS = 60.0
_THIN_SECONDS = 600.0
_WEB_THREADS = 8
_DEMO_GRACE = 8.0
_FOLDER_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Roles:
    """What one process does."""

    web: bool = True  # screens, API and ingest at the http listener
    collect: bool = True  # OTLP at its own listeners
    work: bool = True  # background steps


@dataclass(frozen=True, slots=True)
class Tower:
    """The parts that every role shares."""

    settings: Settings
    db: Database
    processes: Mapping[str, Process]
    ingest: Ingest
    mappings: Mapping[str, PayloadMapping]
    hook_figures: HookFigures
    rules: RuleShelf
    connections: Mapping[str, Declared]
    replays: ReplayParts
    broker_statuses: Statuses


def utc_now() -> datetime:
    """The clock."""
    return datetime.now(UTC)


def now_us() -> int:
    """The clock, in microseconds since the epoch."""
    return time.time_ns() // 1000


def declared_connections(
    settings: Settings, mappings: Mapping[str, PayloadMapping] | None = None
) -> dict[str, Declared]:
    """The connections by name; nothing is opened. Raises BadSetting."""
    return load_declared(settings, os.environ, load_mappings(settings) if mappings is None else mappings)


@contextmanager
def opened_store(settings: Settings) -> Iterator[Database]:
    """The store, at the schema of this version."""
    if not settings.database_url:
        settings.home.mkdir(parents=True, exist_ok=True)
    db = open_database(settings.store_url)
    try:
        upgrade(db)
        yield db
    finally:
        db.dispose()


@dataclass(frozen=True, slots=True)
class Demo:
    """A demo estate to start beside the tower."""

    seed: int
    rate: float  # orders a minute
    inbox: socket.socket  # where it takes replays; it listens already
    broker: str = ""  # the address of a RabbitMQ that its dead letters go to
    queue: str = QUEUE  # there

    @property
    def address(self) -> str:
        """host:port of the inbox."""
        host, port = self.inbox.getsockname()
        return f"{host}:{port}"


@contextmanager
def opened_tower(
    settings: Settings, *, has_writer_process: bool = False, demo: Demo | None = None
) -> Iterator[Tower]:
    """The store and a running group commit; on the way out all that waits is committed.

    A writer process costs a moment to start and some memory, and lets a server take twice as much.
    `demo` is the estate that will be started beside it.
    """
    mappings = load_mappings(settings)
    connections = declared_connections(settings, mappings)
    if demo is not None:
        connections = demo_connections(demo.address, demo.broker, demo.queue) | connections
    policies = load_policies(settings)
    with opened_store(settings) as db:
        processes = declared_processes(settings)
        writer: Writer = InlineWriter(db, processes)
        if has_writer_process:
            writer = ProcessWriter(settings.store_url, process_files(settings))
        ingest = Ingest(writer, now_us)
        ingest.start()
        try:
            rules = RuleShelf(settings.failure_rules, demo_rules(demo.address) if demo else ())
            targets = DeclaredTargets(connections)
            approval = Approval(settings.replay_approval_above)
            replays = build_replay_parts(
                db, ingest, processes, rules, targets, utc_now, now_us, approval, policies
            )
            yield Tower(
                settings, db, processes, ingest, mappings, HookFigures(), rules, connections, replays,
                Statuses(now_us),
            )  # fmt: skip
        finally:
            ingest.close()


def run(settings: Settings, roles: Roles, *, say: Callable[[str], None], demo: Demo | None = None) -> None:
    """Serve until told to stop."""
    with opened_tower(settings, has_writer_process=True, demo=demo) as tower:
        _check_exposure(tower, roles)
        steps: tuple[Step, ...] = (Step("checkpoint", lambda: checkpoint(tower.db), _CHECKPOINT_SECONDS),)
        # In every process that writes: without it the write-ahead log would only grow.
        if roles.work:
            reconcile = Step("reconcile", lambda: _reconcile(tower), _RECONCILE_SECONDS)
            thin = Step("queue samples", lambda: thin_once(tower.db, utc_now()), _THIN_SECONDS)
            steps += (reconcile, thin, *_watched_folders(tower))
            steps += replay_steps(tower.replays, tower.db, tower.processes, utc_now)
        scheduler = start_steps(steps)
        loops = _broker_loops(tower) if roles.collect else None
        estate: list[subprocess.Popen[bytes]] = []

        def ready() -> None:
            _announce(tower, roles, say)
            if loops is not None:
                loops.start()
            if demo is not None:
                estate.append(_start_demo(settings, demo))

        def stopping() -> None:
            while estate:
                _stop(estate.pop())

        try:
            serve(
                _listeners(tower, roles),
                _grpc(tower) if roles.collect else None,
                on_ready=ready,
                on_stopping=stopping,
            )
        finally:
            stopping()
            if loops is not None:
                loops.stop()
            scheduler.shutdown(wait=True)
            tower.replays.executor.close()


def _start_demo(settings: Settings, demo: Demo) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "controltower.demo", *demo_arguments(settings, demo)]
    with demo.inbox:  # of the estate alone: when it is gone, nobody listens there
        return subprocess.Popen(command, pass_fds=(demo.inbox.fileno(),))


def _reconcile(tower: Tower) -> None:
    while run_due_once(tower.db, tower.settings.reconciliations, utc_now):
        pass


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_DEMO_GRACE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _announce(tower: Tower, roles: Roles, say: Callable[[str], None]) -> None:
    settings = tower.settings
    if roles.web:
        say(f"The control tower is at http://{settings.http}")
        link = create_setup_link(tower.db, utc_now())
        if link is not None:
            say("First start: set the administrator's password here (the link works once, within 24 hours):")
            say(f"  http://{settings.http}/setup/{link}")
    if roles.collect:
        say(f"OpenTelemetry: http://{settings.otlp_http} (OTLP/HTTP), {settings.otlp_grpc} (OTLP/gRPC)")


def _check_exposure(tower: Tower, roles: Roles) -> None:
    """Refuse to take facts from other machines without any token to ask for."""
    settings = tower.settings
    used = (settings.http,) * roles.web + (settings.otlp_http, settings.otlp_grpc) * roles.collect
    exposed = [address for address in used if not address.is_loopback]
    if exposed and settings.ingest_access != OPEN and not has_ingest_token(tower.db):
        raise BadSetting(
            f"{exposed[0]} can be reached from other machines, and no ingest token exists yet. "
            "Create one with 'controltower token create --role ingest --name NAME', or, if everyone who can "
            f"reach it may post facts, say so: CONTROLTOWER_INGEST_ACCESS={OPEN}"
        )


def _listeners(tower: Tower, roles: Roles) -> list[HttpListener]:
    settings = tower.settings
    limits = _limits(settings)
    exporter = _exporter(tower, limits)
    listeners = []
    if roles.web:
        routes = {
            **otlp_routes(exporter),
            **events_routes(tower.ingest, now_us, limits),
            **dead_letter_routes(tower.replays.intake, tower.ingest, tower.mappings, now_us, limits),
            **_hook_routes(tower, limits),
            **edi_routes(tower.mappings, tower.ingest, now_us, limits),
        }
        screens = _as_asgi(_web(tower))
        listeners.append(HttpListener(_edge(tower, routes, settings.http, limits, screens), settings.http))
    if roles.collect:
        app = _edge(tower, otlp_routes(exporter), settings.otlp_http, limits, None)
        listeners.append(HttpListener(app, settings.otlp_http))
    return listeners


def _hook_routes(tower: Tower, limits: Limits) -> Any:
    settings = tower.settings
    book = TokenBook(tower.db, utc_now)

    def has_token(headers: Headers) -> bool:
        role = _role_of(headers, book)
        return role is not None and may_post_facts(role)

    doorkeeper = Doorkeeper(
        read_secrets(settings.hook_secrets, tower.mappings),
        has_token,
        is_open=settings.ingest_access == OPEN and settings.http.is_loopback,
    )
    return hook_routes(tower.mappings, doorkeeper, tower.hook_figures, tower.ingest, now_us, limits)


def _broker_loops(tower: Tower) -> Loops:
    exporter = _exporter(tower, _limits(tower.settings))
    letters = BrokerLetters(tower.connections, tower.mappings, tower.replays.intake, now_us)
    return broker_loops(tower.connections, tower.mappings, exporter, tower.broker_statuses, letters.take)


def _watched_folders(tower: Tower) -> tuple[Step, ...]:
    folder = tower.settings.edi_folder
    if not folder:
        return ()
    watch = FolderWatch(Path(folder), tower.mappings, tower.ingest, now_us)
    watch.prepare()
    return (Step("EDI folder", watch.take_once, _FOLDER_SECONDS),)


def _as_asgi(wsgi: Any) -> Any:
    """A WSGI application in threads. Granian hands out awaitables where a2wsgi asks for coroutines."""
    middleware: Any = WSGIMiddleware(wsgi, workers=_WEB_THREADS)

    async def screens(scope: Any, receive: Any, send: Any) -> None:
        async def receive_one() -> Any:
            return await receive()

        async def send_one(message: Any) -> None:
            await send(message)

        await middleware(scope, receive_one, send_one)

    return screens


def _edge(tower: Tower, routes: Any, address: Address, limits: Limits, fallback: Any) -> IngestApp:
    return IngestApp(
        routes,
        authorize=_authorize(tower, address),
        limits=limits,
        fallback=fallback,
        browser_hosts=frozenset((b"localhost", b"127.0.0.1", b"::1")) if address.is_loopback else frozenset(),
    )


def _limits(settings: Settings) -> Limits:
    return Limits(body=settings.max_body_mib * _MIB)


def _exporter(tower: Tower, limits: Limits) -> Exporter:
    attributes = {**DEFAULT_ATTRIBUTES, **tower.settings.link_attributes}
    mapped = span_rules(tower.mappings.values())
    return Exporter(tower.ingest, LinkRules(attributes), attributes, now_us, limits, mapped)


def _grpc(tower: Tower) -> Callable[[], Any]:
    def build() -> Any:
        limits = _limits(tower.settings)
        address = tower.settings.otlp_grpc
        server = build_grpc_server(
            _exporter(tower, limits), authorize=_authorize(tower, address), limits=limits
        )
        try:
            server.add_insecure_port(str(address))
        except RuntimeError as exc:
            raise BadSetting(f"cannot listen at {address}: {exc}") from exc
        return server

    return build


def _authorize(tower: Tower, address: Address) -> Callable[[Headers], None]:
    """Who may post facts at a listener: see settings.ingest_access."""
    access = tower.settings.ingest_access
    if access == OPEN or (access == AUTO and address.is_loopback):
        return lambda headers: None
    book = TokenBook(tower.db, utc_now)

    def check(headers: Headers) -> None:
        role = _role_of(headers, book)
        if role is None:
            raise Unauthorized("send an ingest token: Authorization: Bearer TOKEN")
        if not may_post_facts(role):
            raise Forbidden(f"a token of role {role} may not post facts")

    return check


def _role_of(headers: Headers, book: TokenBook) -> str | None:
    """The role of the token that a request carries, None without a valid one."""
    scheme, _, secret = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
    if scheme.casefold() != "bearer":
        secret = headers.get(b"x-api-key", b"").decode("latin-1")
    return book.find_role(secret.strip()) if secret else None


def _web(tower: Tower) -> Any:
    with transaction(tower.db) as connection:
        session_key = keep_secret(connection, SESSION_KEY, secrets.token_bytes(32))
    app = create_app(
        WebDeps(
            db=tower.db,
            ingest=tower.ingest,
            processes=tower.processes,
            clock=utc_now,
            session_key=session_key,
            secure_cookies=tower.settings.secure_cookies,
            allowed_hosts=frozenset(tower.settings.allowed_hosts),
            decoders={
                events.EDGE: events.decode_held,
                csv_import.EDGE: csv_import.decode_held,
                OCEL_EDGE: events.decode_held,  # what it holds back are CloudEvents
                hooks.EDGE: hooks.held_decoder(tower.mappings),
                edi.EDGE: edi.held_decoder(tower.mappings),
                dead_letters.EDGE: dead_letters.held_decoder(tower.replays.intake, tower.mappings),
                **held_decoders(_exporter(tower, _limits(tower.settings))),
            },
            reconciliations=tower.settings.reconciliations,
            mapping_desk=Desk(tower.mappings, frozenset(tower.settings.hook_secrets), now_us, decode_sample),
            metrics=metrics_text(tower.ingest, tower.hook_figures.metrics, tower.broker_statuses.metrics),
            failure_rules=tower.rules,
            desk=tower.replays.desk,
            planner=tower.replays.planner,
            redirects=tower.replays.redirects,
            policies=tower.replays.policies.policies,
            connections=lambda: connection_rows(tower.connections, tower.broker_statuses),
        )
    )
    count = tower.settings.proxies
    if count:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=count, x_proto=count, x_host=count)  # type: ignore[method-assign]
    return app


def demo_arguments(settings: Settings, demo: Demo) -> list[str]:
    """The command line of the demo estate that belongs to this tower."""
    return [
        *("--otlp", f"http://{settings.otlp_http}"),
        *("--events", f"http://{settings.http}/api/v1/events"),
        *("--dead-letters", f"http://{settings.http}/api/v1/dead-letters"),
        *("--inbox-fd", str(demo.inbox.fileno())),
        *("--seed", str(demo.seed)),
        *("--rate", str(demo.rate)),
        *(("--broker", demo.broker, "--broker-queue", demo.queue) if demo.broker else ()),
        "--exit-with-parent",
    ]
