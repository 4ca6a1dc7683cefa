"""One AMQP channel on a connection of its own, driven by the thread that uses it.

pika's asynchronous connection is what lets a thousand messages be under way at once; there is no thread
behind it: the connection moves only inside `drive`, and keeps its heartbeat only when that is called now and
then. A link that idled too long is simply opened anew.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

from pika.adapters.select_connection import IOLoop, SelectConnection
from pika.exceptions import AMQPError

from collectors.brokers.protocol import ConnectionLost
from collectors.brokers.secrets import Secret, connection_lost, hide

# It reports every failure that it also raises, with a stack trace.
logging.getLogger("pika").setLevel(logging.CRITICAL)
_GOODBYE_SECONDS = 1.0


class RequestRefused(Exception):
    """The broker's words on why it does not grant a request."""


class Link:
    """A channel, open from `opened` until it is lost or closed."""

    def __init__(self, name: str, parameters: Any, timeout: float, secrets: tuple[Secret, ...]) -> None:
        self.name = name
        self.timeout = timeout
        self._parameters = parameters
        self._secrets = secrets
        self._loop: Any = None
        self._connection: Any = None
        self._channel: Any = None
        self._why: BaseException | str | None = None  # what ended the connection or the channel

    @property
    def channel(self) -> Any:
        """The channel, None before it is opened and after `close`."""
        return self._channel

    @property
    def is_open(self) -> bool:
        """Whether there is a channel that, as far as was heard, works."""
        return self._channel is not None and self._why is None

    def opened(self, prepare: Callable[[Any], None]) -> Any:
        """The channel, after looking whether it is still there; a new one is prepared first.

        Raises ConnectionLost.
        """
        if self.is_open:
            self._turn(0.0)
        if self.is_open:
            return self._channel
        self.close()
        self._connect()
        prepare(self._channel)
        return self._channel

    def drive(self, until: Callable[[], bool], seconds: float) -> bool:
        """Let the connection work until a condition holds; False when it does not in time.

        Raises ConnectionLost.
        """
        deadline = time.monotonic() + seconds
        while not until():
            if self._why is not None:
                raise self.lost(self._why)
            left = deadline - time.monotonic()
            self._turn(max(left, 0.0))
            if left <= 0:
                return until()
        return True

    def ask(self, request: Callable[[Callable[[Any], None]], object]) -> Any:
        """Send a request that is answered: `request` gets what takes the answer. Raises ConnectionLost."""
        answers: list[Any] = []
        self.attempt(lambda: request(answers.append))
        if not self.drive(lambda: bool(answers), self.timeout):
            raise self.lost("no answer in time")
        return answers[0]

    def ask_aside(self, request: Callable[[Any, Callable[[Any], None]], object]) -> Any:
        """As `ask`, on a channel of its own: a refusal ends that one only, and raises RequestRefused."""
        channel = self.ask(lambda answer: self._connection.channel(on_open_callback=answer))
        channel.add_on_close_callback(lambda _, exc: answers.append(exc))
        answers: list[Any] = []
        self.attempt(lambda: request(channel, answers.append))
        if not self.drive(lambda: bool(answers), self.timeout):
            raise self.lost("no answer in time")
        if isinstance(answers[0], BaseException):
            raise RequestRefused(hide(_words(answers[0]), *self._secrets))
        self.attempt(channel.close)
        return answers[0]

    def attempt(self, call: Callable[[], object]) -> None:
        """Do something with the channel; raises ConnectionLost when it is closed."""
        try:
            call()
        except AMQPError as exc:
            raise self.lost(self._why or exc) from None

    def end(self, why: str) -> None:
        """Regard the channel as lost."""
        self._why = why

    def lost(self, why: BaseException | str) -> ConnectionLost:
        """The error to raise; from now on the channel counts as lost."""
        self._why = self._why or why
        said = why if isinstance(why, str) else _words(why)
        return connection_lost(self.name, said, *self._secrets)

    def close(self) -> None:
        """Hang up. Raises nothing."""
        loop, connection = self._loop, self._connection
        self._loop = self._connection = self._channel = None
        if loop is None:
            return
        try:
            if connection is not None and connection.is_open:
                connection.close()
            deadline = time.monotonic() + _GOODBYE_SECONDS
            while connection is not None and not connection.is_closed and time.monotonic() < deadline:
                _poll(loop, 0.1)
            loop.close()
        except (AMQPError, OSError):
            pass  # it is gone, which is what was wanted

    def _connect(self) -> None:
        self._why = None
        self._loop = IOLoop()
        self._loop.activate_poller()
        self._connection = SelectConnection(
            self._parameters,
            on_open_callback=lambda _: None,
            on_open_error_callback=lambda _, exc: self._ended(exc),
            on_close_callback=lambda _, exc: self._ended(exc),
            custom_ioloop=self._loop,
        )
        if not self.drive(lambda: self._connection.is_open, self.timeout):
            raise self.lost("no answer in time")
        self._channel = self.ask(lambda answer: self._connection.channel(on_open_callback=answer))
        self._channel.add_on_close_callback(lambda _, exc: self._ended(exc))

    def _ended(self, why: BaseException) -> None:
        self._why = self._why or why

    def _turn(self, seconds: float) -> None:
        try:
            _poll(self._loop, seconds)
        except (AMQPError, OSError) as exc:
            self._ended(exc)


def _poll(loop: Any, seconds: float) -> None:
    """One round of the loop, of so many seconds at most."""
    alarm = loop.call_later(seconds, lambda: None)
    loop.poll()
    loop.process_timeouts()
    loop.remove_timeout(alarm)


def _words(error: BaseException) -> str:
    """What went wrong, for a person: pika wraps the cause several times."""
    while inner := _inner(error):
        error = inner
    code, text = getattr(error, "reply_code", None), getattr(error, "reply_text", None)
    if code is not None:
        return f"{code} {text}"
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def _inner(error: BaseException) -> BaseException | None:
    nested = [*getattr(error, "exceptions", ()), getattr(error, "exception", None), *error.args]
    return next((one for one in reversed(nested) if isinstance(one, BaseException)), None)
