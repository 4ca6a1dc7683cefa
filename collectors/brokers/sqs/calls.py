"""Calls of the SQS API, and what their errors mean."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any, NamedTuple

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from collectors.brokers.protocol import ConnectionLost
from collectors.brokers.secrets import Secret, hide
from controltower.domain.messages import REFUSED, UNAVAILABLE, Sent

LONGEST_WAIT = 20  # seconds that SQS waits for a message at most
_MISSING = frozenset(("AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"))
_LATER = frozenset(
    (
        "Throttling", "ThrottlingException", "RequestThrottled", "RequestThrottledException", "SlowDown",
        "RequestTimeout", "KmsThrottled", "OverLimit", "ServiceUnavailable", "InternalError",
        "InternalFailure",
    )
)  # fmt: skip
Failed = (BotoCoreError, ClientError)


class Access(NamedTuple):
    """Where, and who."""

    region: str
    access_key_id: str
    secret_access_key: Secret
    session_token: Secret
    endpoint_url: str


class Calls:
    """A client of its own. Its words pass through here, so that none holds a credential."""

    def __init__(self, name: str, access: Access, timeout: float) -> None:
        self.name = name
        self._access = access
        self._timeout = timeout
        self._urls: dict[str, str] = {}

    @cached_property
    def client(self) -> Any:
        """boto3's client. Nothing is asked twice by itself: whoever called decides about that."""
        access = self._access
        session = boto3.session.Session(
            aws_access_key_id=access.access_key_id or None,
            aws_secret_access_key=access.secret_access_key.reveal() or None,
            aws_session_token=access.session_token.reveal() or None,
            region_name=access.region,
        )
        config = Config(
            connect_timeout=self._timeout,
            read_timeout=self._timeout + LONGEST_WAIT,
            retries={"total_max_attempts": 1},
        )
        return session.client("sqs", endpoint_url=access.endpoint_url or None, config=config)

    def url_of(self, queue: str) -> str:
        """The address of a queue: ``orders``, or ``123456789012/orders`` of another account."""
        if queue not in self._urls:
            account, _, name = queue.rpartition("/")
            owner = {"QueueOwnerAWSAccountId": account} if account else {}
            self._urls[queue] = self.client.get_queue_url(QueueName=name, **owner)["QueueUrl"]
        return self._urls[queue]

    def forget(self, queue: str) -> None:
        """It may have been made anew."""
        self._urls.pop(queue, None)

    @contextmanager
    def losses(self) -> Iterator[None]:
        """What goes wrong inside is a ConnectionLost."""
        try:
            yield
        except Failed as exc:
            raise ConnectionLost(f"{self.name}: {self.tell(exc)}") from None

    def tell(self, error: Exception) -> str:
        """An error in words."""
        return hide(str(error), self._access.secret_access_key, self._access.session_token)

    def outcome(self, error: Exception) -> Sent:
        """What an error of a call says of the messages in it."""
        return Sent(REFUSED if _is_for_good(error) else UNAVAILABLE, self.tell(error))

    def close(self) -> None:
        """Hang up."""
        if "client" in self.__dict__:
            self.client.close()
            del self.client


def is_missing(error: Exception) -> bool:
    """Whether it says that there is no such queue."""
    return isinstance(error, ClientError) and _code(error) in _MISSING


def _is_for_good(error: Exception) -> bool:
    if not isinstance(error, ClientError):
        return False
    status: int = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500)
    return is_missing(error) or (400 <= status < 500 and _code(error) not in _LATER)


def _code(error: ClientError) -> str:
    code: str = error.response.get("Error", {}).get("Code", "")
    return code
