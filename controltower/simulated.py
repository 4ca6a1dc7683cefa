"""What the demo estate needs of the tower: its endpoint among the connections, and its runbook."""

from __future__ import annotations

import socket
from dataclasses import replace
from importlib.resources import files

from collectors.brokers.connections import Declared, declared
from controltower.domain.failure_rule_files import parse_failure_rules
from controltower.domain.failure_rules import FailureRule

CONNECTION = "middleware"
BROKER = "northwind"
QUEUE = "northwind.erp.post"
ORIGIN = "demo estate"
_USUAL_PORT = 8090


def open_inbox() -> socket.socket:
    """Listens on loopback for the estate, which takes replays there: at the usual port, so that links to it
    last, else at one that is free. It is open from the first moment, so that nobody else takes the port.
    """
    try:
        return socket.create_server(("127.0.0.1", _USUAL_PORT))
    except OSError:
        return socket.create_server(("127.0.0.1", 0))


def demo_connections(inbox: str, broker: str, queue: str) -> dict[str, Declared]:
    """The connections by which replays reach the estate: its inbox and, when `broker` is the address of a
    RabbitMQ, the queue there whose dead letters are taken over. Raises BadSetting.
    """
    found = {CONNECTION: declared(ORIGIN, CONNECTION, {"kind": "http", "url": f"http://{inbox}"}, {})}
    if broker:
        letters = {"place": f"{queue}.dead", "system": CONNECTION}
        table = {"kind": "rabbitmq", "url": broker, "dead_letters": [letters], "samples": [queue]}
        found[BROKER] = declared(ORIGIN, BROKER, table, {})
    return found


def demo_rules(inbox: str) -> tuple[FailureRule, ...]:
    """What its people do about failures, with a link to where they do it."""
    text = (files("controltower") / "demo" / "failure_rules.toml").read_text().replace("INBOX", inbox)
    return tuple(replace(rule, origin=ORIGIN) for rule in parse_failure_rules(text, ORIGIN))
