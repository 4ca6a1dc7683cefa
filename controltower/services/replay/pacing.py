"""How fast plans may send and targets may get: a bucket for each that fills at its rate."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

_UNLIMITED = 1 << 30
_MOST_BUCKETS = 1000


@dataclass(slots=True)
class Pacer:
    """Of one worker: several that send to one target share nothing."""

    _last: dict[str, datetime] = field(default_factory=dict)
    _left: dict[str, float] = field(default_factory=dict)

    def room(self, bucket: str, rate: int, now: datetime) -> int:
        """How many messages may leave now; at most what a second brings is saved up."""
        if not rate:
            return _UNLIMITED
        if len(self._last) > _MOST_BUCKETS:
            self._last.clear()
            self._left.clear()
        passed = (now - self._last.get(bucket, now)).total_seconds()
        left = self._left.get(bucket, 1.0) + max(passed, 0.0) * rate
        self._last[bucket], self._left[bucket] = now, min(left, float(rate))
        return int(self._left[bucket])

    def take(self, bucket: str, messages: int) -> None:
        """Note that messages left."""
        if bucket in self._left:
            self._left[bucket] -= messages
