"""First start, signing in and out, one's own account."""

from __future__ import annotations

import pytest

from controltower.services import accounts
from controltower.services.sign_in import ACCOUNT_LIMIT
from tests.web.tower import PASSWORD, Tower, cookies_of, post, text_of

NEW_PASSWORD = "a quite different one"


def test_the_first_start_link_makes_an_administrator_and_signs_in(make_tower):
    tower = make_tower(people=False)
    secret = accounts.create_setup_link(tower.db, tower.clock())
    client = tower.client()

    response = post(
        client, f"/setup/{secret}", form_at=f"/setup/{secret}", name="Ada", password=PASSWORD, again=PASSWORD
    )

    assert (response.status_code, response.location) == (303, "/")
    assert client.get("/users").status_code == 200
    assert client.get(f"/setup/{secret}").status_code == 404


@pytest.mark.parametrize(
    ("password", "again", "message"),
    [("short", "short", "at least 12"), (PASSWORD, NEW_PASSWORD, "passwords differ")],
)
def test_a_refused_password_says_what_would_be_accepted(make_tower, password, again, message):
    tower = make_tower(people=False)
    url = f"/setup/{accounts.create_setup_link(tower.db, tower.clock())}"

    response = post(tower.client(), url, form_at=url, name="Ada", password=password, again=again)

    assert response.status_code == 422
    assert message in text_of(response)
    assert 'value="Ada"' in text_of(response)


def test_an_invited_person_sees_whose_password_it_is(tower: Tower):
    _, secret = accounts.invite(tower.db, "vera", "support", tower.clock())

    page = text_of(tower.client().get(f"/setup/{secret}"))

    assert "vera" in page and "support" in page


def test_the_sign_in_page_tells_a_newcomer_where_the_link_is(make_tower):
    assert "one-time link" in text_of(make_tower(people=False).client().get("/sign-in"))


def test_signing_in_leads_to_where_one_wanted(tower: Tower):
    client = tower.client()
    asked = client.get("/quarantine?state=discarded")
    assert asked.location == "/sign-in?next=%2Fquarantine%3Fstate%3Ddiscarded"

    response = post(
        client,
        "/sign-in",
        form_at=asked.location,
        name="viewer",
        password=PASSWORD,
        next="/quarantine?state=discarded",
    )

    assert (response.status_code, response.location) == (303, "/quarantine?state=discarded")
    assert client.get("/quarantine").status_code == 200


@pytest.mark.parametrize(
    "elsewhere",
    ["https://evil.example/", "//evil.example", "/\\evil.example", "\\evil", "javascript:x", "/\t/e"],
)
def test_signing_in_never_leads_to_another_site(tower: Tower, elsewhere):
    response = post(
        tower.client(), "/sign-in", form_at="/sign-in", name="viewer", password=PASSWORD, next=elsewhere
    )

    assert (response.status_code, response.location) == (303, "/")


@pytest.mark.parametrize("name", ["viewer", "nobody"])
def test_a_wrong_password_and_an_unknown_name_look_alike(tower: Tower, name):
    response = post(tower.client(), "/sign-in", form_at="/sign-in", name=name, password="wrong")

    assert response.status_code == 422
    assert "Name and password do not match" in text_of(response)


def test_too_many_wrong_passwords_have_to_wait(tower: Tower):
    client = tower.client()
    for _ in range(ACCOUNT_LIMIT.free):
        post(client, "/sign-in", form_at="/sign-in", name="viewer", password="wrong")

    response = post(client, "/sign-in", form_at="/sign-in", name="viewer", password=PASSWORD)

    assert response.status_code == 429
    assert response.headers["Retry-After"] == "1"
    assert "Try again in a second" in text_of(response)


def test_signing_out_ends_the_session(tower: Tower):
    client = tower.client("viewer")
    assert post(client, "/sign-out", form_at="/account").status_code == 303

    assert client.get("/quarantine").status_code == 303


def test_a_new_password_ends_the_other_sessions_and_keeps_this_one(tower: Tower):
    here, elsewhere = tower.client("viewer"), tower.client("viewer")

    response = post(
        here,
        "/account/password",
        form_at="/account",
        current=PASSWORD,
        password=NEW_PASSWORD,
        again=NEW_PASSWORD,
    )

    assert response.status_code == 303
    assert here.get("/account").status_code == 200
    assert elsewhere.get("/account").status_code == 303


def test_a_new_password_needs_the_present_one(tower: Tower):
    response = post(
        tower.client("viewer"),
        "/account/password",
        form_at="/account",
        current="a guess of it",
        password=NEW_PASSWORD,
        again=NEW_PASSWORD,
    )

    assert response.status_code == 422
    assert "present password is not right" in text_of(response)


def test_a_closed_account_is_out_at_once(tower: Tower):
    client = tower.client("viewer")
    accounts.set_disabled(tower.db, tower.people["viewer"].id, True)

    assert client.get("/quarantine").status_code == 303


@pytest.mark.parametrize(
    ("chosen", "attribute"), [("dark", 'data-theme="dark"'), ("light", 'data-theme="light"')]
)
def test_the_theme_is_a_cookie_that_the_server_applies(tower: Tower, chosen, attribute):
    client = tower.client("viewer")
    response = post(client, "/theme", form_at="/account", theme=chosen, next="/account")

    assert (response.status_code, response.location) == (303, "/account")
    assert attribute in text_of(client.get("/account"))


def test_the_system_theme_is_no_cookie(tower: Tower):
    client = tower.client("viewer")
    post(client, "/theme", form_at="/account", theme="dark")
    response = post(client, "/theme", form_at="/account", theme="system")

    assert "data-theme" not in text_of(client.get("/account"))
    assert any("Expires=Thu, 01 Jan 1970" in value for value in cookies_of(response, "theme"))
