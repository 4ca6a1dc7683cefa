"""The brokers that the contract suite runs over: for each, how to reach it and to make places on it.

A kind is one class here, beside the line in KINDS.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import secrets
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from datetime import datetime
from functools import cache, partial
from typing import Any, Protocol
from urllib.parse import urlsplit

import boto3
import moto.sqs.models
import nats
import nats.errors
import pika
import redis
from moto.server import ThreadedMotoServer

from collectors.brokers.connections import declared
from collectors.brokers.protocol import Connection
from tests.backends import missing_service
from tests.collectors.brokers.http.endpoint import Reply, listening
from tests.collectors.brokers.kafka_cluster import MockCluster
from tests.collectors.brokers.memory import MemoryBroker, MemoryConnection
from tests.collectors.brokers.proxy import CuttingProxy

PASSWORD = "s3cr3t-of-the/tower"
NAME = "orders"


class Broker(Protocol):
    """What the contract needs of a broker. Everything it makes is its own, and gone after `close`."""

    kind: str
    has_sources: bool
    tells_equal_messages_apart: bool  # even when one was settled before the next came
    refuses_unknown_places: bool

    def new_place(self) -> str:
        """An empty place."""

    def unknown_place(self) -> str:
        """A place that does not exist."""

    def connect(self, *, samples: Sequence[str] = ()) -> Connection:
        """A connection named NAME."""

    def connect_through_proxy(self) -> tuple[Connection, CuttingProxy] | None:
        """One that can be cut; None where the client finds its own way around a proxy."""

    def connect_to_nobody(self, *, samples: Sequence[str] = ()) -> Connection:
        """One to an address where nobody answers, with PASSWORD."""

    def close(self) -> None:
        """Remove what was made."""


def connection_of(kind: str, keys: Mapping[str, Any]) -> Connection:
    """A connection, read the way the product reads it."""
    table = {"kind": kind, "timeout_seconds": 5.0, **keys}
    return declared("connections.toml", NAME, table, {"PASSWORD": PASSWORD}).connection


def free_port() -> int:
    """A port where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


def own_name() -> str:
    """A name that no other test has."""
    return f"ct-test-{secrets.token_hex(6)}"


class InMemory:
    """The stand-in."""

    kind = "memory"
    has_sources = True
    tells_equal_messages_apart = True
    refuses_unknown_places = True

    def __init__(self) -> None:
        self._broker = MemoryBroker()

    def new_place(self) -> str:
        place = own_name()
        self._broker.declare(place)
        return place

    def unknown_place(self) -> str:
        return own_name()

    def connect(self, *, samples: Sequence[str] = ()) -> Connection:
        return MemoryConnection(NAME, self._broker, samples)

    def connect_through_proxy(self) -> None:
        return None

    def connect_to_nobody(self, *, samples: Sequence[str] = ()) -> Connection:
        down = MemoryBroker()
        down.go_down()
        return MemoryConnection(NAME, down, samples)

    def close(self) -> None:
        """Nothing is left behind."""


