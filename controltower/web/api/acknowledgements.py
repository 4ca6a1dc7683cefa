"""The word of a receiver that a replay did its work."""

from __future__ import annotations

import msgspec
from flask import Blueprint, Response, request

from controltower.domain.errors import NotFound
from controltower.services.dead_letters.acknowledging import acknowledge
from controltower.web.api import answers
from controltower.web.api.described import describes
from controltower.web.auth import Unauthorized, principal
from controltower.web.cursors import read_key
from controltower.web.deps import deps, now
from controltower.web.roles import requires

bp = Blueprint("api_acknowledgements", __name__, url_prefix="/api/v1/dead-letters")


class Acknowledgement(msgspec.Struct):
    """The letter whose replay was acknowledged."""

    id: str
    state: str
    why: str


@bp.post("/<letter_id>/acknowledge")
@requires("support", or_poster=True)
@describes(Acknowledgement, body="More about it, as text; may be empty.")
def acknowledge_replay(letter_id: str) -> Response:
    """Resolve a dead letter whose replay was sent: its receiver says that it did its work."""
    caller, key = principal(), read_key(letter_id)
    if caller is None:
        raise Unauthorized("Sign in, or send a token.")
    if key is None:
        raise NotFound(f"There is no dead letter {letter_id[:64]!r}.")
    words = request.get_data(cache=False, as_text=True)
    letter = acknowledge(deps().db, key, words, by=caller.name, now=now())
    return answers.reply(Acknowledgement(letter.id.hex(), letter.state, letter.settled_why))
