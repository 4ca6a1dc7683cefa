"""Content types."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

_UTF8 = frozenset(("", "utf-8", "utf8", "us-ascii", "ascii"))


class MediaType(NamedTuple):
    """A content type in lower case, without its parameters; `charset` is "" when there is none."""

    name: str
    charset: str

    @property
    def is_utf8(self) -> bool:
        """Whether text of this type reads as UTF-8."""
        return self.charset in _UTF8

    @property
    def is_json(self) -> bool:
        """Whether a document of this type is JSON; data without a type is, says CloudEvents."""
        return not self.name or self.name.endswith(("/json", "+json"))

    @property
    def is_text(self) -> bool:
        """Whether a document of this type is text that is not JSON."""
        return self.name.startswith("text/") or self.name.endswith(("/xml", "+xml"))


@lru_cache(maxsize=512)
def media_type(header: str) -> MediaType:
    """Parse a Content-Type; what cannot be parsed has a name that nothing expects."""
    name, _, parameters = header.partition(";")
    charset = ""
    for parameter in parameters.split(";"):
        key, _, value = parameter.partition("=")
        if key.strip().lower() == "charset":
            charset = value.strip().strip('"').lower()
    return MediaType(name.strip().lower(), charset)