class RabbitMQ:
    """The server that CONTROLTOWER_TEST_RABBITMQ names, or that of this machine."""

    kind = "rabbitmq"
    has_sources = True
    tells_equal_messages_apart = True
    refuses_unknown_places = True

    def __init__(self) -> None:
        self.url = _rabbitmq()
        self._admin = pika.BlockingConnection(pika.URLParameters(self.url))
        self.channel = self._admin.channel()
        self._made: list[str] = []
        self._proxies: list[CuttingProxy] = []

    def new_place(self, **arguments: object) -> str:
        return self.new_place_called(own_name(), **arguments)

    def new_place_called(self, place: str, **arguments: object) -> str:
        self.channel.queue_declare(place, durable=True, arguments=arguments or None)
        self._made.append(place)
        return place

    def unknown_place(self) -> str:
        return own_name()

    def connect(self, *, samples: Sequence[str] = ()) -> Connection:
        return connection_of(self.kind, {"url": self.url, "samples": list(samples)})

    def connect_through_proxy(self) -> tuple[Connection, CuttingProxy]:
        parts = urlsplit(self.url)
        proxy = CuttingProxy(parts.hostname or "127.0.0.1", parts.port or 5672)
        self._proxies.append(proxy)
        who = parts.netloc.rpartition("@")[0]
        through = parts._replace(netloc=f"{who}@127.0.0.1:{proxy.port}").geturl()
        return connection_of(self.kind, {"url": through}), proxy

    def connect_to_nobody(self, *, samples: Sequence[str] = ()) -> Connection:
        url = f"amqp://tower:${{PASSWORD}}@127.0.0.1:{free_port()}/%2F"
        return connection_of(self.kind, {"url": url, "samples": list(samples)})

    def close(self) -> None:
        for place in self._made:
            self.channel.queue_delete(place)
        self._admin.close()
        for proxy in self._proxies:
            proxy.close()


class Http:
    """An endpoint of the test's own, on loopback."""

    kind = "http"
    has_sources = False
    tells_equal_messages_apart = False
    refuses_unknown_places = True

    def __init__(self) -> None:
        self._exits = ExitStack()
        self._endpoint = self._exits.enter_context(listening())
        self._known: set[str] = set()
        self._endpoint.reply = lambda asked: Reply(200 if asked.path in self._known else 404)

    def new_place(self) -> str:
        place = f"/{own_name()}"
        self._known.add(place)
        return place

    def unknown_place(self) -> str:
        return f"/{own_name()}"

    def connect(self, *, samples: Sequence[str] = (), **more: object) -> Connection:
        return connection_of(self.kind, {"url": self._endpoint.url, "samples": list(samples), **more})

    def connect_through_proxy(self) -> tuple[Connection, CuttingProxy]:
        proxy = CuttingProxy("127.0.0.1", urlsplit(self._endpoint.url).port or 80)
        self._exits.callback(proxy.close)
        return connection_of(self.kind, {"url": f"http://127.0.0.1:{proxy.port}"}), proxy

    def connect_to_nobody(self, *, samples: Sequence[str] = ()) -> Connection:
        url = f"http://127.0.0.1:{free_port()}"
        keys = {"url": url, "authentication": "bearer", "token": "${PASSWORD}", "samples": list(samples)}
        return connection_of(self.kind, keys)

    def close(self) -> None:
        self._exits.close()


class Kafka:
    """The mock cluster of Kafka's own client library."""

    kind = "kafka"
    has_sources = True
    tells_equal_messages_apart = True
    refuses_unknown_places = True
    # The mock waits nearly as long as a session lasts for those who left a group.
    _QUICK = {"session.timeout.ms": "3000", "heartbeat.interval.ms": "300"}

    def __init__(self) -> None:
        self.cluster = _kafka()

    def new_place(self) -> str:
        place = own_name()
        self.cluster.create(place)
        return place

    def unknown_place(self) -> str:
        return own_name()

    def connect(self, *, samples: Sequence[str] = ()) -> Connection:
        keys = {
            "bootstrap_servers": self.cluster.bootstrap_servers,
            "options": self._QUICK,
            "samples": list(samples),
        }
        return connection_of(self.kind, keys)

    def connect_through_proxy(self) -> None:
        return None  # brokers tell their clients where they are

    def connect_to_nobody(self, *, samples: Sequence[str] = ()) -> Connection:
        keys = {
            "bootstrap_servers": f"127.0.0.1:{free_port()}",
            "samples": list(samples),
            "user": "tower",
            "password": "${PASSWORD}",
            "timeout_seconds": 1.0,
        }
        return connection_of(self.kind, keys)

    def close(self) -> None:
        """Its topics are gone with the process."""


