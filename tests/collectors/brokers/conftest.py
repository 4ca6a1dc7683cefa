"""Every test that asks for `broker` runs once over each kind."""

from collections.abc import Iterator

import pytest

from tests.collectors.brokers.brokers import BROKERS, Broker

_SERVICES = [pytest.mark.services]
_OF_THE_TESTS_OWN = ("http", "kafka", "memory", "sqs")


@pytest.fixture(
    params=[pytest.param(kind, marks=_SERVICES * (kind not in _OF_THE_TESTS_OWN)) for kind in BROKERS]
)
def broker(request: pytest.FixtureRequest) -> Iterator[Broker]:
    """A broker, for the length of one test."""
    made = BROKERS[request.param]()
    yield made
    made.close()
