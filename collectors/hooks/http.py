"""POST /hooks/<mapping>."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from collectors.hooks.figures import QUARANTINED, TAKEN, HookFigures
from collectors.hooks.holding import EDGE, batch_of, held_whole
from collectors.hooks.schemes import Sent
from collectors.hooks.senders import Doorkeeper, NoSecret, Unsigned
from collectors.http import Limits, Request, Response, Route, json_response
from collectors.intake import FactBatch, Intake, commit
from collectors.mapping.payloads import MAX_PAYLOAD, Mapped, map_payload
from collectors.mapping.telling import Mapping as PayloadMapping
from controltower.domain.errors import BadPayload, Overloaded, StoreUnavailable

PATH = "/hooks/"
_log = logging.getLogger(__name__)


def hook_routes(
    mappings: Mapping[str, PayloadMapping],
    doorkeeper: Doorkeeper,
    figures: HookFigures,
    intake: Intake,
    now_us: Callable[[], int],
    limits: Limits,
) -> dict[tuple[str, str], Route]:
    """A route for each mapping. Its sender is checked by the hook itself, not by the listener."""
    routes = {}
    for name, mapping in mappings.items():
        if mapping.format == "span":
            continue  # spans come by OTLP
        edge = HookEdge(mapping, doorkeeper, figures, intake, now_us, limits)
        routes["POST", PATH + name] = Route(edge.post, checks_sender=True)
        routes["OPTIONS", PATH + name] = Route(edge.introduce, checks_sender=True)
    return routes


@dataclass(frozen=True, slots=True)
class HookEdge:
    """Takes the payloads of one vendor."""

    mapping: PayloadMapping
    doorkeeper: Doorkeeper
    figures: HookFigures
    intake: Intake
    now_us: Callable[[], int]  # microseconds since the epoch
    limits: Limits

    async def post(self, request: Request) -> Response:
        """Store what the payload becomes, once its sender is known.

        200 when all of it was taken; 202 when some of it is kept in quarantine: the sender cannot mend it by
        sending it again. Raises Unsigned (401) and NoSecret (403), having stored nothing but the count.
        """
        body = await request.body(MAX_PAYLOAD)
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in request.headers.items()}
        received_us = self.now_us()
        self._check(request, Sent(headers, body, received_us // 1_000_000))
        try:
            mapped = await self._map(body, headers, received_us)
        except BadPayload as exc:
            batch, mapped = held_whole(self.mapping, exc, body, headers, self.limits.kept), Mapped()
        else:
            batch = batch_of(self.mapping, mapped, body, headers, self.limits.kept)
        receipt = await commit(self.intake, batch)
        quarantined = len(batch.quarantined)
        unmapped = mapped.unmapped.total()
        self.figures.count(self.mapping.name, QUARANTINED if quarantined else TAKEN, unmapped)
        return json_response(
            202 if quarantined else 200,
            {
                "stored": receipt.events_stored,
                "duplicate": receipt.events_duplicate,
                "unmapped": unmapped,
                "quarantined": quarantined,
                "items": [{"reason": item.reason, "message": item.message} for item in batch.quarantined],
            },
        )

    async def introduce(self, request: Request) -> Response:
        """The handshake of CloudEvents webhooks: any origin may send, for each request is checked."""
        origin = request.headers.get(b"webhook-request-origin", b"*")
        return Response(200, b"", ((b"webhook-allowed-origin", origin), (b"allow", b"POST, OPTIONS")))

    async def _map(self, body: bytes, headers: Mapping[str, str], received_us: int) -> Mapped:
        if len(body) <= self.limits.in_thread:
            return map_payload(self.mapping, body, headers, received_us=received_us)
        return await asyncio.to_thread(map_payload, self.mapping, body, headers, received_us=received_us)

    def _check(self, request: Request, sent: Sent) -> None:
        try:
            self.doorkeeper.check(self.mapping, request.headers, sent)
        except (Unsigned, NoSecret) as exc:
            self.figures.count(self.mapping.name, exc.reason)
            self._remember(exc.reason)
            raise

    def _remember(self, reason: str) -> None:
        """Count a refusal where alerts and screens see it. The sender, whoever it is, is not kept waiting."""
        try:
            self.intake.submit(FactBatch(dropped={(EDGE, reason, self.mapping.name): 1}))
        except (Overloaded, StoreUnavailable) as exc:
            _log.warning("a refused request to %s was counted in metrics only: %s", self.mapping.name, exc)