class Sqs:
    """moto's server, in this process."""

    kind = "sqs"
    has_sources = True
    tells_equal_messages_apart = True
    refuses_unknown_places = True

    def __init__(self) -> None:
        self.url = _sqs()
        self.client = boto3.client("sqs", **sqs_access(self.url))
        self._made: list[str] = []

    def new_place(self, **attributes: str) -> str:
        place = own_name() + (".fifo" if attributes.get("FifoQueue") else "")
        self._made.append(self.client.create_queue(QueueName=place, Attributes=attributes)["QueueUrl"])
        return place

    def unknown_place(self) -> str:
        return own_name()

    def connect(self, *, samples: Sequence[str] = (), **more: object) -> Connection:
        return self._connection(self.url, {"samples": list(samples), **more})

    def connect_through_proxy(self) -> None:
        return None  # every call is complete in itself; a connection that was cut is replaced unnoticed

    def connect_to_nobody(self, *, samples: Sequence[str] = ()) -> Connection:
        return self._connection(f"http://127.0.0.1:{free_port()}", {"samples": list(samples)})

    def close(self) -> None:
        for url in self._made:
            self.client.delete_queue(QueueUrl=url)
        self.client.close()

    def _connection(self, url: str, more: Mapping[str, object]) -> Connection:
        keys = {
            "region": "eu-central-1",
            "endpoint_url": url,
            "access_key_id": "tower",
            "secret_access_key": "${PASSWORD}",
        }
        return connection_of(self.kind, {**keys, **more})


def sqs_access(url: str) -> dict[str, str]:
    """What boto3 takes to reach moto's server."""
    return {
        "endpoint_url": url,
        "region_name": "eu-central-1",
        "aws_access_key_id": "test",
        "aws_secret_access_key": "test",
    }


def _quick_millis(moment: datetime | None = None) -> float:
    return (moment.timestamp() if moment else time.time()) * 1000


@cache
def _sqs() -> str:
    # At every call it asks for the time once for each message that it holds, and does so very slowly.
    vars(moto.sqs.models)["unix_time_millis"] = _quick_millis
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    atexit.register(server.stop)
    host, port = server.get_host_and_port()
    return f"http://{host}:{port}"


@cache
def _kafka() -> MockCluster:
    cluster = MockCluster()
    atexit.register(cluster.close)
    return cluster


@cache
def _rabbitmq() -> str:
    url = os.environ.get("CONTROLTOWER_TEST_RABBITMQ") or "amqp://guest:guest@127.0.0.1:5672/%2F"
    try:
        pika.BlockingConnection(pika.URLParameters(url)).close()
    except pika.exceptions.AMQPError:
        missing_service("RabbitMQ", "start one, or name it in CONTROLTOWER_TEST_RABBITMQ")
    return url


class RedisStreams:
    """The server that CONTROLTOWER_TEST_REDIS names, or that of this machine."""

    kind = "redis"
    has_sources = True
    tells_equal_messages_apart = True
    refuses_unknown_places = True

    def __init__(self) -> None:
        self.url = _redis()
        self.client = redis.Redis.from_url(self.url)
        self._made: list[str] = []
        self._proxies: list[CuttingProxy] = []

    def new_place(self) -> str:
        place = own_name()
        self.client.xdel(place, self.client.xadd(place, {"a": "b"}, id="1-1"))
        self._made.append(place)
        return place

    def unknown_place(self) -> str:
        return own_name()

    def connect(self, *, samples: Sequence[str] = (), **more: object) -> Connection:
        return connection_of(self.kind, {"url": self.url, "samples": list(samples), **more})

    def connect_through_proxy(self) -> tuple[Connection, CuttingProxy]:
        parts = urlsplit(self.url)
        proxy = CuttingProxy(parts.hostname or "127.0.0.1", parts.port or 6379)
        self._proxies.append(proxy)
        who, at, _ = parts.netloc.rpartition("@")
        through = parts._replace(netloc=f"{who}{at}127.0.0.1:{proxy.port}").geturl()
        return connection_of(self.kind, {"url": through, "claim_seconds": 1.0}), proxy

    def connect_to_nobody(self, *, samples: Sequence[str] = ()) -> Connection:
        url = f"redis://tower:${{PASSWORD}}@127.0.0.1:{free_port()}/0"
        return connection_of(self.kind, {"url": url, "samples": list(samples)})

    def close(self) -> None:
        if self._made:
            self.client.delete(*self._made)
        self.client.close()
        for proxy in self._proxies:
            proxy.close()


