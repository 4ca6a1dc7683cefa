"""What the demo estate needs of the tower: its endpoint among the connections, and its runbook."""

from __future__ import annotations

import socket
from dataclasses import replace
from importlib.resources import files

from collectors.brokers.connections import Declared, declared
from controltower.domain.failure_rule_files import parse_failure_rules
from controltower.domain.failure_rules import FailureRule

CONNECTION = "middleware"
ORIGIN = "demo estate"
_USUAL_PORT = 8090


def find_inbox() -> str:
    """An address on loopback for the estate to take replays at: the usual one, so that links to it last, else
    one that is free.
    """
    for port in (_USUAL_PORT, 0):
        try:
            with socket.create_server(("127.0.0.1", port)) as found:
                return f"127.0.0.1:{found.getsockname()[1]}"
        except OSError:
            continue
    return f"127.0.0.1:{_USUAL_PORT}"


def demo_connections(inbox: str) -> dict[str, Declared]:
    """The connection by which replays reach the estate."""
    table = {"kind": "http", "url": f"http://{inbox}"}
    return {CONNECTION: declared(ORIGIN, CONNECTION, table, {})}


def demo_rules(inbox: str) -> tuple[FailureRule, ...]:
    """What its people do about failures, with a link to where they do it."""
    text = (files("controltower") / "demo" / "failure_rules.toml").read_text().replace("INBOX", inbox)
    return tuple(replace(rule, origin=ORIGIN) for rule in parse_failure_rules(text, ORIGIN))
