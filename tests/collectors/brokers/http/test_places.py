"""Where a message goes: never out of the scheme, host and path that the operator declared."""

from __future__ import annotations

import posixpath
import re
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from collectors.brokers.http.places import BadPlace, Route, join, parse_base

BASE = parse_base("https://erp.example.com/in/v2")
_PIECES = st.sampled_from(
    [
        "/", "//", "\\", "..", ".", "%2e", "%2E", "%252e", "%25252e", "%2f", "%5c", "%00", "%0d%0a", ";",
        ";x=1", "?", "#", "@", ":", "http:", "https://", "evil.example.com", "orders", "POST ", "GET ",
        " ", "\t", "\r\n", "\u2025", "a b", "%", "%zz",
    ]
)  # fmt: skip
places = st.lists(_PIECES, max_size=8).map("".join) | st.text(max_size=30)


@pytest.mark.parametrize(
    ("place", "method", "path"),
    [
        ("", "POST", "/in/v2"),
        ("/orders", "POST", "/in/v2/orders"),
        ("orders/1", "POST", "/in/v2/orders/1"),
        ("PUT /orders/1", "PUT", "/in/v2/orders/1"),
        ("DELETE /orders/%231", "DELETE", "/in/v2/orders/%231"),
        ("/orders?dry-run=1", "POST", "/in/v2/orders?dry-run=1"),
        ("/orders/", "POST", "/in/v2/orders/"),
        ("/vhosts/%2F/orders", "POST", "/in/v2/vhosts/%2F/orders"),
        ("/orders:batch", "POST", "/in/v2/orders:batch"),
        ("/a..b/...", "POST", "/in/v2/a..b/..."),
    ],
)
def test_a_place_is_a_path_below_the_url(place, method, path):
    assert join(BASE, place) == Route(method, path)


@pytest.mark.parametrize(
    "place",
    [
        "http://evil.example.com/", "https://evil.example.com", "//evil.example.com/",
        "/\\evil.example.com", "evil:80/x",
        "/..", "/../admin", "/a/../../admin", "/%2e%2e/admin", "/%252e%252e/admin", "/..%2fadmin",
        "/..\\admin",
        "/..%5cadmin", "/..;/admin", "/..;x=1/admin", "/./a", "/a//b", "/a\r\nHost: evil",
        "/a%0d%0aHost:evil", "/a b",
        "/a#b", "/\u00e4", "/%", "/%zz", "GET /a", "TRACE /a", "CONNECT evil.example.com:443", "POST  /a",
        "/" + "a" * 3000,
        "/%25252525252e./",
    ],
)  # fmt: skip
def test_what_could_lead_elsewhere_is_refused(place):
    with pytest.raises(BadPlace):
        join(BASE, place)


@given(place=places)
@example(place="/%2e%2e")
def test_no_place_leaves_the_path_of_the_url(place):
    try:
        method, path = join(BASE, place)
    except BadPlace:
        return
    assert re.fullmatch(r"[A-Z]+", method)
    assert re.fullmatch(r"[!-~]+", path), "it could end the request line"
    assert path.startswith("/in/v2") and not path.startswith("//")
    url = urlsplit(f"https://erp.example.com{path}")
    assert (url.scheme, url.netloc, url.fragment) == ("https", "erp.example.com", "")
    for lenient in _readings(url.path):
        assert f"{posixpath.normpath(lenient)}/".startswith("/in/v2/"), "a lenient server would go elsewhere"


def _readings(path: str):
    """A path as servers read it that decode too often, take backslashes or drop path parameters."""
    for _ in range(4):
        yield path
        yield path.replace("\\", "/")
        yield re.sub(r";[^/]*", "", path.replace("\\", "/"))
        path = unquote(path, errors="replace")


@given(segments=st.lists(st.from_regex(r"[A-Za-z0-9_\-~!$&'()*+,=@]{1,12}", fullmatch=True), max_size=5))
def test_ordinary_paths_arrive_as_they_are(segments):
    path = "".join(f"/{segment}" for segment in segments)
    assert join(BASE, path).path == f"/in/v2{path}"


def test_the_query_of_the_url_goes_with_every_place():
    base = parse_base("https://erp.example.com/in?code=k")
    assert join(base, "/orders?x=1").path == "/in/orders?code=k&x=1"
    assert join(base, "").path == "/in?code=k"


@pytest.mark.parametrize(
    ("url", "path"), [("https://h", "/"), ("https://h/", "/"), ("https://h/in/", "/in/")]
)
def test_without_a_place_the_url_is_asked_as_it_stands(url, path):
    assert join(parse_base(url), "").path == path


@pytest.mark.parametrize(
    "url",
    [
        "", "erp.example.com", "ftp://erp.example.com", "file:///etc/passwd", "https://",
        "https://user:secret@erp",
        "https://erp:x/", "https://erp:99999/", "https://erp/../a", "https://erp/#a", "https://erp\\evil/",
        "https://e rp/",
        "https://erp/\r\n", "https://[::1/", "https://\u00e4.example.com/",
    ],
)  # fmt: skip
def test_a_url_that_is_not_plain_is_refused_and_not_repeated(url):
    with pytest.raises(BadPlace) as refused:
        parse_base(url)
    assert "secret" not in str(refused.value)


def test_an_ipv6_host_and_the_usual_ports():
    assert parse_base("http://[::1]:8080/a")[:3] == ("http", "::1", 8080)
    assert parse_base("https://h").port == 443
    assert parse_base("http://h").port == 80
