"""What became of each message of one `send`."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Sequence
from functools import cached_property
from typing import Any

from collectors.brokers.rabbitmq.messages import message_of, properties_of
from collectors.brokers.rabbitmq.places import exchange_and_key
from controltower.domain.messages import UNAVAILABLE, Message, Outgoing, Sent


class Outcomes:
    """Follows messages by the delivery tags that confirmations name."""

    def __init__(self, messages: Sequence[Outgoing]) -> None:
        self.messages = messages
        self.properties = [properties_of(one.message) for one in messages]
        self._sent: list[Sent | None] = [None] * len(messages)
        self._by_tag: dict[int, int] = {}  # of those that wait, oldest first

    @property
    def waiting(self) -> int:
        """How many are published and not confirmed."""
        return len(self._by_tag)

    def has_fewer_than(self, count: int) -> bool:
        """Whether fewer than so many wait."""
        return len(self._by_tag) < count

    def await_tag(self, tag: int, index: int) -> None:
        """The message at `index` was published."""
        self._by_tag[tag] = index

    def conclude(self, index: int, sent: Sent) -> None:
        """The first word on a message holds: one that came back is confirmed afterwards."""
        if self._sent[index] is None:
            self._sent[index] = sent

    def conclude_tag(self, tag: int, sent: Sent, *, multiple: bool) -> None:
        """The broker's word on a message, or on all up to it."""
        tags = [tag]
        if multiple:
            tags = []
            for waiting in self._by_tag:
                if waiting > tag:
                    break
                tags.append(waiting)
        for one in tags:
            index = self._by_tag.pop(one, None)
            if index is not None:
                self.conclude(index, sent)

    def conclude_returned(self, exchange: str, key: str, properties: Any, body: bytes, sent: Sent) -> None:
        """A message came back. The broker does not say which: it is found by all that it is, and of equal
        ones each is as good.
        """
        places = self._places.get((exchange, key, message_of(properties, body)))
        if places:
            self.conclude(places.popleft(), sent)

    def conclude_rest(self, sent: Sent) -> None:
        """There will be no more news."""
        for index in range(len(self._sent)):
            self.conclude(index, sent)

    def all(self) -> list[Sent]:
        """An outcome for each message."""
        return [sent or Sent(UNAVAILABLE) for sent in self._sent]

    @cached_property
    def _places(self) -> dict[tuple[str, str, Message], deque[int]]:
        found: dict[tuple[str, str, Message], deque[int]] = defaultdict(deque)
        for index, one in enumerate(self.messages):
            as_sent = message_of(self.properties[index], one.message.body)
            found[(*exchange_and_key(one.place), as_sent)].append(index)
        return found
