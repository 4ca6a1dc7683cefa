"""What holds for every route: roles, CSRF, host names, headers, cookies."""

from __future__ import annotations

import re

import pytest

from controltower.services.accounts import ROLES, is_allowed
from controltower.services.tokens import create_token
from controltower.web.app import create_app
from controltower.web.roles import PUBLIC, required_role, requires
from tests.web.tower import Tower, cookies_of, json_of, post, session_of, text_of

OPEN_TO_ALL = {
    "/healthz",
    "/readyz",
    "/metrics",
    "/openapi.json",
    "/setup/<secret>",
    "/sign-in",
    "/sign-out",
    "/static/<path:filename>",
    "/theme",
    "/vendor/plotly.min.js",
}
_ARGUMENT = re.compile(r"<[^>]+>")


def rules_of(tower: Tower):
    return sorted(tower.app.url_map.iter_rules(), key=lambda rule: rule.rule)


def test_every_route_declares_a_role_or_is_known_to_be_public(tower: Tower):
    declared = {rule.rule: required_role(tower.app.view_functions[rule.endpoint]) for rule in rules_of(tower)}

    assert [rule for rule, role in declared.items() if role not in (*ROLES, PUBLIC)] == []
    assert {rule for rule, role in declared.items() if role == PUBLIC} == OPEN_TO_ALL


def test_no_guarded_route_answers_a_stranger(tower: Tower):
    client = tower.client()
    for rule in rules_of(tower):
        if required_role(tower.app.view_functions[rule.endpoint]) == PUBLIC:
            continue
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            response = client.open(_ARGUMENT.sub("0" * 32, rule.rule), method=method)
            assert response.status_code in (303, 401), (method, rule.rule)
            if response.status_code == 303:
                assert response.location.startswith("/sign-in")


@pytest.mark.parametrize("role", ROLES)
def test_no_route_answers_a_role_that_is_too_low(tower: Tower, role):
    client = tower.client(role)
    for rule in rules_of(tower):
        needed = required_role(tower.app.view_functions[rule.endpoint])
        if needed is None or needed == PUBLIC or is_allowed(role, needed):
            continue
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            assert client.open(_ARGUMENT.sub("0" * 32, rule.rule), method=method).status_code == 403


def test_a_view_that_declares_nothing_is_closed(tower: Tower):
    app = create_app(tower.app.extensions["controltower"])
    app.add_url_rule("/forgotten", "forgotten", lambda: "secret")
    client = app.test_client()
    client.set_cookie("controltower_session", session_of(tower.client("admin")))

    response = client.get("/forgotten")

    assert response.status_code == 403
    assert "secret" not in text_of(response)


def test_a_role_that_does_not_exist_is_a_mistake_at_once():
    with pytest.raises(ValueError, match="no such role"):
        requires("superuser")


def test_a_form_without_its_csrf_token_changes_nothing(tower: Tower):
    response = tower.client("admin").post("/users", data={"name": "eve", "role": "admin"})

    assert response.status_code == 400
    assert "Reload the page" in text_of(response)
    assert "eve" not in text_of(tower.client("admin").get("/users"))


def test_htmx_sends_the_csrf_token_in_a_header(tower: Tower):
    client = tower.client("admin")
    page = text_of(client.get("/users"))
    token = re.search(r'hx-headers=\'{"X-CSRFToken": "([^"]+)"}\'', page)
    assert token is not None

    response = client.post(
        "/users",
        data={"name": "vera", "role": "viewer"},
        headers={"X-CSRFToken": token[1], "HX-Request": "true"},
    )

    assert response.status_code == 200


def test_the_api_with_a_session_needs_the_csrf_token_too(tower: Tower):
    held = tower.hold(b"{}")

    response = tower.client("operator").post(f"/api/v1/quarantine/{held}/discard", data=b"no use")

    assert response.status_code == 400
    assert json_of(response)["reason"] == "csrf"


def test_a_token_makes_the_csrf_token_needless_and_the_cookie_count_for_nothing(tower: Tower):
    held = tower.hold(b"{}")
    viewer = create_token(tower.db, "dashboard", "viewer", tower.clock())
    operator = create_token(tower.db, "cleaner", "operator", tower.clock())
    client = tower.client("admin")
    url = f"/api/v1/quarantine/{held}/discard"

    refused = client.post(url, data=b"no use", headers={"Authorization": f"Bearer {viewer}"})
    done = client.post(url, data=b"no use", headers={"Authorization": f"Bearer {operator}"})

    assert (refused.status_code, done.status_code) == (403, 200)
    assert json_of(done)["settled_by"] == "cleaner"


