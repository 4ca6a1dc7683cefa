"""Accounts, one-time links, sign-in and tokens, on every store."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from controltower.domain.errors import BadPayload, Conflict, NotFound
from controltower.services import accounts, tokens
from controltower.services.accounts import BadName, LinkSpent
from controltower.services.passwords import BadPassword
from controltower.services.sign_in import ACCOUNT_LIMIT, ADDRESS_LIMIT, TooManyAttempts, sign_in
from controltower.store.accounts import Account
from controltower.store.engine import Database, transaction
from controltower.store.secrets import keep_secret
from controltower.store.tokens import list_tokens

NOW = datetime(2026, 5, 31, 12, 0, tzinfo=UTC)
PASSWORD = "correct horse battery"
WRONG = "wrong horse battery"


def an_admin(db: Database, name: str = "ada") -> Account:
    link = accounts.create_setup_link(db, NOW)
    assert link is not None
    return accounts.set_up(db, link, name, PASSWORD, NOW)


def test_the_setup_link_makes_the_administrator_who_can_sign_in(db: Database) -> None:
    admin = an_admin(db, "Ada")

    signed_in = sign_in(db, " ADA ", PASSWORD, "127.0.0.1", NOW)

    assert signed_in is not None
    assert (signed_in.id, signed_in.name, signed_in.role) == (admin.id, "ada", "admin")


def test_there_is_no_setup_link_once_there_is_an_administrator(db: Database) -> None:
    an_admin(db)

    assert accounts.create_setup_link(db, NOW) is None


def test_a_setup_link_works_once_and_ends_the_others(db: Database) -> None:
    first, second = accounts.create_setup_link(db, NOW), accounts.create_setup_link(db, NOW)
    assert first is not None and second is not None
    accounts.set_up(db, first, "ada", PASSWORD, NOW)

    for link in (first, second):
        with pytest.raises(LinkSpent):
            accounts.set_up(db, link, "eve", PASSWORD, NOW)


def test_a_setup_link_expires_after_a_day(db: Database) -> None:
    link = accounts.create_setup_link(db, NOW)
    assert link is not None

    with pytest.raises(LinkSpent):
        accounts.set_up(db, link, "ada", PASSWORD, NOW + timedelta(hours=24))


def test_a_setup_link_survives_a_password_that_is_too_short(db: Database) -> None:
    link = accounts.create_setup_link(db, NOW)
    assert link is not None
    with pytest.raises(BadPassword):
        accounts.set_up(db, link, "ada", "short", NOW)

    assert accounts.set_up(db, link, "ada", PASSWORD, NOW).role == "admin"


@pytest.mark.parametrize("name", ["", "   ", "x" * 65, "a\nb"])
def test_names_that_nobody_could_type_are_refused(db: Database, name: str) -> None:
    with pytest.raises(BadName):
        accounts.invite(db, name, "viewer", NOW)


def test_an_invited_person_chooses_a_password_and_has_the_role(db: Database) -> None:
    invited, secret = accounts.invite(db, "Vera", "viewer", NOW)
    assert sign_in(db, "vera", "", "127.0.0.1", NOW) is None

    accounts.accept_invitation(db, secret, PASSWORD, NOW)

    signed_in = sign_in(db, "vera", PASSWORD, "127.0.0.1", NOW)
    assert signed_in is not None and (signed_in.id, signed_in.role) == (invited.id, "viewer")
    with pytest.raises(LinkSpent):
        accounts.accept_invitation(db, secret, WRONG, NOW)


def test_a_name_is_taken_in_any_spelling(db: Database) -> None:
    accounts.invite(db, "Vera", "viewer", NOW)

    with pytest.raises(Conflict):
        accounts.invite(db, "VERA", "admin", NOW)


def test_a_new_password_link_ends_the_one_before(db: Database) -> None:
    invited, first = accounts.invite(db, "vera", "viewer", NOW)
    second = accounts.create_password_link(db, invited.id, NOW)

    with pytest.raises(LinkSpent):
        accounts.find_invitation(db, first, NOW)
    assert accounts.find_invitation(db, second, NOW).account is not None


def test_a_changed_password_ends_the_sessions_begun_before(db: Database) -> None:
    admin = an_admin(db)
    assert accounts.find_signed_in(db, admin.id, admin.session_stamp) is not None

    changed = accounts.replace_password(db, admin.id, "another fine password")

    assert accounts.find_signed_in(db, admin.id, admin.session_stamp) is None
    assert accounts.find_signed_in(db, admin.id, changed.session_stamp) is not None


def test_a_closed_account_cannot_sign_in_and_loses_its_sessions(db: Database) -> None:
    an_admin(db)
    vera, secret = accounts.invite(db, "vera", "viewer", NOW)
    vera = accounts.accept_invitation(db, secret, PASSWORD, NOW)

    accounts.set_disabled(db, vera.id, True)

    assert sign_in(db, "vera", PASSWORD, "127.0.0.1", NOW) is None
    assert accounts.find_signed_in(db, vera.id, vera.session_stamp) is None


def test_the_last_administrator_stays_one(db: Database) -> None:
    admin = an_admin(db)
    accounts.invite(db, "second", "admin", NOW)  # has no password yet, and so does not count

    with pytest.raises(Conflict):
        accounts.change_role(db, admin.id, "viewer")
    with pytest.raises(Conflict):
        accounts.set_disabled(db, admin.id, True)


def test_one_of_two_administrators_may_step_down(db: Database) -> None:
    admin = an_admin(db)
    _, secret = accounts.invite(db, "second", "admin", NOW)
    accounts.accept_invitation(db, secret, PASSWORD, NOW)

    assert accounts.change_role(db, admin.id, "viewer").role == "viewer"


def test_wrong_passwords_make_the_account_wait_twice_as_long_each_time(db: Database) -> None:
    an_admin(db)
    for _ in range(ACCOUNT_LIMIT.free):
        assert sign_in(db, "ada", WRONG, "10.0.0.1", NOW) is None

    with pytest.raises(TooManyAttempts) as first:
        sign_in(db, "ada", PASSWORD, "10.0.0.2", NOW)
    assert first.value.retry_after == 1

    assert sign_in(db, "ada", WRONG, "10.0.0.2", NOW + timedelta(seconds=1)) is None
    with pytest.raises(TooManyAttempts) as second:
        sign_in(db, "ada", PASSWORD, "10.0.0.2", NOW + timedelta(seconds=1))
    assert second.value.retry_after == 2


def test_the_right_password_after_the_wait_clears_the_count(db: Database) -> None:
    an_admin(db)
    for _ in range(ACCOUNT_LIMIT.free):
        sign_in(db, "ada", WRONG, "10.0.0.1", NOW)
    later = NOW + timedelta(seconds=1)

    assert sign_in(db, "ada", PASSWORD, "10.0.0.1", later) is not None

    assert sign_in(db, "ada", WRONG, "10.0.0.1", later) is None


def test_guesses_at_many_names_make_the_address_wait(db: Database) -> None:
    for number in range(ADDRESS_LIMIT.free):
        assert sign_in(db, f"guess{number}", WRONG, "10.0.0.1", NOW) is None

    with pytest.raises(TooManyAttempts):
        sign_in(db, "another", WRONG, "10.0.0.1", NOW)
    assert sign_in(db, "another", WRONG, "10.0.0.2", NOW) is None


def test_no_wait_is_longer_than_the_limit_says() -> None:
    assert ACCOUNT_LIMIT.wait_after(10_000) == ACCOUNT_LIMIT.longest
    assert ACCOUNT_LIMIT.wait_after(ACCOUNT_LIMIT.free - 1) == timedelta()


def test_a_token_is_known_by_its_secret_until_it_is_revoked(db: Database) -> None:
    secret = tokens.create_token(db, "shop floor", "ingest", NOW)
    found = tokens.find_caller(db, secret, NOW)
    assert found is not None and (found.name, found.role) == ("shop floor", "ingest")

    tokens.revoke_token(db, found.digest, NOW)

    assert tokens.find_caller(db, secret, NOW) is None
    assert tokens.find_caller(db, "ct_somebody-else", NOW) is None


def test_the_use_of_a_token_is_noted_at_most_once_a_minute(db: Database) -> None:
    secret = tokens.create_token(db, "shop floor", "viewer", NOW)
    for seconds in (0, 30, 59):
        tokens.find_caller(db, secret, NOW + timedelta(seconds=seconds))

    with transaction(db) as c:
        assert list_tokens(c)[0].last_used_at == NOW


def test_tokens_of_unknown_roles_or_without_a_name_are_refused(db: Database) -> None:
    for name, role in (("x", "root"), (" ", "viewer")):
        with pytest.raises(BadPayload):
            tokens.create_token(db, name, role, NOW)
    with pytest.raises(NotFound):
        tokens.revoke_token(db, b"x" * 16, NOW)


@pytest.mark.parametrize(
    ("role", "may_post"), [("ingest", True), ("viewer", False), ("support", False), ("operator", True)]
)
def test_a_token_made_to_read_posts_no_facts(db: Database, role: str, may_post: bool) -> None:
    tokens.create_token(db, "a program", role, NOW)

    assert tokens.may_post_facts(role) is may_post
    assert tokens.has_ingest_token(db) is may_post


def test_the_token_book_forgets_after_a_few_seconds(db: Database) -> None:
    at = [NOW]
    book = tokens.TokenBook(db, lambda: at[0])
    secret = tokens.create_token(db, "shop floor", "ingest", NOW)
    assert book.find_role(secret) == "ingest"
    with transaction(db) as c:
        digest = list_tokens(c)[0].digest
    tokens.revoke_token(db, digest, NOW)

    assert book.find_role(secret) == "ingest"
    at[0] += timedelta(seconds=6)
    assert book.find_role(secret) is None


@pytest.mark.parametrize(
    ("role", "needed", "allowed"),
    [
        ("viewer", "viewer", True),
        ("viewer", "support", False),
        ("admin", "operator", True),
        ("ingest", "viewer", False),
        ("", "viewer", False),
        ("admin", "owner", False),
    ],
)
def test_a_role_may_do_what_lower_ones_may(role: str, needed: str, allowed: bool) -> None:
    assert accounts.is_allowed(role, needed) is allowed


def test_whoever_keeps_a_secret_first_decides_it(db: Database) -> None:
    with transaction(db) as c:
        assert keep_secret(c, "session_key", b"first") == b"first"
        assert keep_secret(c, "session_key", b"second") == b"first"
