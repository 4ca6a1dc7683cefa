"""Who may post to a hook."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from collectors.hooks.schemes import MISSING, OLD, SCHEME_BY_NAME, WRONG, Sent
from collectors.hooks.secrets import DEFAULT, SETTING, HookSecret
from collectors.mapping.telling import Mapping as PayloadMapping
from collectors.refusals import Unauthorized
from controltower.domain.errors import Forbidden

NO_SECRET = "no_secret"
_WORDS = {
    MISSING: "the request carries no signature of its sender",
    WRONG: "the signature is not the one that the configured secret makes of this body",
    OLD: "the signature is too old, or of a time to come: what was signed then is not taken now",
}


class Unsigned(Unauthorized):
    """The sender did not prove who it is; `reason` says how."""

    def __init__(self, reason: str) -> None:
        super().__init__(_WORDS[reason])
        self.reason = reason


class NoSecret(Forbidden):
    """Nobody configured how the sender of this hook proves who it is."""

    reason = NO_SECRET

    def __init__(self, name: str) -> None:
        super().__init__(
            f"the hook {name} has no secret, so nobody can tell who sent this: configure one, as in "
            f'{SETTING}={{"{name}": "..."}}, or send an ingest token (Authorization: Bearer TOKEN)'
        )


@dataclass(frozen=True, slots=True)
class Doorkeeper:
    """Lets a request in when its sender proved who it is."""

    secrets: Mapping[str, HookSecret]
    has_token: Callable[[Mapping[bytes, bytes]], bool]  # whether the request carries a valid ingest token
    is_open: bool = False  # hooks without a secret take anything: for trying things out on one's own machine

    def check(self, mapping: PayloadMapping, raw_headers: Mapping[bytes, bytes], sent: Sent) -> None:
        """Raise Unsigned or NoSecret unless the request may come in."""
        known = self.secrets.get(mapping.name)
        if known is not None:
            verify = known.verify or mapping.verify or DEFAULT
            reasons = [SCHEME_BY_NAME[verify.scheme](verify, secret, sent) for secret in known.secrets]
            if "" not in reasons:
                raise Unsigned(OLD if OLD in reasons else reasons[0])
        elif not self.is_open and not self.has_token(raw_headers):
            raise NoSecret(mapping.name)
