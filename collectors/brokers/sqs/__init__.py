"""Amazon SQS: queues. docs/reference/connections.md says what a place and a position are."""

from __future__ import annotations

from contextlib import closing

from collectors.brokers.connections import BadTable, BrokerTable, Kind
from collectors.brokers.protocol import Gauge, Source, Target
from collectors.brokers.secrets import Secret
from collectors.brokers.sqs.calls import Access, Calls, Failed, is_missing
from collectors.brokers.sqs.gauge import SqsGauge
from collectors.brokers.sqs.source import SqsSource
from collectors.brokers.sqs.target import SqsTarget

_NO_QUEUE = "control-tower-check"


class SqsTable(BrokerTable, frozen=True, kw_only=True):
    """The keys of a connection to SQS."""

    region: str
    access_key_id: str = ""  # "" signs in as the AWS libraries do by themselves: environment, profile, role
    secret_access_key: Secret = Secret("")
    session_token: Secret = Secret("")
    endpoint_url: str = ""  # "" is Amazon's of the region


class SqsConnection:
    """The queues of one account in one region."""

    kind = "sqs"

    def __init__(self, name: str, table: SqsTable) -> None:
        """Raises BadTable for an entry that cannot be used."""
        self.name = name
        self._table = table
        if not table.region:
            raise BadTable("region", "the name of a region, such as eu-central-1")
        if table.access_key_id and not table.secret_access_key:
            raise BadTable("secret_access_key", "a value beside access_key_id")
        if table.endpoint_url and not table.endpoint_url.startswith(("http://", "https://")):
            raise BadTable("endpoint_url", "http:// or https:// and a host")
        self._access = Access(
            table.region,
            table.access_key_id,
            table.secret_access_key,
            table.session_token,
            table.endpoint_url,
        )

    def source(self, place: str) -> Source:
        """Take messages from a queue."""
        return SqsSource(self._calls(), place)

    def target(self) -> Target:
        """Send messages to queues."""
        return SqsTarget(self._calls())

    def gauge(self) -> Gauge:
        """Read queues."""
        return SqsGauge(self._calls(), self._table.samples)

    def check(self) -> None:
        """Ask for the address of a queue; that there is none is an answer too."""
        table = self._table
        letters = [letters.place for letters in table.letters]
        places = [*letters, *(events.place for events in table.events), *table.samples]
        with closing(self._calls()) as calls, calls.losses():
            try:
                calls.url_of(places[0] if places else _NO_QUEUE)
            except Failed as exc:
                if not is_missing(exc):
                    raise

    def __repr__(self) -> str:
        return f"SqsConnection({self.name!r})"

    def _calls(self) -> Calls:
        return Calls(self.name, self._access, self._table.timeout_seconds)


KIND = Kind(SqsTable, SqsConnection)
