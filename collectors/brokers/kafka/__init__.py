"""Kafka: topics. docs/reference/connections.md says what a place, a position and a group are."""

from __future__ import annotations

from typing import Literal

from collectors.brokers.connections import BadTable, BrokerTable, Kind
from collectors.brokers.kafka.clients import Clients
from collectors.brokers.kafka.gauge import KafkaGauge
from collectors.brokers.kafka.source import KafkaSource
from collectors.brokers.kafka.target import KafkaTarget
from collectors.brokers.protocol import Gauge, Source, Target
from collectors.brokers.secrets import Secret


class KafkaTable(BrokerTable, frozen=True, kw_only=True):
    """The keys of a connection to Kafka."""

    bootstrap_servers: str
    group: str = "controltower"  # the beginning of the names of the tower's consumer groups
    tls: bool = False
    ca_file: str = ""
    user: str = ""
    password: Secret = Secret("")
    mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    groups: list[str] = []  # of others, whose lag is read for the topics of `samples`
    options: dict[str, Secret] = {}  # any further property of librdkafka; it may be a secret


class KafkaConnection:
    """A declared Kafka cluster."""

    kind = "kafka"

    def __init__(self, name: str, table: KafkaTable) -> None:
        """Raises BadTable for an entry that cannot be used."""
        self.name = name
        self._table = table
        self._clients = Clients(name, _properties(table), table.timeout_seconds, _secrets(table))
        self._clients.check()

    def source(self, place: str) -> Source:
        """Take messages from a topic; what is settled is committed in the consumer group of that topic."""
        return KafkaSource(self._clients, place, self._group_of(place))

    def target(self) -> Target:
        """Send messages to topics that exist."""
        return KafkaTarget(self._clients)

    def gauge(self) -> Gauge:
        """Read topics, and how far consumer groups are behind in them."""
        groups = {topic: (self._group_of(topic), *self._table.groups) for topic in self._table.samples}
        return KafkaGauge(self._clients, groups)

    def check(self) -> None:
        """Ask which topics there are."""
        with self._clients.losses():
            self._clients.admin().list_topics(timeout=self._clients.timeout)

    def __repr__(self) -> str:
        return f"KafkaConnection({self.name!r})"

    def _group_of(self, topic: str) -> str:
        # One for each topic: were it one for all, whoever comes or goes would interrupt every consumer.
        return f"{self._table.group}.{topic}"


def _properties(table: KafkaTable) -> dict[str, str]:
    if not table.bootstrap_servers.strip():
        raise BadTable("bootstrap_servers", "host:port, or several of them with commas between")
    properties = {
        "bootstrap.servers": table.bootstrap_servers,
        "security.protocol": f"{'sasl_' if table.user else ''}{'ssl' if table.tls else 'plaintext'}",
    }
    if table.ca_file:
        properties["ssl.ca.location"] = table.ca_file
    if table.user:
        properties |= {
            "sasl.mechanism": table.mechanism,
            "sasl.username": table.user,
            "sasl.password": table.password.reveal(),
        }
    return properties | {name: value.reveal() for name, value in table.options.items()}


def _secrets(table: KafkaTable) -> tuple[Secret, ...]:
    # Short values such as "ssl" and "10000" would be cut out of every other sentence.
    return (table.password, *(value for value in table.options.values() if len(value.reveal()) > 7))


KIND = Kind(KafkaTable, KafkaConnection)
