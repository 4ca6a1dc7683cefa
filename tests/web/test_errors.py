"""Errors as page, fragment and JSON."""

from __future__ import annotations

from dataclasses import replace

import pytest
from flask import Flask, abort

from controltower.domain import errors
from controltower.web.app import create_app
from controltower.web.errors import WORDS
from controltower.web.roles import public
from tests.web.tower import Tower, json_of, session_of, text_of

HTMX = {"HX-Request": "true"}
BOOSTED = {"HX-Request": "true", "HX-Boosted": "true"}


@pytest.fixture
def failing(tower: Tower) -> Flask:
    """The app with routes that fail as told."""
    app = create_app(tower.app.extensions["controltower"])

    @public
    def fail(kind: str) -> str:
        if kind.isdigit():
            abort(int(kind))
        if kind == "defect":
            raise RuntimeError("password=hunter2")
        raise getattr(errors, kind)(f"{kind} happened")

    app.add_url_rule("/fail/<kind>", "fail", fail)
    app.add_url_rule("/api/fail/<kind>", "fail_api", fail)
    return app


@pytest.mark.parametrize("status", [400, 403, 404, 405, 409, 413, 415, 429, 500, 503])
def test_each_status_says_what_to_do_next(failing: Flask, status):
    client = failing.test_client()

    page, fragment, problem = (
        client.get(f"/fail/{status}"),
        client.get(f"/fail/{status}", headers=HTMX),
        client.get(f"/api/fail/{status}"),
    )

    assert page.status_code == fragment.status_code == problem.status_code == status
    assert WORDS[status].title in text_of(page) and "<html" in text_of(page)
    assert WORDS[status].title in text_of(fragment) and "<html" not in text_of(fragment)
    assert problem.mimetype == "application/problem+json"
    assert json_of(problem)["next"] == WORDS[status].next


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("BadPayload", 400),
        ("Forbidden", 403),
        ("NotFound", 404),
        ("Conflict", 409),
        ("PayloadTooLarge", 413),
        ("UnsupportedMedia", 415),
        ("Overloaded", 429),
        ("StoreUnavailable", 503),
    ],
)
def test_our_errors_keep_their_words_and_their_status(failing: Flask, kind, status):
    response = failing.test_client().get(f"/api/fail/{kind}")

    assert response.status_code == status
    assert json_of(response)["detail"] == f"{kind} happened"
    assert ("Retry-After" in response.headers) is json_of(response)["retryable"]


def test_a_defect_shows_a_reference_and_nothing_else(failing: Flask, caplog):
    response = failing.test_client().get("/fail/defect")

    assert response.status_code == 500
    assert "hunter2" not in text_of(response)
    reference = text_of(response).partition("<code>")[2].partition("</code>")[0]
    assert reference and reference in caplog.text


def test_a_boosted_error_replaces_the_page(failing: Flask):
    response = failing.test_client().get("/fail/404", headers=BOOSTED)

    assert "<html" in text_of(response)
    assert response.headers["HX-Retarget"] == "body"


def test_a_session_that_ended_sends_a_polling_page_to_the_sign_in(tower: Tower):
    response = tower.client().get("/sources", headers=HTMX)

    assert (response.status_code, response.headers["HX-Redirect"]) == (204, "/sign-in")


def test_the_api_tells_strangers_how_to_get_in(tower: Tower):
    response = tower.client().get("/api/v1/journeys")

    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"].startswith("Bearer")
    assert "Authorization: Bearer" in json_of(response)["next"]


def test_a_wrong_method_names_the_right_one(tower: Tower):
    response = tower.client().delete("/api/v1/journeys", headers={"Authorization": "Bearer x"})

    assert response.status_code == 405
    assert "GET" in response.headers["Allow"]


class LostDatabase:
    """Stands for a database that went away."""

    def __getattr__(self, name: str) -> object:
        raise errors.StoreUnavailable("the lineage store did not answer")


def test_without_its_store_the_tower_still_says_so(tower: Tower):
    deps = replace(tower.app.extensions["controltower"], db=LostDatabase())
    client = create_app(deps).test_client()
    client.set_cookie("controltower_session", session_of(tower.client("viewer")))

    page, ready, alive = client.get("/sources"), client.get("/readyz"), client.get("/healthz")

    assert (page.status_code, ready.status_code, alive.status_code) == (503, 503, 200)
    assert "The store does not answer" in text_of(page)
    assert page.headers["Retry-After"] == "5"
