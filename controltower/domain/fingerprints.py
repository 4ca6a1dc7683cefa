"""What makes two failures the same kind of failure: their words without what differs from order to order."""

from __future__ import annotations

import re
from hashlib import blake2b

MAX_PATTERN = 200
_VARYING = re.compile(
    r"""
      https?://\S+                                    # addresses
    | [\w.+-]+@[\w-]+\.[\w.]+                        # e-mail
    | \b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b # UUIDs
    | "[^"]{0,200}" | '[^']{0,200}' | \u201c[^\u201d]{0,200}\u201d  # what a message puts in quotes
    | (?<![\w-])(?=[\w-]*\d)[\w-]+                      # every word with a digit in it
    | (?-i:\b[A-Z]+(?:-[A-Z]+)+\b)                  # and what is written as article numbers are: TBL-DIN-OAK
    """,
    re.VERBOSE | re.IGNORECASE,
)


def pattern_of(message: str) -> str:
    """A message with everything that varies replaced by ``#``, in lower case."""
    plain = _VARYING.sub("#", message[:1000])
    return " ".join(plain.lower().split())[:MAX_PATTERN]


def fingerprint_of(system: str, code: str, message: str) -> str:
    """16 hex digits over who failed, with which code and in which words."""
    content = "\0".join((system.lower(), code.lower(), pattern_of(message)))
    return blake2b(content.encode("utf-8", "replace"), digest_size=8).hexdigest()
