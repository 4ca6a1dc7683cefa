"""What is said of declared connections: on the health screen, and by `controltower doctor`."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from collectors.brokers.connections import Declared, load_connections
from collectors.brokers.statuses import DEAD_LETTERS, EVENTS, SAMPLES, Statuses, Use
from controltower.cli import commands
from controltower.connected import connection_rows
from controltower.domain.connections import DOWN, ELSEWHERE, IDLE, STARTING
from controltower.domain.times import EPOCH

FILE = """
[connections.orders]
kind = "redis"
url = "redis://:${SECRET}@127.0.0.1:1/0"
timeout_seconds = 0.5
dead_letters = ["orders.dlq"]
events = [{ place = "facts" }]
samples = ["facts"]

[connections.api]
kind = "http"
url = "http://127.0.0.1:1/orders"
"""
SECRET = "s3cr3t-of-the/tower"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file of connections where nobody answers."""
    path = tmp_path / "connections.toml"
    path.write_text(FILE)
    return path


@pytest.fixture
def declared(file: Path) -> dict[str, Declared]:
    """What it declares."""
    return load_connections(str(file), {"SECRET": SECRET})


def test_each_use_is_told_with_what_this_process_knows_of_it(declared: dict[str, Declared]):
    statuses = Statuses(lambda: 0)
    letters, facts = Use("orders", "orders.dlq", DEAD_LETTERS), Use("orders", "facts", EVENTS)
    statuses.add(letters)
    statuses.add(facts)
    statuses.down(facts, "orders: refused")

    rows = connection_rows(declared, statuses)

    assert [(row.connection, row.role, row.place, row.state) for row in rows] == [
        ("api", "", "", IDLE),
        ("orders", DEAD_LETTERS, "orders.dlq", STARTING),
        ("orders", EVENTS, "facts", DOWN),
        ("orders", SAMPLES, "", ELSEWHERE),
    ]
    assert (rows[2].error, rows[2].losses, rows[2].since_at) == ("orders: refused", 1, EPOCH)
    assert [row.kind for row in rows] == ["http", "redis", "redis", "redis"]


def doctor(tmp_path: Path, file: Path, **environment: str):
    """What `controltower doctor` says."""
    settings = {
        "CONTROLTOWER_HOME": str(tmp_path / "home"),
        "CONTROLTOWER_CONNECTIONS": str(file),
        **environment,
    }
    return CliRunner().invoke(commands, ["doctor"], env=settings)


def test_the_doctor_asks_every_connection_and_tells_no_secret(tmp_path: Path, file: Path):
    answer = doctor(tmp_path, file, SECRET=SECRET)

    api, orders = [line for line in answer.output.splitlines() if "the connection " in line]
    assert api.startswith("warning") and "the connection api: 127.0.0.1 takes no connection" in api
    assert orders.startswith("warning") and "the connection orders: " in orders
    assert "see that it runs" in orders and "[connections.orders]" in orders
    assert SECRET not in answer.output


def test_the_doctor_names_a_mistake_in_the_file(tmp_path: Path, file: Path):
    answer = doctor(tmp_path, file)

    assert answer.exit_code == 1
    assert "expected SECRET in the environment" in answer.output
    assert "mend the file that CONTROLTOWER_CONNECTIONS names" in answer.output
