"""Blocks: the span bytes of one commit, compressed together.

A block ends with the first part that fills it, so that reading one trace never unpacks much more.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import chain, islice
from typing import NamedTuple

from controltower.store.packing import pack

FULL = 1024 * 1024  # bytes, before compression

Place = tuple[bytes, int, int]
"""Where a part is: the columns block_id, block_offset and block_length of span_segment."""


class Blocks(NamedTuple):
    """Rows of span_block, and of each batch the places of its parts."""

    blocks: list[tuple[bytes, bytes]]
    places: list[list[Place]]


def pack_parts(batches: Sequence[Sequence[bytes]], now_us: int) -> Blocks:
    """Put the parts of all batches into blocks, in their order."""
    places: list[Place] = []
    blocks: list[tuple[bytes, bytes]] = []
    pending: list[bytes] = []
    size = 0
    for part in chain.from_iterable(batches):
        pending.append(part)
        size += len(part)
        if size >= FULL:
            blocks.append(_close(pending, now_us, places))
            pending, size = [], 0
    if pending:
        blocks.append(_close(pending, now_us, places))
    ordered = iter(places)
    return Blocks(blocks, [list(islice(ordered, len(parts))) for parts in batches])


def _close(parts: Sequence[bytes], now_us: int, places: list[Place]) -> tuple[bytes, bytes]:
    # Time-ordered, and apart from what any other process commits in the same microsecond.
    block_id = now_us.to_bytes(8, "big") + os.urandom(4)
    offset = 0
    for part in parts:
        places.append((block_id, offset, len(part)))
        offset += len(part)
    return block_id, pack(b"".join(parts))
