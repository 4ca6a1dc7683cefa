"""Undoing the compression that blobs are stored with."""

from __future__ import annotations

from threading import local

from zstandard import ZstdDecompressor

_LARGEST = 256 * 1024 * 1024  # of one blob; what edges accept is far smaller
_own = local()  # a decompressor must not be shared between threads


def unpack(blob: bytes) -> bytes:
    """The bytes that were compressed into `blob` (zstd, one frame)."""
    decompressor = getattr(_own, "decompressor", None)
    if decompressor is None:
        decompressor = _own.decompressor = ZstdDecompressor()
    unpacked: bytes = decompressor.decompress(blob, max_output_size=_LARGEST)
    return unpacked
