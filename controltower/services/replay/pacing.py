"""How fast a plan may send: a bucket for each that fills at its rate."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

_UNLIMITED = 1 << 30
_MOST_PLANS = 1000


@dataclass(slots=True)
class Pacer:
    """Of one worker; a plan has one worker at a time."""

    _last: dict[bytes, datetime] = field(default_factory=dict)
    _left: dict[bytes, float] = field(default_factory=dict)

    def room(self, plan_id: bytes, rate: int, now: datetime) -> int:
        """How many messages may leave now; at most what a second brings is saved up."""
        if not rate:
            return _UNLIMITED
        if len(self._last) > _MOST_PLANS:
            self._last.clear()
            self._left.clear()
        passed = (now - self._last.get(plan_id, now)).total_seconds()
        left = self._left.get(plan_id, 1.0) + max(passed, 0.0) * rate
        self._last[plan_id], self._left[plan_id] = now, min(left, float(rate))
        return int(self._left[plan_id])

    def take(self, plan_id: bytes, messages: int) -> None:
        """Note that messages left."""
        if plan_id in self._left:
            self._left[plan_id] -= messages