@cache
def _redis() -> str:
    url = os.environ.get("CONTROLTOWER_TEST_REDIS") or "redis://127.0.0.1:6379/0"
    try:
        redis.Redis.from_url(url).ping()
    except redis.RedisError:
        missing_service("Redis", "start one, or name it in CONTROLTOWER_TEST_REDIS")
    return url


class Nats:
    """The server that CONTROLTOWER_TEST_NATS names, or that of this machine; it has to have JetStream."""

    kind = "nats"
    has_sources = True
    tells_equal_messages_apart = True
    refuses_unknown_places = True

    def __init__(self) -> None:
        self.url = _nats()
        self._made: list[str] = []
        self._proxies: list[CuttingProxy] = []

    def new_place(self) -> str:
        place = own_name()
        self.add_stream(place, f"{place}.>")
        return f"{place}.made"

    def add_stream(self, name: str, *subjects: str) -> None:
        self._made.append(name)
        self.do(lambda stream: stream.add_stream(name=name, subjects=list(subjects)))

    def unknown_place(self) -> str:
        return own_name()

    def connect(self, *, samples: Sequence[str] = (), **more: object) -> Connection:
        return connection_of(self.kind, {"url": self.url, "samples": list(samples), **more})

    def connect_through_proxy(self) -> tuple[Connection, CuttingProxy]:
        parts = urlsplit(self.url)
        proxy = CuttingProxy(parts.hostname or "127.0.0.1", parts.port or 4222)
        self._proxies.append(proxy)
        who, at, _ = parts.netloc.rpartition("@")
        through = parts._replace(netloc=f"{who}{at}127.0.0.1:{proxy.port}").geturl()
        return connection_of(self.kind, {"url": through, "ack_wait_seconds": 1.0}), proxy

    def connect_to_nobody(self, *, samples: Sequence[str] = ()) -> Connection:
        url = f"nats://tower:${{PASSWORD}}@127.0.0.1:{free_port()}"
        return connection_of(self.kind, {"url": url, "samples": list(samples)})

    def do(self, work: Callable[[Any], Any]) -> Any:
        """Ask JetStream for something."""

        async def ask() -> Any:
            client = await nats.connect(self.url)
            try:
                return await work(client.jetstream())
            finally:
                await client.close()

        return asyncio.run(ask())

    def close(self) -> None:
        for name in self._made:
            self.do(partial(_delete_stream, name))
        for proxy in self._proxies:
            proxy.close()


async def _delete_stream(name: str, stream: Any) -> None:
    await stream.delete_stream(name)


@cache
def _nats() -> str:
    url = os.environ.get("CONTROLTOWER_TEST_NATS") or "nats://127.0.0.1:4222"

    async def look() -> None:
        client = await nats.connect(url, allow_reconnect=False, connect_timeout=3)
        await client.jetstream().account_info()
        await client.close()

    try:
        asyncio.run(look())
    except (OSError, nats.errors.Error):
        missing_service("NATS with JetStream", "start one, or name it in CONTROLTOWER_TEST_NATS")
    return url


BROKERS: dict[str, Callable[[], Broker]] = {
    "http": Http,
    "kafka": Kafka,
    "memory": InMemory,
    "nats": Nats,
    "rabbitmq": RabbitMQ,
    "redis": RedisStreams,
    "sqs": Sqs,
}
