"""From messages to facts: CloudEvents, payloads that a mapping reads, and OTLP."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as StillWaiting
from functools import partial

from collectors.brokers.cloudevents import events_batch
from collectors.hooks.holding import batch_of, held_whole
from collectors.http import Limits
from collectors.intake import FactBatch, Intake, Receipt
from collectors.mapping.payloads import map_payload
from collectors.mapping.telling import Mapping as PayloadMapping
from collectors.media import media_type
from collectors.otlp.export import JSON, LOGS, METRICS, PROTOBUF, TRACES, Exporter, Signal
from controltower.domain.errors import BadPayload, StoreUnavailable
from controltower.domain.facts import Quarantined, QueueSample
from controltower.domain.messages import Message, Received

Reader = Callable[[Message, int], FactBatch]
"""The facts of a message, received at a time; what cannot be understood is in the batch's quarantine."""

OTLP = {"otlp": TRACES, "otlp_logs": LOGS, "otlp_metrics": METRICS}
RECEIPT_SECONDS = 60.0
UNSTORABLE = "brokers"  # the edge of messages that cannot be stored as what they say


def event_reader(limits: Limits, *, is_encoded: bool) -> Reader:
    """Reads CloudEvents."""
    return lambda message, received_us: events_batch(
        message, received_us=received_us, limits=limits, is_encoded=is_encoded
    )


def mapping_reader(mapping: PayloadMapping, limits: Limits) -> Reader:
    """Reads what a mapping tells."""
    return partial(_mapped, mapping, limits.kept)


def _mapped(mapping: PayloadMapping, kept: int, message: Message, received_us: int) -> FactBatch:
    headers = {name.casefold(): value for name, value in reversed(message.headers)}
    headers["content-type"] = message.content_type
    try:
        mapped = map_payload(mapping, message.body, headers, received_us=received_us)
    except BadPayload as exc:
        return held_whole(mapping, exc, message.body, headers, kept)
    return batch_of(mapping, mapped, message.body, headers, kept)


def otlp_reader(exporter: Exporter, signal: Signal) -> Reader:
    """Reads the requests that an OpenTelemetry Collector's exporter writes, in protobuf or JSON."""

    def read(message: Message, _received_us: int) -> FactBatch:
        is_json = media_type(message.content_type).name == JSON or message.body[:1] == b"{"
        return exporter.decoded_or_held(signal, message.body, JSON if is_json else PROTOBUF)

    return read


class FactTaker:
    """Commits the facts of messages; returns when all of them are on disk."""

    def __init__(self, read: Reader, intake: Intake, now_us: Callable[[], int], limits: Limits) -> None:
        self._read = read
        self._intake = intake
        self._now_us = now_us
        self._limits = limits

    def __call__(self, received: Sequence[Received]) -> None:
        """Raises StoreUnavailable or Overloaded; some may be kept then, and repeating it is harmless."""
        now_us = self._now_us()
        # Group commit makes one transaction of them, and none has to pay for what is wrong with another.
        waiting = [(one, self._intake.submit(self._read(one.message, now_us))) for one in received]
        refused = [(one, exc) for one, future in waiting if (exc := _refusal(future))]
        for future in [self._intake.submit(self._held(one, exc)) for one, exc in refused]:
            _receipt(future)

    def _held(self, one: Received, error: BadPayload) -> FactBatch:
        kept = one.message.body[: self._limits.kept]
        item = Quarantined(UNSTORABLE, error.reason, str(error), one.message.content_type, kept)
        return FactBatch(quarantined=[item], size=len(kept))


def keep_samples(intake: Intake, samples: Sequence[QueueSample]) -> None:
    """Commit readings; returns when they are on disk. Raises StoreUnavailable or Overloaded."""
    _receipt(intake.submit(FactBatch(samples=samples, size=100 * len(samples))))


def _refusal(future: Future[Receipt]) -> BadPayload | None:
    """Why the store does not take a batch, None after its commit; raises what may pass with time."""
    try:
        _receipt(future)
    except BadPayload as exc:
        return exc
    return None


def _receipt(future: Future[Receipt]) -> Receipt:
    try:
        return future.result(RECEIPT_SECONDS)
    except StillWaiting:
        raise StoreUnavailable(f"the store has not answered for {RECEIPT_SECONDS:.0f} s") from None
