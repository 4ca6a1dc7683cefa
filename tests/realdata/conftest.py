"""The towers that take the real inputs, as a user runs them."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.running import Tower, running_tower


@pytest.fixture(scope="module")
def tower(tmp_path_factory: pytest.TempPathFactory, real_data: Path) -> Iterator[Tower]:
    """A tower of the module's own, so that modules may run in any order. Not started without the inputs."""
    with running_tower(tmp_path_factory.mktemp("realdata")) as running:
        yield running


@pytest.fixture(scope="module")
def token(tower: Tower) -> str:
    """A token with which a program may read."""
    return tower.create_token("viewer")


@pytest.fixture(scope="session")
def order_facts(real_data: Path) -> Any:
    """What was computed from the order logs without the tower."""
    return json.loads((real_data / "ground_truth" / "order_logs.json").read_text())


@pytest.fixture(scope="session")
def trace_facts(real_data: Path) -> Any:
    """What was computed from the trace dump without the tower."""
    text = (real_data / "ground_truth" / "otlp_hipstershop.json").read_text()
    return json.loads(text)["hipstershop-oteltraces"]
