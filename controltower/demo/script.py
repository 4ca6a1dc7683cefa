"""The pen that writes down what the systems emit while orders live."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any

from controltower.demo.causes import Causes
from controltower.demo.emissions import DepthOut, Emission, EventOut, SpanPlan, TraceOut, build_event
from controltower.demo.orders import Order
from controltower.demo.pace import Pace

SILENT_SYSTEM = "3pl"


@dataclass(frozen=True, slots=True)
class Call:
    """A piece of work of one system and the work it causes: the shape of a trace before it has times."""

    system: str
    name: str
    kind: str = "internal"
    ms: float = 5.0  # of its own, apart from its children's
    after_ms: float = 0.0  # how long it waits after its parent began or, as a consumer, ended
    attributes: Mapping[str, str | int] = field(default_factory=dict)
    error: tuple[str, str] | None = None
    calls: Sequence[Call] = ()


@dataclass(frozen=True, slots=True)
class Outage:
    """A time in which a system does its work and reports nothing of it."""

    begins_at: datetime
    ends_at: datetime

    def covers(self, moment: datetime) -> bool:
        """Whether a report due at `moment` is held back."""
        return self.begins_at <= moment < self.ends_at


class Script:
    """Collects emissions. Every choice comes from `rng`, every time from the caller."""

    def __init__(
        self, rng: Random, pace: Pace, causes: Causes, outage: Callable[[datetime], Outage | None]
    ) -> None:
        self.rng = rng
        self.causes = causes
        self.emissions: list[Emission] = []
        self._pace = pace
        self._outage = outage

    def wait(self, step: str) -> timedelta:
        """How long this step takes this time."""
        return self._pace.draw(step, self.rng)

    def chance(self, share: float) -> bool:
        """True in `share` of all cases."""
        return self.rng.random() < share

    def outage_at(self, system: str, moment: datetime) -> Outage | None:
        """The outage that keeps `system` from reporting at `moment`."""
        return self._outage(moment) if system == SILENT_SYSTEM else None

    def tell(
        self,
        system: str,
        event_type: str,
        at: datetime,
        *,
        identifiers: Mapping[str, Any],
        order: Order | None = None,
        traceparent: str = "",
        subject: str = "",
        sent_at: datetime | None = None,
        **data: Any,
    ) -> None:
        """Have `system` report an event; `order` is given by the systems that pass its correlation id on."""
        content = {**({"identifiers": dict(identifiers)} if identifiers else {}), **data}
        document = build_event(
            system,
            event_type,
            at,
            f"{system}-{self.rng.getrandbits(64):016x}",
            data=content,
            correlation=order.correlation if order else "",
            traceparent=traceparent,
            subject=subject,
        )
        self.emissions.append(EventOut(sent_at or at, document))

    def enqueue(self, queue: str, at: datetime, until: datetime) -> None:
        """A message waits in `queue` from `at` until `until`."""
        self.emissions += (DepthOut(at, queue, 1), DepthOut(until, queue, -1))

    def trace(self, call: Call, at: datetime) -> str:
        """Have the systems trace `call`, begun at `at`; the traceparent of its first span."""
        trace_id = self.rng.getrandbits(127) + 1
        spans: list[SpanPlan] = []
        ended_at = self._lay_out(call, trace_id, 0, at, spans)
        self.emissions.append(TraceOut(ended_at, self._exported(spans)))
        return f"00-{trace_id:032x}-{spans[0].span_id:016x}-01"

    def _lay_out(
        self, call: Call, trace_id: int, parent_id: int, at: datetime, spans: list[SpanPlan]
    ) -> datetime:
        """Give `call` and all it causes their times; when the last of it ended."""
        span_id = self.rng.getrandbits(63) + 1
        place = len(spans)
        own = timedelta(milliseconds=call.ms * self.rng.uniform(0.7, 1.6))
        cursor = at + own / 2
        spans.append(SpanPlan(call.system, trace_id, span_id, parent_id, call.name, call.kind, at, at, {}))
        followers = [child for child in call.calls if child.kind == "consumer"]
        for child in call.calls:
            if child.kind != "consumer":
                cursor = self._lay_out(child, trace_id, span_id, cursor + _ms(child.after_ms), spans)
        ended_at = last_at = cursor + own / 2
        spans[place] = spans[place]._replace(ended_at=ended_at, attributes=call.attributes, error=call.error)
        for child in followers:
            begun_at = ended_at + _ms(child.after_ms * self.rng.uniform(0.5, 2.0))
            last_at = max(last_at, self._lay_out(child, trace_id, span_id, begun_at, spans))
        return last_at

    def _exported(self, spans: list[SpanPlan]) -> tuple[SpanPlan, ...]:
        """The spans that leave their systems: now and then a parent is lost, and its children are orphans."""
        if len(spans) > 2 and self.chance(0.05):
            lost = self.rng.choice([0, 1])
            return tuple(span for place, span in enumerate(spans) if place != lost)
        return tuple(spans)


def _ms(value: float) -> timedelta:
    return timedelta(milliseconds=value)
