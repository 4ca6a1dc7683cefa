"""A tower as a user runs it: the real command on free loopback ports, with a home of its own."""

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

COMMAND = str(Path(sys.executable).with_name("controltower"))
ADMIN = "ada"
LOG = "printed.log"
PASSWORD = "correct horse battery"
BATCH = "application/cloudevents-batch+json"
_SETUP_LINK = re.compile(r"http://\S+/setup/\S+")
_STARTS_WITHIN = 60.0
_STOPS_WITHIN = 20.0
_CSRF = re.compile(r'name="csrf_token" value="([^"]+)"')
_COOKIE = "controltower_session"


class Reply(NamedTuple):
    """What the tower answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode()

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


@dataclass
class Tower:
    """A running tower."""

    home: Path
    http: str  # host:port
    otlp_http: str
    environment: Mapping[str, str]
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        """Where its screens are."""
        return f"http://{self.http}"

    @property
    def log(self) -> str:
        """What it printed so far."""
        return (self.home / LOG).read_text()

    @property
    def setup_link(self) -> str:
        """The one-time link of the first start."""
        found = _SETUP_LINK.search(self.log)
        assert found, self.log
        return found[0]

    def request(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        listener: str = "http",
    ) -> Reply:
        """One request on a connection of its own; redirects are not followed."""
        connection = http.client.HTTPConnection(getattr(self, listener), timeout=60)
        try:
            connection.request(method, path, body=body, headers=dict(headers or {}))
            response = connection.getresponse()
            return Reply(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
        finally:
            connection.close()

    def post(self, path: str, body: bytes, content_type: str, listener: str = "http") -> Reply:
        """Post bytes of a media type."""
        return self.request("POST", path, body, {"Content-Type": content_type}, listener)

    def send(self, *events: Mapping[str, Any]) -> None:
        """Post CloudEvents as one batch; all of them have to be stored."""
        reply = self.post("/api/v1/events", json.dumps(events).encode(), BATCH)
        assert reply.status == 200, reply.text
        assert reply.json["quarantined"] == 0, reply.text

    def send_spans(self, request: Mapping[str, Any]) -> None:
        """Post an OTLP/JSON trace request."""
        reply = self.post("/v1/traces", json.dumps(request).encode(), "application/json")
        assert (reply.status, reply.json) == (200, {}), reply.text

    def send_metrics(self, request: Mapping[str, Any]) -> None:
        """Post an OTLP/JSON metrics request."""
        reply = self.post("/v1/metrics", json.dumps(request).encode(), "application/json")
        assert (reply.status, reply.json) == (200, {}), reply.text

    def get(self, path: str, token: str, **query: str) -> Any:
        """What the JSON API answers to the bearer of a token."""
        where = f"{path}?{urlencode(query)}" if query else path
        reply = self.request("GET", where, headers={"Authorization": f"Bearer {token}"})
        assert reply.status == 200, (where, reply.text)
        return reply.json

    def command(self, *arguments: str) -> str:
        """What another `controltower` command prints that shares this tower's home."""
        done = subprocess.run(
            [COMMAND, *arguments], env=self.environment, capture_output=True, text=True, timeout=90
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def create_token(self, role: str) -> str:
        """A token, made as an operator would make it."""
        return self.command("token", "create", "--role", role, "--name", f"tests, {role}").splitlines()[-1]

    def stop(self) -> int:
        """SIGTERM; the exit code. Raises TimeoutExpired, the process killed, when it does not obey."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(_STOPS_WITHIN)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise


class Visitor:
    """A person without a browser: keeps the session cookie and fills in forms."""

    def __init__(self, tower: Tower, session: str = "") -> None:
        self._tower = tower
        self.session = session

    def get(self, path: str) -> Reply:
        """Look at a page."""
        return self._keep(self._tower.request("GET", path, headers=self._cookies()))

    def submit(self, path: str, *, form_at: str, **fields: str) -> Reply:
        """Post the form that stands on the page `form_at`."""
        token = _CSRF.search(self.get(form_at).text)
        assert token, form_at
        body = urlencode({"csrf_token": token[1], **fields}).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded", **self._cookies()}
        return self._keep(self._tower.request("POST", path, body, headers))

    def use_setup_link(self, link: str, name: str) -> None:
        """Choose a password by a one-time link, which signs in as well."""
        path = link.removeprefix(self._tower.url)
        reply = self.submit(path, form_at=path, name=name, password=PASSWORD, again=PASSWORD)
        assert reply.status == 303, reply.text

    def invite(self, name: str, role: str) -> str:
        """As an administrator, add somebody; the one-time link for them."""
        return self._shown("one-time-link", "/users", name=name, role=role)

    def make_token(self, name: str, role: str) -> str:
        """As an administrator, make a token for a program."""
        return self._shown("new-token", "/users/tokens", name=name, role=role)

    def _shown(self, element: str, path: str, **fields: str) -> str:
        """What a form of the users page shows once."""
        text = self.submit(path, form_at="/users", **fields).text
        found = re.search(rf'id="{element}">([^<]+)<', text)
        assert found, text
        return found[1]

    def _cookies(self) -> dict[str, str]:
        return {"Cookie": f"{_COOKIE}={self.session}"} if self.session else {}

    def _keep(self, reply: Reply) -> Reply:
        found = re.search(rf"{_COOKIE}=([^;]+)", reply.headers.get("set-cookie", ""))
        self.session = found[1] if found else self.session
        return reply


def session_cookie(tower: Tower, session: str) -> dict[str, Any]:
    """The cookie as a browser context takes it."""
    return {"name": _COOKIE, "value": session, "url": tower.url}


@contextmanager
def running_tower(home: Path, *options: str, **settings: str) -> Iterator[Tower]:
    """`controltower up` with these options and settings, for the length of the block."""
    home.mkdir(parents=True, exist_ok=True)
    http, otlp_http, otlp_grpc = (f"127.0.0.1:{port}" for port in _free_ports(3))
    environment = _own_environment() | {
        "CONTROLTOWER_HOME": str(home),
        "CONTROLTOWER_HTTP": http,
        "CONTROLTOWER_OTLP_HTTP": otlp_http,
        "CONTROLTOWER_OTLP_GRPC": otlp_grpc,
        **{f"CONTROLTOWER_{name.upper()}": value for name, value in settings.items()},
    }
    with (home / LOG).open("w") as log:
        process = subprocess.Popen([COMMAND, "up", *options], env=environment, stdout=log, stderr=log)
    tower = Tower(home, http, otlp_http, environment, process)
    try:
        _wait_until_ready(tower)
        yield tower
    finally:
        tower.stop()


def _own_environment() -> dict[str, str]:
    """This process's environment without any setting of a tower that the developer may have made."""
    return {name: value for name, value in os.environ.items() if not name.startswith("CONTROLTOWER_")}


def _wait_until_ready(tower: Tower) -> None:
    give_up_at = time.monotonic() + _STARTS_WITHIN
    # The last line that it prints, once every listener accepts connections.
    while "OpenTelemetry:" not in tower.log:
        assert tower.process.poll() is None, f"the tower ended at once:\n{tower.log}"
        assert time.monotonic() < give_up_at, f"the tower did not become ready:\n{tower.log}"
        time.sleep(0.05)


def _free_ports(count: int) -> Sequence[int]:
    """Ports that were free a moment ago, all different."""
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports
