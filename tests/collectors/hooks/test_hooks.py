"""POST /hooks/<mapping>: who sent it comes first, then what it says; nothing that was signed is lost."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime

import pytest

from collectors.hooks.figures import HookFigures
from collectors.hooks.holding import held_decoder
from collectors.hooks.http import hook_routes
from collectors.hooks.secrets import read_secrets
from collectors.hooks.senders import Doorkeeper
from collectors.http import IngestApp, Limits
from collectors.mapping.catalogue import load_catalogue
from collectors.refusals import Unauthorized
from controltower.domain.errors import BadPayload, BadSetting
from tests.collectors.asgi import post, request
from tests.fakes import FakeIngest

SECRET = "hush-of-the-shop"
NOW_US = 1_777_629_000_000_000
MAPPINGS = load_catalogue()
ORDER = {"id": 1001, "created_at": "2026-05-01T09:30:00Z", "total_price": "129.90", "currency": "EUR"}
JSON = "application/json"


def nobody(_headers):
    raise Unauthorized("send an ingest token")


class Tower:
    """The hooks of a tower, and what reached its store."""

    def __init__(self, secrets=None, *, is_open=False, token=b""):
        self.ingest = FakeIngest()
        self.figures = HookFigures()
        doorkeeper = Doorkeeper(
            read_secrets({"shopify": SECRET} if secrets is None else secrets, MAPPINGS),
            lambda headers: bool(token) and headers.get(b"authorization") == b"Bearer " + token,
            is_open=is_open,
        )
        routes = hook_routes(MAPPINGS, doorkeeper, self.figures, self.ingest, lambda: NOW_US, Limits())
        self.app = IngestApp(routes, authorize=nobody, limits=Limits())

    def post(self, document=ORDER, *, hook="shopify", secret=SECRET, topic="orders/create", **headers):
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        if secret:
            signature = hmac.new(secret.encode(), body, hashlib.sha256).digest()
            headers["x_shopify_hmac_sha256"] = base64.b64encode(signature).decode()
        sent = {"x_shopify_topic": topic, "x_shopify_shop_domain": "acme.myshopify.com", **headers}
        return post(self.app, f"/hooks/{hook}", body, JSON, **sent)


def test_a_signed_payload_becomes_events():
    tower = Tower()
    reply = tower.post()
    assert reply.status == 200
    assert reply.json == {"stored": 1, "duplicate": 0, "unmapped": 0, "quarantined": 0, "items": []}
    (event,) = tower.ingest.events
    assert (event.source, event.id, event.amount) == ("shopify/acme.myshopify.com", "1001:captured", "129.90")


def test_a_payload_that_comes_again_changes_nothing():
    tower = Tower()
    tower.post()
    assert tower.post().json["duplicate"] == 1


@pytest.mark.parametrize(
    ("secret", "reason"), [("another-secret", "bad_signature"), ("", "missing_signature")]
)
def test_a_wrong_signature_is_refused_and_counted_and_nothing_is_stored(secret, reason):
    tower = Tower()
    reply = tower.post(secret=secret)
    assert (reply.status, reply.json["reason"]) == (401, reason)
    assert (tower.ingest.events, tower.ingest.quarantined) == ([], [])
    assert tower.ingest.dropped == {("hooks", reason, "shopify"): 1}
    assert f'{{hook="shopify",outcome="{reason}"}} 1' in tower.figures.metrics()


def test_the_sender_is_checked_before_the_payload_is_looked_at():
    tower = Tower()
    assert tower.post(b"\xff not json", secret="another-secret").status == 401
    assert tower.ingest.quarantined == []


def test_a_refusal_waits_for_nobody_even_when_the_tower_is_busy():
    tower = Tower()
    tower.ingest.overloads = -1
    assert tower.post(secret="another-secret").status == 401


def test_a_hook_without_a_secret_says_what_to_do():
    tower = Tower({})
    reply = tower.post()
    assert reply.status == 403
    assert 'CONTROLTOWER_HOOK_SECRETS={"shopify": "..."}' in reply.json["message"]
    assert tower.ingest.dropped == {("hooks", "no_secret", "shopify"): 1}


def test_an_ingest_token_stands_in_for_a_secret_that_is_not_configured():
    tower = Tower({}, token=b"ct_1")
    assert tower.post(secret="", authorization="Bearer ct_1").status == 200
    assert tower.post(secret="", authorization="Bearer ct_2").status == 403
    with_secret = Tower(token=b"ct_1")
    assert with_secret.post(secret="", authorization="Bearer ct_1").status == 401


def test_an_open_listener_takes_hooks_without_a_secret_and_checks_those_that_have_one():
    assert Tower({}, is_open=True).post(secret="").status == 200
    assert Tower(is_open=True).post(secret="").status == 401


def test_a_secret_is_changed_by_knowing_both_for_a_while():
    tower = Tower({"shopify": ["the-new-secret", SECRET]})
    assert tower.post().status == 200
    assert tower.post(secret="the-new-secret").status == 200
    assert tower.post(secret="the-third-secret").status == 401


def test_a_mapping_without_a_scheme_of_its_own_is_secured_by_a_header():
    tower = Tower({"netsuite": SECRET})
    order = {"recordType": "salesorder", "event": "create", "id": "4711"}
    assert tower.post(order, hook="netsuite", secret="", x_hook_secret=SECRET).status == 200
    assert tower.post(order, hook="netsuite", secret="", x_hook_secret="guess").status == 401
    assert tower.post(order, hook="netsuite", secret="").status == 401


def test_the_setting_may_say_otherwise_how_a_sender_signs():
    declared = {
        "secret": SECRET,
        "scheme": "hmac",
        "header": "X-Signature",
        "encoding": "hex",
        "prefix": "sha256=",
    }
    tower = Tower({"netsuite": declared})
    body = b'{"recordType": "salesorder", "event": "create", "id": "4711"}'
    signature = "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    assert tower.post(body, hook="netsuite", secret="", x_signature=signature).status == 200


def test_an_unknown_topic_is_stored_as_unmapped_and_counted():
    tower = Tower()
    reply = tower.post(topic="themes/publish")
    assert (reply.status, reply.json["stored"], reply.json["unmapped"]) == (200, 1, 1)
    assert tower.ingest.events[0].type == "unmapped"
    assert tower.ingest.dropped == {("hooks", "unmapped", "shopify/acme.myshopify.com themes/publish"): 1}
    assert 'controltower_hook_unmapped_total{hook="shopify"} 1' in tower.figures.metrics()


def test_a_payload_of_which_its_mapping_makes_nothing_is_counted():
    tower = Tower()
    fulfillment = {"id": 1, "status": "unknown", "created_at": "2026-05-01T09:30:00Z"}
    reply = tower.post(fulfillment, topic="fulfillments/create")
    assert (reply.status, reply.json["stored"], tower.ingest.quarantined) == (200, 0, [])
    assert tower.ingest.dropped == {("hooks", "tells_nothing", "shopify"): 1}


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ({"id": 1001, "created_at": "soon"}, "bad_time"),
        ({"id": 1001}, "no_event"),
        (b"{", "bad_json"),
        (b"", "bad_json"),
        (b"[" * 100_000, "bad_json"),
    ],
)
def test_what_cannot_be_told_is_kept_in_quarantine_and_the_sender_is_not_asked_again(document, reason):
    tower = Tower()
    reply = tower.post(document)
    assert (reply.status, reply.json["quarantined"], reply.json["items"][0]["reason"]) == (202, 1, reason)
    (held,) = tower.ingest.quarantined
    assert (held.edge, held.reason) == ("hooks", reason)
    assert held.message.startswith("shopify: ")


def test_only_headers_that_the_mapping_reads_are_kept():
    tower = Tower()
    tower.post({"id": 1001}, authorization="Bearer secret", cookie="secret")
    kept = json.loads(tower.ingest.quarantined[0].headers)
    assert kept == {
        "mapping": "shopify",
        "x-shopify-topic": "orders/create",
        "x-shopify-shop-domain": "acme.myshopify.com",
    }


def test_a_held_payload_put_right_is_what_the_hook_would_have_stored():
    tower = Tower()
    tower.post({**ORDER, "created_at": "soon"})
    (held,) = tower.ingest.quarantined
    decode = held_decoder(MAPPINGS)
    now = datetime.fromtimestamp(NOW_US / 1e6, UTC)
    with pytest.raises(BadPayload, match="soon"):
        decode(held.payload, held.content_type, json.loads(held.headers), now)
    batch = decode(json.dumps(ORDER).encode(), held.content_type, json.loads(held.headers), now)
    tower.post()
    assert list(batch.events) == tower.ingest.events
    with pytest.raises(BadPayload, match="no mapping 'gone'"):
        decode(b"{}", JSON, {"mapping": "gone"}, now)


def test_a_payload_past_the_limit_is_refused():
    assert Tower().post(b'"' + b"x" * 4 * 1024 * 1024 + b'"').status == 413


def test_a_store_that_does_not_answer_asks_the_sender_to_come_again():
    tower = Tower()
    tower.ingest.is_unavailable = True
    assert tower.post().status == 503


def test_a_web_page_may_not_post_to_a_hook():
    assert Tower({}, is_open=True).post(secret="", origin="https://evil.example").status == 403


def test_an_unknown_hook_is_not_found_and_a_hook_is_not_read():
    app = Tower().app
    assert post(app, "/hooks/nothing", b"{}", JSON).status == 404
    assert request(app, "GET", "/hooks/shopify").status == 405


def test_a_sender_that_asks_first_is_told_that_it_may_send():
    reply = request(
        Tower().app, "OPTIONS", "/hooks/sap_s4hana", b"", {"webhook-request-origin": "sap.example"}
    )
    assert (reply.status, reply.headers["webhook-allowed-origin"]) == (200, "sap.example")


@pytest.mark.parametrize(
    "declared",
    [
        {"shopify": "short"},
        {"shopify": 12345678},
        {"shopify": []},
        {"shopify": {"secret": "long-enough", "scheme": "md5"}},
        {"shopify": {"secret": "long-enough", "scheme": "hmac"}},
        {"shopify": {"sekret": "long-enough"}},
    ],
)
def test_a_mistake_in_the_secrets_is_refused_without_showing_any(declared):
    with pytest.raises(BadSetting) as caught:
        read_secrets(declared, MAPPINGS)
    assert "shopify" in str(caught.value)
    assert "long-enough" not in str(caught.value)
    assert "12345678" not in str(caught.value)


def test_a_secret_for_a_hook_that_does_not_exist_is_refused():
    with pytest.raises(BadSetting, match="shopfy: there is no mapping of that name"):
        read_secrets({"shopfy": SECRET}, MAPPINGS)


def test_secrets_are_not_part_of_what_is_printed():
    assert SECRET not in repr(read_secrets({"shopify": SECRET}, MAPPINGS))
