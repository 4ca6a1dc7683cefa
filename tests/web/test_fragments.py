"""Each page of this part as its fragment: alone, with a root of its own that can replace itself."""

from __future__ import annotations

import re

import pytest

from controltower.services.accounts import create_setup_link, invite
from tests.web.tower import Tower, text_of

_ROOT = re.compile(r'\s*<(section|div) (?:class="[^"]*" )?id="([a-z-]+)"')


@pytest.fixture
def addresses(tower: Tower) -> dict[str, str]:
    """Where each fragment is served."""
    _, secret = invite(tower.db, "vera", "viewer", tower.clock())
    return {
        "setup": f"/setup/{secret}",
        "password-form": "/account",
        "users": "/users",
        "quarantine-items": "/quarantine",
        "quarantine-item": f"/quarantine/{tower.hold(b'{}')}",
        "sources": "/sources",
        "queues": "/queues",
        "error": "/nothing",
    }


@pytest.mark.parametrize(
    "root",
    [
        *("setup", "password-form", "users", "quarantine-items", "quarantine-item", "sources", "queues"),
        "error",
    ],
)
def test_a_fragment_renders_alone_and_is_part_of_its_page(tower: Tower, addresses: dict[str, str], root: str):
    client = tower.client("admin")

    fragment = text_of(client.get(addresses[root], headers={"HX-Request": "true"}))
    page = text_of(client.get(addresses[root]))

    found = _ROOT.match(fragment)
    assert found is not None and found[2] == root
    assert f'id="{root}"' in page and "<html" in page and "<html" not in fragment


@pytest.mark.parametrize("header", ["HX-Boosted", "HX-History-Restore-Request"])
def test_boosted_and_restored_pages_are_whole(tower: Tower, header: str):
    response = tower.client("viewer").get("/quarantine", headers={"HX-Request": "true", header: "true"})

    assert "<html" in text_of(response)
    assert "HX-Request" in response.headers["Vary"]


def test_the_first_start_page_is_a_fragment_too(make_tower):
    tower = make_tower(people=False)
    url = f"/setup/{create_setup_link(tower.db, tower.clock())}"

    assert 'id="setup"' in text_of(tower.client().get(url, headers={"HX-Request": "true"}))
    assert 'id="sign-in"' in text_of(tower.client().get("/sign-in", headers={"HX-Request": "true"}))
