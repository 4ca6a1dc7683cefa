"""Reading how full queues are. SQS says it approximately."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from collectors.brokers.sqs.calls import Calls, Failed, is_missing
from controltower.domain.facts import QueueSample

_READY = "ApproximateNumberOfMessages"
_TAKEN = "ApproximateNumberOfMessagesNotVisible"
_DELAYED = "ApproximateNumberOfMessagesDelayed"
_OLDEST = "ApproximateAgeOfOldestMessage"  # some endpoints tell; Amazon's own tells it to CloudWatch only


class SqsGauge:
    """Reads queues."""

    def __init__(self, calls: Calls, queues: Sequence[str]) -> None:
        self._calls = calls
        self._queues = queues

    def read(self, now_us: int) -> list[QueueSample]:
        """ready, unacknowledged, depth (with what is delayed) and, where it is told, oldest_age_seconds."""
        with self._calls.losses():
            return [
                QueueSample(self._calls.name, queue, "", now_us, measure, value)
                for queue in self._queues
                for measure, value in self._of(queue)
            ]

    def close(self) -> None:
        """Hang up."""
        self._calls.close()

    def _of(self, queue: str) -> Iterator[tuple[str, float]]:
        try:
            url = self._calls.url_of(queue)
            answer = self._calls.client.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
        except Failed as exc:
            if not is_missing(exc):
                raise
            self._calls.forget(queue)
            return
        told = {
            name: float(value)
            for name, value in answer["Attributes"].items()
            if name.startswith("Approximate")
        }
        yield "ready", told.get(_READY, 0.0)
        yield "unacknowledged", told.get(_TAKEN, 0.0)
        yield "depth", sum(told.get(name, 0.0) for name in (_READY, _TAKEN, _DELAYED))
        if _OLDEST in told:
            yield "oldest_age_seconds", told[_OLDEST]
