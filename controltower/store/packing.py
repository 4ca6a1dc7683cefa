"""The compression that blobs are stored with: zstd, one frame each."""

from __future__ import annotations

from threading import local

from zstandard import ZstdCompressor, ZstdDecompressor

_LARGEST = 256 * 1024 * 1024  # of one blob; what edges accept is far smaller
_own = local()  # compressors are dear to make, and must not be shared between threads


def pack(raw: bytes) -> bytes:
    """The bytes, compressed as fast as may be."""
    compressor = getattr(_own, "compressor", None)
    if compressor is None:
        compressor = _own.compressor = ZstdCompressor(level=1)
    packed: bytes = compressor.compress(raw)
    return packed


def unpack(blob: bytes) -> bytes:
    """The bytes that were compressed into `blob` (zstd, one frame)."""
    decompressor = getattr(_own, "decompressor", None)
    if decompressor is None:
        decompressor = _own.decompressor = ZstdDecompressor()
    unpacked: bytes = decompressor.decompress(blob, max_output_size=_LARGEST)
    return unpacked
