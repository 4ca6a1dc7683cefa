"""The administrator's screen."""

from __future__ import annotations

import re

import pytest

from controltower.services.accounts import find_signed_in
from controltower.services.tokens import find_caller
from tests.web.tower import PASSWORD, Tower, post, text_of


def test_a_new_person_gets_a_link_that_is_shown_once(tower: Tower):
    client = tower.client("admin")

    page = text_of(post(client, "/users", form_at="/users", name="Vera", role="support"))
    link = re.search(r'id="one-time-link">http://localhost(/setup/[^<]+)<', page)
    assert link is not None

    visitor = tower.client()
    post(visitor, link[1], form_at=link[1], password=PASSWORD, again=PASSWORD)
    assert "vera" in text_of(visitor.get("/account"))
    assert link[1] not in text_of(client.get("/users"))


def test_a_name_that_is_taken_is_said_beside_the_field(tower: Tower):
    response = post(tower.client("admin"), "/users", form_at="/users", name="VIEWER", role="admin")

    assert response.status_code == 422
    assert "The name viewer is taken." in text_of(response)


def test_a_new_role_counts_at_once(tower: Tower):
    viewer = tower.people["viewer"]
    client = tower.client("viewer")
    assert client.get("/users").status_code == 403

    post(tower.client("admin"), f"/users/{viewer.id.hex()}/role", form_at="/users", role="admin")

    assert client.get("/users").status_code == 200


def test_closing_an_account_ends_its_sessions_and_opening_brings_it_back(tower: Tower):
    viewer, admin = tower.people["viewer"], tower.client("admin")
    url = f"/users/{viewer.id.hex()}/disabled"

    post(admin, url, form_at="/users", disabled="yes")
    assert find_signed_in(tower.db, viewer.id, viewer.session_stamp) is None
    assert "Closed" in text_of(admin.get("/users"))

    post(admin, url, form_at="/users", disabled="no")
    assert "Closed" not in text_of(admin.get("/users"))


@pytest.mark.parametrize("action", ["role", "disabled"])
def test_nobody_changes_their_own_rights(tower: Tower, action):
    own = tower.people["admin"].id.hex()

    response = post(
        tower.client("admin"), f"/users/{own}/{action}", form_at="/users", role="viewer", disabled="yes"
    )

    assert response.status_code == 409


def test_a_lost_password_is_replaced_through_a_new_link(tower: Tower):
    viewer = tower.people["viewer"].id.hex()

    page = text_of(post(tower.client("admin"), f"/users/{viewer}/link", form_at="/users"))

    assert "A link for viewer" in page and "/setup/" in page


def test_a_token_is_shown_once_and_can_be_revoked(tower: Tower):
    client = tower.client("admin")
    page = text_of(post(client, "/users/tokens", form_at="/users", name="shop floor", role="ingest"))
    shown = re.search(r'id="new-token">(ct_[^<]+)<', page)
    assert shown is not None
    token = find_caller(tower.db, shown[1], tower.clock())
    assert token is not None and shown[1] not in text_of(client.get("/users"))

    post(client, f"/users/tokens/{token.digest.hex()}/revoke", form_at="/users")

    assert find_caller(tower.db, shown[1], tower.clock()) is None


@pytest.mark.parametrize("url", ["/users/zz/role", "/users/00/link", "/users/tokens/00/revoke"])
def test_an_account_that_is_not_there_is_not_found(tower: Tower, url):
    assert post(tower.client("admin"), url, form_at="/users", role="viewer").status_code == 404
