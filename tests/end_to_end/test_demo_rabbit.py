"""The demo estate on a real RabbitMQ: it dead-letters there, and recovers through the queue."""

import json
import time
import urllib.parse
import urllib.request

import pytest

from tests.collectors.brokers.brokers import RabbitMQ
from tests.running import running_tower

pytestmark = [pytest.mark.services, pytest.mark.timeout(240)]

OPTIONS = ("--demo", "--demo-seed", "7", "--demo-rate", "0")


def eventually(ask, within=90):
    give_up_at = time.monotonic() + within
    while not (found := ask()):
        assert time.monotonic() < give_up_at, "it never came"
        time.sleep(0.5)
    return found


def call(tower, token, path, document=None):
    body = None if document is None else json.dumps(document).encode()
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    request = urllib.request.Request(f"http://{tower.http}{path}", body, headers)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.loads(answer.read() or b"null")


@pytest.fixture
def broker():
    made = RabbitMQ()
    yield made
    made.close()


def test_what_dies_in_the_queue_is_taken_over_and_goes_back_to_the_queue(tmp_path, broker):
    queue = broker.new_place()
    broker.new_place_called(f"{queue}.dead")
    options = (*OPTIONS, "--demo-broker", broker.url, "--demo-queue", queue)
    with running_tower(tmp_path, *options) as tower:
        token = tower.create_token("operator")
        letters = eventually(lambda: stuck(tower, token))
        assert {letter["source"] for letter in letters} == {"northwind"}
        letter = letters[0]
        sku = letter["error_message"].rpartition(" ")[2]
        fix(tower, sku)

        plan = call(tower, token, "/api/v1/replays", {"ids": [letter["id"]]})
        assert plan["verdicts"] == {"safe": 1}
        call(tower, token, f"/api/v1/replays/{plan['id']}/start", {"digest": plan["digest"]})

        resolved = eventually(lambda: is_resolved(tower, token, letter["id"]))
        assert "order.posted by erp" in resolved["settled_why"]


def stuck(tower, token):
    """Letters of orders whose SKU the ERP does not know, on their journeys."""
    found = call(tower, token, "/api/v1/dead-letters")["dead_letters"]
    return [one for one in found if one["error_code"] == "SKU_UNMAPPED" and one["journey_id"]]


def is_resolved(tower, token, letter_id):
    letter = call(tower, token, f"/api/v1/dead-letters/{letter_id}")
    return letter if letter["state"] == "resolved" else None


def fix(tower, sku):
    """Map the SKU on the page of the item master."""
    url = next(line.split()[-1] for line in tower.log.splitlines() if "item master is at" in line)
    form = urllib.parse.urlencode({"sku": sku}).encode()
    urllib.request.urlopen(urllib.request.Request(f"{url}skus", form), timeout=10).close()
