"""A small tower for the tests of the web: a real store and a real way in, and people of every role."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from controltower.domain.facts import Event, Quarantined
from controltower.domain.times import to_us
from controltower.services.accounts import ROLES
from controltower.services.ingest import FactBatch, Ingest
from controltower.store.accounts import Account, add_account
from controltower.store.engine import Database, reading, transaction
from controltower.store.quarantine import list_held

PASSWORD = "correct horse battery"
_CSRF = re.compile(r'name="csrf_token" value="([^"]+)"')


@dataclass
class FakeClock:
    """A clock that stands still until it is told otherwise."""

    at: datetime = field(default_factory=lambda: datetime(2026, 5, 31, 12, 0, tzinfo=UTC))

    def __call__(self) -> datetime:
        return self.at

    def now_us(self) -> int:
        """The same, as the way in asks for it."""
        return to_us(self.at)

    def advance(self, **amount: float) -> None:
        """Move on by a timedelta's arguments."""
        self.at += timedelta(**amount)


@dataclass
class Tower:
    """The app and what is behind it."""

    app: Flask
    db: Database
    ingest: Ingest
    clock: FakeClock
    people: dict[str, Account]  # one of each role, named after it; all have PASSWORD

    def client(self, role: str = "") -> FlaskClient:
        """A browser; signed in as the person of that role, when one is given."""
        client = self.app.test_client()
        if role:
            account = self.people[role]
            with client.session_transaction() as session:
                session["_user_id"] = f"{account.id.hex()}.{account.session_stamp}"
                session["_fresh"] = True
        return client

    def store(self, *events: Event) -> None:
        """Let events in, and wait until they are on disk."""
        self.ingest.submit(FactBatch(events=events)).result(timeout=10)

    def hold(self, payload: bytes, *, edge: str = "events", message: str = "id: missing") -> str:
        """Quarantine bytes; returns the id as URLs have it."""
        item = Quarantined(edge, "missing_attribute", message, "application/cloudevents+json", payload)
        self.ingest.submit(FactBatch(quarantined=[item])).result(timeout=10)
        with reading(self.db) as c:
            held = list_held(c)
        return next(row.id.hex() for row in held if row.size == len(payload))


def add_people(db: Database, password_hash: str, now: datetime) -> dict[str, Account]:
    """One person of each role, named after it."""
    people = {role: _person(role, password_hash, now) for role in ROLES}
    with transaction(db) as c:
        for account in people.values():
            add_account(c, account)
    return people


def _person(role: str, password_hash: str, now: datetime) -> Account:
    return Account(
        id=role.encode().ljust(16, b"."),
        name=role,
        password_hash=password_hash,
        role=role,
        session_stamp=f"stamp-of-{role}",
        created_at=now,
        disabled=False,
    )


def csrf_of(page: str) -> str:
    """The CSRF token of the first form on a page."""
    found = _CSRF.search(page)
    return found[1] if found else ""


def post(client: FlaskClient, url: str, *, form_at: str, **data: str) -> TestResponse:
    """Post as a browser would: with the CSRF token of the page that holds the form."""
    token = csrf_of(client.get(form_at).get_data(as_text=True))
    return client.post(url, data={"csrf_token": token, **data})


def text_of(response: TestResponse) -> str:
    """The body as text."""
    return response.get_data(as_text=True)


def json_of(response: TestResponse) -> Any:
    """The body as JSON."""
    return response.get_json()


def session_of(client: FlaskClient) -> str:
    """The session cookie, for another client."""
    cookie = client.get_cookie("controltower_session")
    assert cookie is not None
    return cookie.value


def cookies_of(response: TestResponse, name: str) -> Iterable[str]:
    """The Set-Cookie headers of one cookie."""
    return [value for value in response.headers.getlist("Set-Cookie") if value.startswith(f"{name}=")]