def test_a_token_opens_no_screen(tower: Tower):
    secret = create_token(tower.db, "dashboard", "admin", tower.clock())

    response = tower.client().get("/users", headers={"Authorization": f"Bearer {secret}"})

    assert response.status_code == 303


@pytest.mark.parametrize(
    "host", ["localhost", "127.0.0.1:8080", "[::1]:8080", "LOCALHOST:80", "tower.example.com"]
)
def test_the_tower_answers_to_its_names(make_tower, host):
    tower = make_tower(allowed_hosts=frozenset({"tower.example.com"}))

    assert tower.client().get("/sign-in", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "tower.example.com.evil", "127.0.0.2"]
)
def test_a_rebound_name_is_refused_with_what_to_do(make_tower, host):
    tower = make_tower(allowed_hosts=frozenset({"tower.example.com"}))

    page = tower.client("admin").get("/users", headers={"Host": host})
    api = tower.client().get("/api/v1/journeys", headers={"Host": host})

    assert (page.status_code, api.status_code) == (400, 400)
    assert "CONTROLTOWER_ALLOWED_HOSTS" in text_of(page)
    assert json_of(api)["reason"] == "unknown_host"


def test_probes_may_call_by_address(tower: Tower):
    assert tower.client().get("/healthz", headers={"Host": "10.1.2.3:8080"}).status_code == 200


@pytest.mark.parametrize(
    "path", ["/sign-in", "/quarantine", "/missing", "/api/v1/journeys", "/static/css/base.css"]
)
def test_every_answer_carries_the_headers_against_injection(tower: Tower, path):
    headers = tower.client("viewer").get(path).headers

    policy = headers["Content-Security-Policy"]
    assert "unsafe" not in policy and "frame-ancestors 'none'" in policy and "script-src 'self'" in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"


def test_pages_and_answers_of_the_api_are_never_kept(tower: Tower):
    client = tower.client("viewer")

    for path in ("/quarantine", "/api/v1/journeys", "/missing"):
        assert client.get(path).headers["Cache-Control"] == "no-store"


def test_static_files_with_a_fingerprint_are_kept_and_set_no_cookie(tower: Tower):
    client = tower.client("viewer")
    address = re.search(r'href="(/static/css/base\.css\?v=\w+)"', text_of(client.get("/account")))
    assert address is not None

    response = client.get(address[1])

    assert "immutable" in response.headers["Cache-Control"]
    assert "Set-Cookie" not in response.headers
    assert client.get("/static/css/base.css").headers["Cache-Control"] == "no-cache"


def test_the_session_cookie_is_out_of_reach_for_scripts_and_other_sites(make_tower):
    tower = make_tower(secure_cookies=True)

    (cookie,) = cookies_of(tower.client().get("/sign-in"), "controltower_session")

    assert "HttpOnly" in cookie and "SameSite=Lax" in cookie and "Secure" in cookie


def test_pages_hold_no_inline_script_and_no_inline_style(tower: Tower):
    client = tower.client("admin")
    held = tower.hold(b'{"id": 1}')
    for path in (
        "/sign-in",
        "/account",
        "/users",
        "/quarantine",
        f"/quarantine/{held}",
        "/sources",
        "/missing",
    ):
        page = text_of(client.get(path))
        assert not re.search(r"<script(?![^>]*\bsrc=)", page), path
        assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:", page), path


def test_htmx_may_neither_evaluate_nor_remember_pages(tower: Tower):
    page = text_of(tower.client("viewer").get("/account"))

    for setting in ("allowEval", "includeIndicatorStyles"):
        assert f"&#34;{setting}&#34;: false" in page
    assert "&#34;historyCacheSize&#34;: 0" in page and "&#34;selfRequestsOnly&#34;: true" in page


def test_plotly_comes_from_the_package(tower: Tower):
    response = tower.client().get("/vendor/plotly.min.js", headers={"Accept-Encoding": "gzip"})

    assert response.status_code == 200
    assert response.headers["Content-Encoding"] == "gzip"
    again = tower.client().get("/vendor/plotly.min.js", headers={"If-None-Match": response.headers["ETag"]})
    assert again.status_code == 304


def test_people_are_told_why_a_button_is_disabled(tower: Tower):
    held = tower.hold(b'{"id": 1}')

    page = text_of(tower.client("viewer").get(f"/quarantine/{held}"))

    assert "This needs the role support; yours is viewer." in page
    assert "This needs the role operator; yours is viewer." in page
    assert post(tower.client("support"), "/theme", form_at=f"/quarantine/{held}").status_code == 303
