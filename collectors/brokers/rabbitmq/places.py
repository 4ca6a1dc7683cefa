"""Names of places in RabbitMQ: ``queue``, or ``exchange>routing.key``."""

from __future__ import annotations


def exchange_and_key(place: str) -> tuple[str, str]:
    """Where to publish to. The exchange without a name hands to the queue that the routing key names."""
    exchange, is_exchange, key = place.partition(">")
    return (exchange, key) if is_exchange else ("", place)
