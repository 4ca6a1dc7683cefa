"""The page on connecting a broker is true: its file, its programs and what it shows, in that order."""

import os
import re
import time
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

from tests.collectors.brokers.brokers import RabbitMQ, own_name
from tests.end_to_end.kept import kept_in
from tests.end_to_end.killable import a_tower
from tests.stores import opened

pytestmark = pytest.mark.services
PAGE = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "connect-a-broker.md"


def blocks(language: str, text: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


@pytest.fixture
def page(monkeypatch) -> str:
    """The page, for the broker of this test and a queue of its own."""
    broker = RabbitMQ()
    broker.close()
    parts = urlsplit(broker.url)
    monkeypatch.setitem(os.environ, "RABBITMQ_PASSWORD", unquote(parts.password or ""))
    address = f"{parts.hostname}:{parts.port or 5672}"
    text = PAGE.read_text().replace("127.0.0.1:5672/%2F", f"{address}{parts.path}")
    return text.replace("amqp://guest:", f"amqp://{parts.username}:").replace("shop.events", own_name())


def test_whoever_follows_the_page_finds_the_order(page, tmp_path):
    (tmp_path / "connections.toml").write_text(blocks("toml", page)[0])
    programs = blocks("python", page)
    known: dict[str, Any] = {}
    exec(programs[0], known)
    url = f"sqlite:///{tmp_path / 'tower.db'}"
    try:
        with a_tower(tmp_path / "home", url) as tower:
            tower.environment |= {
                "CONTROLTOWER_CONNECTIONS": str(tmp_path / "connections.toml"),
                "RABBITMQ_PASSWORD": os.environ["RABBITMQ_PASSWORD"],
            }
            tower.start()
            exec(programs[1], known)
            (shown,) = blocks("text", page)
            deadline = time.monotonic() + 30
            while not set(shown.splitlines()) <= metrics_of(tower.http):
                assert time.monotonic() < deadline, metrics_of(tower.http)
                time.sleep(0.2)
            with opened(url) as database:
                assert kept_in(database).events == {"e-1": 1}
    finally:
        (queue,) = set(re.findall(r'place = "(ct-test-[^"]+)"', page))
        known["channel"].queue_delete(queue)
        known["broker"].close()


def metrics_of(address: str) -> set[str]:
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=10) as answer:
        return set(answer.read().decode().splitlines())
