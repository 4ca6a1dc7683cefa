"""Durations in the words that people say."""

from __future__ import annotations

from datetime import timedelta

_UNITS = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))


def in_words(duration: timedelta) -> str:
    """The two largest parts of a duration, as in ``3 h 20 min``; the sign is dropped."""
    micros = abs(duration) // timedelta(microseconds=1)
    if micros < 1_000_000:
        return f"{micros // 1_000} ms" if micros >= 1_000 else "0 s" if micros == 0 else f"{micros} us"
    rest = micros // 1_000_000
    for index, (unit, size) in enumerate(_UNITS):
        if rest < size:
            continue
        words = f"{rest // size} {unit}"
        if index + 1 < len(_UNITS):
            smaller, smaller_size = _UNITS[index + 1]
            count = rest % size // smaller_size
            words += f" {count} {smaller}" if count else ""
        return words
    return "0 s"
