"""The ASGI edge: routing, admission, bounded bodies, and what each error becomes."""

import asyncio
import gzip
import tracemalloc

import pytest
import zstandard

from collectors.http import IngestApp, Limits, Request, Response, Route
from collectors.refusals import Unauthorized, refusal_of
from controltower.domain.errors import (
    BadPayload,
    ControlTowerError,
    Forbidden,
    Overloaded,
    PayloadTooLarge,
    StoreUnavailable,
    UnsupportedMedia,
)
from tests.collectors.asgi import find_reply, post, request
from tests.collectors.estate import open_to_all

SMALL = Limits(body=1000)


async def echo(request):
    return Response(200, await request.body())


def an_echo_app(limits=SMALL, authorize=open_to_all, **options):
    return IngestApp({("POST", "/echo"): Route(echo)}, authorize=authorize, limits=limits, **options)


def an_app_that_raises(error):
    async def fail(_request):
        raise error

    return IngestApp({("POST", "/fail"): Route(fail)}, authorize=open_to_all, limits=SMALL)


@pytest.mark.parametrize(
    ("error", "status", "retry_after"),
    [
        (BadPayload("no"), 400, None),
        (Unauthorized("no"), 401, None),
        (Forbidden("no"), 403, None),
        (PayloadTooLarge("no"), 413, None),
        (UnsupportedMedia("no"), 415, None),
        (Overloaded("no", retry_after=7), 429, "7"),
        (StoreUnavailable("no"), 503, "5"),
    ],
)
def test_every_error_of_the_domain_has_its_status(error, status, retry_after):
    reply = post(an_app_that_raises(error), "/fail", b"", "")

    assert reply.status == status
    assert reply.json == {"reason": error.reason, "message": "no"}
    assert reply.headers.get("retry-after") == retry_after


def test_an_error_that_no_sender_can_cause_is_not_answered_as_if_one_had():
    with pytest.raises(ControlTowerError):
        refusal_of(ControlTowerError("a defect"))


def test_a_401_says_how_to_sign_in():
    def refuse(_headers):
        raise Unauthorized("a token is needed")

    reply = post(an_echo_app(authorize=refuse), "/echo", b"x", "")

    assert (reply.status, reply.headers["www-authenticate"]) == (401, 'Bearer realm="controltower"')


def test_a_path_that_is_not_served_is_a_404_and_another_method_a_405():
    app = an_echo_app()

    wrong_method = request(app, "GET", "/echo")

    assert request(app, "POST", "/other").status == 404
    assert (wrong_method.status, wrong_method.headers["allow"]) == (405, "POST")


def test_other_paths_go_to_the_fallback():
    async def fallback(_scope, _receive, send):
        await send({"type": "http.response.start", "status": 299, "headers": []})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    app = an_echo_app(fallback=fallback)

    assert request(app, "GET", "/screens").status == 299
    assert request(app, "GET", "/echo").status == 405
    assert request(app, "POST", "/echo", b"x").status == 200


def test_a_body_in_chunks_arrives_whole():
    assert post(an_echo_app(), "/echo", [b"one ", b"", b"two"], "").body == b"one two"


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", "GZIP", "zstd", "identity", ""])
def test_compressed_bodies_are_inflated(encoding):
    plain = b"hello" * 100
    packed = {"gzip": gzip.compress(plain), "x-gzip": gzip.compress(plain), "zstd": zstandard.compress(plain)}
    body = packed.get(encoding.lower(), plain)
    pieces = [body[i : i + 3] for i in range(0, len(body), 3)]

    assert post(an_echo_app(), "/echo", pieces, "", content_encoding=encoding).body == plain


@pytest.mark.parametrize(("encoding", "pack"), [("gzip", gzip.compress), ("zstd", zstandard.compress)])
def test_several_members_inflate_as_one_body(encoding, pack):
    assert post(an_echo_app(), "/echo", pack(b"a") + pack(b"b"), "", content_encoding=encoding).body == b"ab"


@pytest.mark.parametrize(("encoding", "pack"), [("gzip", gzip.compress), ("zstd", zstandard.compress)])
def test_broken_compression_is_bad_input(encoding, pack):
    whole = pack(bytes(range(256)))
    app = an_echo_app()

    assert post(app, "/echo", whole[:-9], "", content_encoding=encoding).status == 400
    assert post(app, "/echo", b"plain text", "", content_encoding=encoding).status == 400


@pytest.mark.parametrize("encoding", ["br", "deflate", "gzip, gzip"])
def test_an_unknown_encoding_is_answered_with_the_known_ones(encoding):
    reply = post(an_echo_app(), "/echo", b"x", "", content_encoding=encoding)

    assert (reply.status, reply.headers["accept-encoding"]) == (415, "gzip, zstd, identity")


def test_a_body_past_the_limit_is_refused():
    app = an_echo_app()

    assert post(app, "/echo", b"x" * 1000, "").status == 200
    assert post(app, "/echo", b"x" * 1001, "").status == 413
    assert post(app, "/echo", [b"x" * 600, b"x" * 600], "").status == 413


def test_a_declared_length_past_the_limit_is_refused_before_a_byte_is_read():
    read = []

    def chunks():
        read.append(1)
        yield b"x"

    assert post(an_echo_app(), "/echo", chunks(), "", content_length="1001").status == 413
    assert not read


@pytest.mark.parametrize(("encoding", "pack"), [("gzip", gzip.compress), ("zstd", zstandard.compress)])
def test_a_bomb_is_refused_without_being_inflated(encoding, pack):
    bomb = pack(bytes(200_000_000))
    app = an_echo_app(Limits(body=1_000_000))
    tracemalloc.start()

    reply = post(app, "/echo", bomb, "", content_encoding=encoding)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert reply.status == 413
    assert peak < 40_000_000


def test_a_client_that_leaves_early_gets_no_answer():
    assert find_reply(an_echo_app(), "POST", "/echo", [b"half"], {}, disconnects=True) is None


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"origin": "http://127.0.0.1:8080"}, 200),
        ({"origin": "http://127.0.0.1:9999"}, 403),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://evil.example:8080", "host": "evil.example:8080"}, 403),
        ({"origin": "http://[::1]:8080", "host": "[::1]:8080"}, 200),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"sec-fetch-site": "same-origin"}, 200),
        ({"sec-fetch-site": "none"}, 200),
    ],
)
def test_web_pages_of_other_origins_may_not_post(headers, status):
    app = an_echo_app(browser_hosts=frozenset((b"127.0.0.1", b"localhost", b"::1")))

    assert request(app, "POST", "/echo", b"x", headers).status == status


def test_the_app_answers_a_server_that_announces_itself():
    told = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
    sent = []

    async def receive():
        return told.pop(0)

    async def send(message):
        sent.append(message["type"])

    asyncio.run(an_echo_app()({"type": "lifespan"}, receive, send))

    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


def test_chunks_have_no_limit_on_their_sum():
    async def count(request: Request) -> Response:
        size = 0
        async for chunk in request.chunks():
            size += len(chunk)
        return Response(200, b"%d" % size)

    app = IngestApp({("POST", "/count"): Route(count)}, authorize=open_to_all, limits=SMALL)

    assert post(app, "/count", (b"x" * 900 for _ in range(5)), "").body == b"4500"


def test_a_body_of_the_declared_length_is_complete():
    def chunks():
        yield b"12345"
        raise AssertionError("the server was asked for more")

    assert post(an_echo_app(), "/echo", chunks(), "", content_length="5").body == b"12345"
