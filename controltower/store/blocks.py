"""Blocks: the segments of one commit, compressed together.

A block ends with the first segment that fills it, so that reading one trace never unpacks much more.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import NamedTuple

from controltower.domain.facts import SpanSegment
from controltower.store.bulk import Row
from controltower.store.packing import pack

FULL = 1024 * 1024  # bytes, before compression


class Blocks(NamedTuple):
    """Rows of span_block, and for each segment its columns block_id, block_offset and block_length."""

    blocks: list[Row]
    of_segments: list[tuple[bytes, int, int]]


def pack_blocks(segments: Sequence[SpanSegment], now_us: int) -> Blocks:
    """Put segments into blocks, in their order."""
    packed = Blocks([], [])
    pending: list[SpanSegment] = []
    size = 0
    for segment in segments:
        pending.append(segment)
        size += len(segment.raw)
        if size >= FULL:
            _close(pending, now_us, packed)
            pending, size = [], 0
    if pending:
        _close(pending, now_us, packed)
    return packed


def _close(segments: Sequence[SpanSegment], now_us: int, packed: Blocks) -> None:
    block_id = _block_id(segments, now_us)
    offset = 0
    for segment in segments:
        packed.of_segments.append((block_id, offset, len(segment.raw)))
        offset += len(segment.raw)
    packed.blocks.append((block_id, pack(b"".join([segment.raw for segment in segments]))))


def _block_id(segments: Sequence[SpanSegment], now_us: int) -> bytes:
    """Time-ordered, and apart from what any other process commits in the same microsecond."""
    content = b"".join([segment.trace_id + segment.digest for segment in segments])
    return now_us.to_bytes(8, "big") + blake2b(content, digest_size=4).digest()
