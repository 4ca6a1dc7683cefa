"""Segments that share a block come back as they were, whatever their sizes and whoever was there before."""

from hashlib import blake2b

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from controltower.domain.facts import SpanSegment
from controltower.store import tables
from controltower.store.blocks import FULL
from controltower.store.engine import Database, reading
from controltower.store.traces import trace_segments
from tests.builders import a_segment
from tests.store.facts import store
from tests.store.shown import clear

sizes = st.one_of(st.integers(0, 60), st.sampled_from([FULL - 1, FULL, FULL + 1, 2 * FULL]))
traces = st.integers(1, 4).map(lambda number: bytes([number]) * 16)
contents = st.builds(lambda size, seed: bytes([seed]) * size, sizes, st.integers(0, 9))


def with_content(trace: bytes, content: bytes) -> SpanSegment:
    digest = blake2b(trace + content, digest_size=16).digest()
    return a_segment(trace)._replace(digest=digest, raw=content)


segments = st.builds(with_content, traces, contents)
commits = st.lists(st.lists(segments, max_size=6), max_size=4)


def blocks_in(database: Database) -> int:
    with reading(database) as connection:
        return connection.execute(select(func.count()).select_from(tables.span_block)).scalar_one()


@given(commits)
def test_every_segment_comes_back_once(module_database: Database, commits: list[list[SpanSegment]]):
    clear(module_database)
    for commit in commits:
        store(module_database, *commit, *commit)
    wanted: dict[bytes, set[bytes]] = {}
    for segment in (segment for commit in commits for segment in commit):
        wanted.setdefault(segment.trace_id, set()).add(segment.raw)
    with reading(module_database) as connection:
        found = {trace_id: trace_segments(connection, trace_id) for trace_id in wanted}
    assert {trace_id: sorted(raw) for trace_id, raw in found.items()} == {
        trace_id: sorted(raw) for trace_id, raw in wanted.items()
    }


def test_a_commit_that_brings_nothing_new_stores_no_block(emptied_database: Database):
    segment = with_content(bytes([1]) * 16, b"spans")
    store(emptied_database, segment)
    store(emptied_database, segment)
    assert blocks_in(emptied_database) == 1


def test_a_block_ends_when_it_is_full(emptied_database: Database):
    store(emptied_database, *[with_content(bytes([n]) * 16, bytes(FULL // 2)) for n in range(1, 6)])
    assert blocks_in(emptied_database) == 3
