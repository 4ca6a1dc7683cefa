"""Inflating compressed request bodies in bounded steps, so that no bomb becomes a large allocation."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from typing import Protocol

import zstandard

from controltower.domain.errors import BadPayload, UnsupportedMedia

PIECE = 256 * 1024  # largest piece handed on by gzip
ZSTD_SLICE = 512  # four bytes of zstd can stand for 128 KiB, and the library has no bound of its own
ZSTD_WINDOW = 8 * 1024 * 1024  # what RFC 8878 asks every decoder to take

ACCEPTED = "gzip, zstd, identity"


class Inflater(Protocol):
    """Inflates one body."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield what `data` inflates to, in pieces; raises BadPayload when it is corrupt."""

    def finish(self) -> None:
        """Raise BadPayload when the body ended before its compressed stream did."""


class GzipInflater:
    """Inflates gzip, of one or more members."""

    def __init__(self) -> None:
        self._member = _gzip_member()
        self._is_fed = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        while data:
            if self._member.eof:
                self._member = _gzip_member()
            self._is_fed = True
            try:
                piece = self._member.decompress(data, PIECE)
            except zlib.error as exc:
                raise BadPayload(f"Content-Encoding is gzip, but the body is not: {exc}") from exc
            if piece:
                yield piece
            data = self._member.unused_data if self._member.eof else self._member.unconsumed_tail

    def finish(self) -> None:
        if self._is_fed and not self._member.eof:
            raise BadPayload("the gzip body ends early")


class ZstdInflater:
    """Inflates zstd, of one or more frames."""

    def __init__(self) -> None:
        self._frame = _zstd_frame()
        self._is_fed = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        view = memoryview(data)
        for start in range(0, len(data), ZSTD_SLICE):
            yield from self._feed_slice(bytes(view[start : start + ZSTD_SLICE]))

    def _feed_slice(self, data: bytes) -> Iterator[bytes]:
        while data:
            if self._frame.eof:
                self._frame = _zstd_frame()
            self._is_fed = True
            try:
                piece = self._frame.decompress(data)
            except zstandard.ZstdError as exc:
                raise BadPayload(f"Content-Encoding is zstd, but the body is not: {exc}") from exc
            if piece:
                yield piece
            data = self._frame.unused_data if self._frame.eof else b""

    def finish(self) -> None:
        if self._is_fed and not self._frame.eof:
            raise BadPayload("the zstd body ends early")


def _gzip_member() -> zlib._Decompress:
    return zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)


def _zstd_frame() -> zstandard.ZstdDecompressionObj:
    return zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW).decompressobj()


_INFLATERS: dict[bytes, Callable[[], Inflater]] = {
    b"gzip": GzipInflater,
    b"x-gzip": GzipInflater,
    b"zstd": ZstdInflater,
}


def inflater_for(encoding: bytes) -> Inflater | None:
    """The inflater for a Content-Encoding, None when there is nothing to inflate.

    Raises UnsupportedMedia, naming what is taken.
    """
    name = encoding.strip().lower()
    if not name or name == b"identity":
        return None
    inflater = _INFLATERS.get(name)
    if inflater is None:
        raise UnsupportedMedia(f"Content-Encoding {name.decode('latin-1')!r} is not one of: {ACCEPTED}")
    return inflater()
