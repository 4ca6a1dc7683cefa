"""SIGTERM under load: the tower ends soon and well, and keeps what it acknowledged."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.end_to_end.hammer import Told, hammering
from tests.end_to_end.kept import kept_in
from tests.end_to_end.killable import Tower, a_tower
from tests.stores import opened

SOON = 10.0  # seconds; what orchestrators usually grant before they kill


def test_sigterm_under_load_ends_within_seconds_and_loses_nothing(tower: Tower, database_url: str):
    told = Told()
    tower.start()
    with hammering(tower, told):
        told.wait_for_stored(100)
        assert tower.terminate(within=SOON) == 0
    assert told.surprises == []
    assert "Traceback" not in tower.log
    with opened(database_url) as database:
        kept = kept_in(database)
        kept.check_once(told.stored)
        kept.check_whole(told.unanswered)
        kept.check_absent(told.refused)
        kept.check_journeys()


def test_clients_that_never_finish_do_not_hold_up_the_end(tmp_path: Path):
    with a_tower(tmp_path / "home") as tower:
        tower.start()
        with unfinished(tower, _HALF_A_HEAD), unfinished(tower, _HALF_A_STREAM), unfinished(tower):
            assert tower.terminate(within=SOON) == 0


_HALF_A_HEAD = b"POST /api/v1/events HTTP/1.1\r\n"
_HALF_A_STREAM = (
    b"POST /api/v1/events HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson\r\n"
    b'Transfer-Encoding: chunked\r\n\r\n5\r\n{"id"\r\n'
)


@contextmanager
def unfinished(tower: Tower, sent: bytes = b"") -> Iterator[None]:
    """A connection on which a client has sent so much and then says nothing more."""
    host, _, port = tower.http.partition(":")
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(sent)
        yield
