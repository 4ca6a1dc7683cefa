"""Every screen with something on it, so that tests may walk all of them."""

import json
import re
from collections.abc import Mapping
from typing import Any

from tests.browser.messages import (
    a_captured_order,
    a_span,
    a_trace_id,
    an_event,
    minutes_ago,
    readings_of,
    spans_of,
)
from tests.running import Tower, Visitor

ORDER = "SCREENS-1"
QUEUE = "screens.queue"
DELIVERED_AND_PAID = ("order.captured", "shipment.delivered", "payment.settled")
_ROOT_SPAN = "bbbbbbbbbbbbbbb1"
FOR_STRANGERS = ("sign_in", "setup")  # seen by people who are not signed in
_PAYLOAD = re.compile(r'href="(/journeys/\w+/events/[^"]+)"')


def fill(tower: Tower, admin: Visitor, token: str) -> Mapping[str, str]:
    """Send one of everything; the paths of all screens by name."""
    trace = a_trace_id()
    tower.send(
        a_captured_order(
            ORDER,
            at=minutes_ago(24 * 60),
            customer={"name": "Jane Doe", "email": "jane@example.com"},
            trace=trace,
            identifiers={"correlation": "corr-screens-1"},
        ),
        an_event("order.accepted", ORDER, source="/oms", at=minutes_ago(24 * 60 - 5)),
        an_event(
            "order.posted.failed",
            ORDER,
            source="/erp",
            at=minutes_ago(5),
            error={"code": "SKU_UNMAPPED", "message": "LAMP-7 has no mapping in the catalogue of the ERP"},
        ),
        a_captured_order("SCREENS-2", at=minutes_ago(90)),
        an_event("order.cancelled", "SCREENS-2", source="/oms"),
        *(an_event(type, "SCREENS-3") for type in DELIVERED_AND_PAID),
    )
    tower.send_spans(
        spans_of(
            {
                "screens-shop": [a_span("POST /checkout", trace, span=_ROOT_SPAN, takes_ms=500)],
                "screens-stock": [
                    a_span("map SKU", trace, parent=_ROOT_SPAN, starts_ms=60, takes_ms=420, failed=True),
                    a_span("send mail", trace, parent="ffffffffffffffff", starts_ms=300, takes_ms=10),
                ],
            }
        )
    )
    metric = {"name": "not.about.queues", "gauge": {"dataPoints": [{"asDouble": 1, "timeUnixNano": "1"}]}}
    body = {"resourceMetrics": [{"scopeMetrics": [{"metrics": [metric]}]}]}
    assert tower.post("/v1/metrics", json.dumps(body).encode(), "application/json").status == 200
    tower.send_metrics(readings_of(QUEUE, "ready", [20, 15, 10]))
    assert tower.post("/api/v1/events", b"{}", "application/cloudevents+json").status == 400
    letter = json.dumps(
        {
            "place": "screens.dlq",
            "type": "order.posted",
            "system": "erp",
            "error": {"code": "SKU_UNMAPPED", "message": "LAMP-7 has no mapping in the catalogue of the ERP"},
            "identifiers": {"order": ORDER},
            "failed_at": minutes_ago(5).isoformat(),
            "headers": {"authorization": "Bearer abcdefgh", "x-tenant": "eu"},
            "body": {"order": ORDER, "lines": [{"sku": "LAMP-7"}]},
        }
    ).encode()
    taken = tower.post("/api/v1/dead-letters", letter, "application/json").json["items"][0]["id"]
    group = tower.get(f"/api/v1/dead-letters/{taken}", token)["fingerprint"]
    held: dict[str, Any] = tower.get("/api/v1/quarantine", token, limit="1")["items"][0]
    (hit,) = tower.get("/api/v1/search", token, q=ORDER)["hits"]
    journey = f"/journeys/{hit['journey']['id']}"
    payload = _PAYLOAD.search(admin.get(journey).text)
    assert payload, journey
    return {
        "home": "/",
        "journeys": "/journeys",
        "journeys_filtered": "/journeys?process=order-to-cash&text=SCREENS",
        "journeys_none": "/journeys?text=no-such-order",
        "journey": journey,
        "event": payload[1],
        "search": "/search",
        "search_hits": "/search?q=SCREENS",
        "search_none": "/search?q=no-such-order",
        "traces": "/traces",
        "trace": f"/traces/{trace}",
        "span": f"/traces/{trace}/spans/{_ROOT_SPAN}",
        "flows": "/flows?signals=both",
        "flow_messages": "/flows?sender=shop&receiver=oms",
        "process_map": "/process-map",
        "process_map_line": "/process-map?before=captured&after=accepted&by=stages",
        "process_map_none": "/process-map?since=2020-01-01T00:00&until=2020-01-02T00:00",
        "compare": f"/compare?a={ORDER}&b=SCREENS-2",
        "compare_none": "/compare",
        "quarantine": "/quarantine",
        "quarantine_none": "/quarantine?state=discarded",
        "quarantine_item": f"/quarantine/{held['id']}",
        "dead_letters": "/dead-letters",
        "dead_letters_by_queue": "/dead-letters?by=queue",
        "dead_letters_none": "/dead-letters?queue=none",
        "dead_letter_list": "/dead-letters/letters",
        "dead_letter_list_none": "/dead-letters/letters?state=discarded",
        "dead_letter_group": f"/dead-letters/groups/{group}",
        "dead_letter": f"/dead-letters/{taken}?against={taken}",
        "dead_letter_edit": f"/dead-letters/{taken}/edit",
        "dead_letter_action": f"/dead-letters/actions?action=discard&id={taken}",
        "queues": "/queues",
        "queues_none": "/queues?text=no-such-queue",
        "queue": f"/queues/rabbitmq/{QUEUE}",
        "sources": "/sources",
        "mappings": "/mappings",
        "mapping": "/mappings?name=shopify",
        "users": "/users",
        "account": "/account",
        "not_found": "/no-such-page",
        "sign_in": "/sign-in",
        "setup": admin.invite("somebody new", "viewer").removeprefix(tower.url),
    }
