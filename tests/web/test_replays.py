"""Replays on screen: planned, shown, agreed to, started, followed, steered."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from controltower.domain.messages import UNAVAILABLE, Sent
from controltower.domain.replay_policies import Policy
from controltower.services.replay.policies import PolicyRunner
from controltower.web import replays
from tests.services.replay.rig import MemoryTargets, a_letter, died_again
from tests.web.replaying import Estate, digest_of
from tests.web.tower import Tower, post, text_of

HX = {"HX-Request": "true"}


@pytest.fixture
def estate(make_tower: Callable[..., Tower]) -> Iterator[Estate]:
    targets = MemoryTargets("bus", "erp")
    policies = [Policy("hiccups", timedelta(days=1), 50, type=("order.*",))]
    tower = make_tower(targets=targets, policies=policies)
    made = Estate(tower.db, targets, tower=tower)
    tower.clock.at = made.now
    yield made
    made.close()


@pytest.fixture
def client(estate: Estate) -> Callable[[str], FlaskClient]:
    assert estate.tower is not None
    return estate.tower.client


def plan(client: FlaskClient, *letters: str, **form: str) -> str:
    """Plan a replay as the form does; the address of its page."""
    query = "&".join(f"letter={one}" for one in letters)
    shown = client.get(f"/replays/new?{query}")
    token = re.search(r'name="csrf_token" value="([^"]+)"', text_of(shown))
    assert token, text_of(shown)
    data: dict[str, Any] = {"csrf_token": token[1], "letter": list(letters), **form}
    made = client.post("/replays", data=data)
    assert made.status_code == 303, text_of(made)
    return made.location


def start(client: FlaskClient, where: str, **form: str) -> Any:
    return post(client, f"{where}/start", form_at=where, digest=digest_of(text_of(client.get(where))), **form)


# One click


def test_one_click_shows_what_would_be_sent_where_and_sends_nothing(estate: Estate, client):
    letter = estate.stuck()

    shown = post(client("support"), f"/replays/letters/{letter}", form_at="/account", back="/journeys/x")

    page = text_of(client("support").get(shown.location))
    assert "erp.post" in page and "through bus" in page and "Send it now" in page
    assert "Safe" in page and "Posted to ERP has not been seen" in page
    assert 'name="back" value="/journeys/x"' in page
    assert estate.targets.sent == []


def test_htmx_gets_the_confirmation_for_its_dialog(estate: Estate, client):
    letter = estate.stuck()
    browser = client("support")
    token = re.search(r'value="([^"]+)"', text_of(browser.get("/account")).partition('name="csrf_token"')[2])
    assert token
    shown = browser.post(
        f"/replays/letters/{letter}", data={"csrf_token": token[1], "back": "/journeys"}, headers=HX
    )
    page = text_of(shown)
    assert "<html" not in page and 'id="replay-dialog-title"' in page and "Send it now" in page


def test_the_confirmation_starts_it_and_leads_back(estate: Estate, client):
    letter, browser = estate.stuck(), client("support")
    shown = post(browser, f"/replays/letters/{letter}", form_at="/account", back="/journeys").location
    where, _, query = shown.partition("?")
    assert query == "back=/journeys"

    started = start(browser, where, back="/journeys")
    estate.work()

    assert (started.status_code, started.location) == (303, "/journeys")
    assert [sent.place for sent in estate.targets.sent] == ["erp.post"]


def test_it_leads_back_to_no_other_site(estate: Estate, client):
    where = plan(client("support"), estate.stuck())
    assert start(client("support"), where, back="https://evil.example/").location == where


def test_the_page_follows_it_until_it_is_confirmed(estate: Estate, client):
    browser = client("support")
    where = plan(browser, estate.stuck())
    start(browser, where)
    estate.work()
    sent = text_of(browser.get(where))
    assert "sent, not confirmed yet" in sent and "hx-trigger" in sent
    [poll] = re.findall(r'id="replay"\s+hx-get="([^"]+)"', sent)
    assert browser.get(poll.replace("&amp;", "&"), headers=HX).status_code == 204

    estate.pass_time(seconds=5)
    estate.tell("order.posted", ("order", "1001"), system="erp")
    estate.work()

    news = browser.get(poll.replace("&amp;", "&"), headers=HX)
    assert news.status_code == 200 and "1 confirmed" in text_of(news)
    assert "hx-trigger" not in text_of(news), "nothing can change any more"


def test_of_two_tabs_that_start_it_one_does(estate: Estate, client):
    browser = client("support")
    where = plan(browser, estate.stuck())
    digest = digest_of(text_of(browser.get(where)))

    answers = [post(browser, f"{where}/start", form_at="/account", digest=digest) for _ in range(2)]
    estate.work()

    assert [answer.status_code for answer in answers] == [303, 409]
    assert "cannot be started" in text_of(answers[1])
    assert len(estate.targets.sent) == 1


def test_a_letter_that_is_under_way_is_not_planned_again(estate: Estate, client):
    letter, browser = estate.stuck(), client("support")
    start(browser, plan(browser, letter))
    estate.work()
    again = post(browser, f"/replays/letters/{letter}", form_at="/account")
    assert again.status_code == 409 and "it cannot be sent now" in text_of(again)


# Roles, reasons, second persons


def test_a_viewer_looks_and_is_told_why_no_more(estate: Estate, client):
    where = plan(client("support"), estate.stuck())
    page = text_of(client("viewer").get(where))
    assert re.search(r"disabled[^>]*>Send it now", page)
    assert "This needs the role support; yours is viewer" in page
    for action in ("start", "pause", "resume", "cancel", "dismiss", "approve"):
        assert post(client("viewer"), f"{where}/{action}", form_at="/account").status_code == 403


def test_support_cannot_force_what_is_not_safe(estate: Estate, client):
    where = plan(client("support"), estate.cancelled())
    page = text_of(client("support").get(where))
    assert "Wrong state" in page and "This needs the role operator; yours is support" in page

    refused = start(client("support"), where, reason="please")

    assert refused.status_code == 403
    estate.work()
    assert estate.targets.sent == []


def test_an_operator_can_with_a_reason(estate: Estate, client):
    browser = client("operator")
    where = plan(browser, estate.cancelled())

    assert start(browser, where, reason=" ").status_code == 422
    assert start(browser, where, reason="The customer called: it was a mistake").status_code == 303
    estate.work()

    assert len(estate.targets.sent) == 1
    assert "The customer called" in text_of(browser.get("/audit"))


def test_another_digest_than_the_one_that_was_shown_starts_nothing(estate: Estate, client):
    where = plan(client("support"), estate.stuck())
    other = post(client("support"), f"{where}/start", form_at="/account", digest="0" * 32)
    assert other.status_code == 409 and "not what was shown" in text_of(other)
    assert post(client("support"), f"{where}/start", form_at="/account", digest="x").status_code == 422


def test_what_moves_money_waits_for_a_second_person(estate: Estate, client):
    estate.stuck()
    letter = estate.take(a_letter(type="payment.settled")).ids[0].hex()
    where = plan(client("operator"), letter)

    page = text_of(client("operator").get(where))
    assert "it moves money (payment.settled)" in page
    assert re.search(r"disabled[^>]*>Agree to it", page) and "somebody else has to agree" in page
    assert start(client("operator"), where, reason="x").status_code == 409

    post(client("admin"), f"{where}/approve", form_at=where)
    assert "admin agreed" in text_of(client("operator").get(where))
    assert start(client("operator"), where, reason="x").status_code == 303


def test_an_expired_plan_says_so_and_is_planned_again(estate: Estate, client):
    letter = estate.stuck()
    where = plan(client("support"), letter)
    estate.pass_time(hours=2)
    page = text_of(client("support").get(where))
    assert "This plan has expired" in page and f"/replays/new?letter={letter}" in page
    assert "Send it now" not in page


# The form


def test_the_form_says_where_they_came_from_and_where_a_redirect_leads(estate: Estate, client):
    letter = estate.stuck()
    redirect = {"connection": "bus", "place": "erp.post", "to_connection": "erp", "to_place": "orders.v2"}
    post(client("operator"), "/redirects", form_at="/redirects", **redirect)

    page = text_of(client("support").get(f"/replays/new?letter={letter}"))

    assert "redirected to" in page and "orders.v2" in page
    where = plan(client("support"), letter)
    assert "unchanged, to another place" in text_of(client("support").get(where))


def test_letters_of_unknown_origin_ask_for_a_place(estate: Estate, client):
    letter = estate.stuck(origin_connection="", origin_place="")
    page = text_of(client("support").get(f"/replays/new?letter={letter}"))
    assert "does not say where it came from" in page
    assert re.search(r'value="chosen" checked', page)

    nowhere = plan(client("support"), letter)
    assert "Nothing in it can be sent" in text_of(client("support").get(nowhere))
    where = plan(client("support"), letter, target="chosen", connection="erp", place="orders")
    assert "Send it now" in text_of(client("support").get(where))


@pytest.mark.parametrize(
    ("form", "wrong"),
    [
        ({"target": "chosen"}, "choose the connection"),
        ({"target": "chosen", "connection": "moon", "place": "x"}, "no connection &#39;moon&#39;"),
        ({"target": "chosen", "connection": "erp"}, "a place there is needed"),
        ({"rate": "fast"}, "rate: expected messages a second"),
        ({"confirm": "soon"}, "confirm: expected a duration"),
        ({"reason": "x" * 501}, "reason: expected at most"),
    ],
)
def test_what_is_wrong_with_the_form_stands_above_it(estate: Estate, client, form, wrong):
    letter = estate.stuck()
    answer = post(
        client("support"), "/replays", form_at=f"/replays/new?letter={letter}", letter=letter, **form
    )
    assert answer.status_code == 422 and wrong in text_of(answer)


def test_a_filter_chooses_what_it_means_and_is_remembered(estate: Estate, client):
    for number in range(3):
        estate.stuck(str(2000 + number))
    estate.stuck("3000", type="order.released")
    page = text_of(client("support").get("/replays/new?type=order.posted"))
    assert "3 dead letters" in page
    made = post(
        client("support"),
        "/replays",
        form_at="/replays/new?type=order.posted",
        selection="type=order.posted",
        ramp="yes",
    )
    shown = text_of(client("support").get(made.location))
    assert "Replay of 3 messages" in shown and "/dead-letters/letters?type=order.posted" in shown


def test_what_is_under_way_already_is_left_out(estate: Estate, client):
    browser, first, second = client("support"), estate.stuck(), estate.stuck("1002")
    start(browser, plan(browser, first))
    estate.work()
    page = text_of(browser.get(f"/replays/new?letter={first}&letter={second}"))
    assert "left out: it is waiting" in page and "1 dead letter<" in page
    assert f'name="letter" value="{second}"' in page and f'name="letter" value="{first}"' not in page


@pytest.mark.parametrize("query", ["", "letter=x", "state=odd", "journey=1", "since=yesterday"])
def test_a_choice_that_is_none_is_refused(client, query):
    assert client("support").get(f"/replays/new?{query}").status_code == 400


# Under way


def test_a_ramp_shows_its_steps_in_numbers_that_add_up_and_why_it_halted(estate: Estate, client):
    letters = [estate.stuck(str(2000 + number)) for number in range(10)]
    where = plan(client("operator"), *letters, ramp="yes")
    start(client("operator"), where)
    estate.work()
    page = text_of(client("viewer").get(where))
    assert "Step 1" in page and "Step 3" in page and "when the step before is confirmed" in page
    assert "Pause" in page

    estate.pass_time(seconds=5)
    [sent] = estate.targets.sent
    row = estate.letter(bytes.fromhex(sent.message.header("x-replay-of")))
    estate.take(died_again(sent, estate.now, order=row.title))
    estate.work()

    page = text_of(client("support").get(where))
    assert "It halted by itself" in page and "1 died again" in page
    assert re.search(r"disabled[^>]*>Resume", page), "an operator decides"
    tallies = [int(number) for number in re.findall(r"</span>(\d+) [a-z][^<]*</li>", page)]
    assert sum(tallies) == 10
    assert post(client("support"), f"{where}/resume", form_at=where).status_code == 403
    assert post(client("operator"), f"{where}/resume", form_at=where).status_code == 303


def test_it_is_paused_resumed_and_cancelled(estate: Estate, client):
    browser = client("support")
    where = plan(browser, *(estate.stuck(str(2000 + number)) for number in range(3)), ramp="yes")
    start(browser, where)
    estate.work()

    assert "Paused" in text_of(browser.get(post(browser, f"{where}/pause", form_at=where).location))
    assert post(browser, f"{where}/pause", form_at=where).status_code == 409
    assert "It goes on" in text_of(browser.get(post(browser, f"{where}/resume", form_at=where).location))
    post(browser, f"{where}/cancel", form_at=where, reason="enough")
    page = text_of(browser.get(where))
    assert "2 not sent: cancelled" in page and "Cancel this replay" not in page


def test_a_target_that_is_down_is_named_with_the_next_try(estate: Estate, client):
    estate.targets.answer = lambda message: Sent(UNAVAILABLE, "connection refused")
    where = plan(client("support"), estate.stuck())
    start(client("support"), where)
    estate.work()
    page = text_of(client("viewer").get(where))
    assert "bus does not answer" in page and "Trying again at" in page and "connection refused" in page


def test_what_drifted_says_why_it_was_not_sent(estate: Estate, client):
    where = plan(client("support"), estate.stuck())
    start(client("support"), where)
    estate.tell("order.cancelled", ("order", "1001"))
    estate.work()
    page = text_of(client("viewer").get(f"{where}?state=refused"))
    assert "the verdict is no longer safe" in page


def test_items_are_paged_by_key_and_filtered(estate: Estate, client, monkeypatch):
    monkeypatch.setattr(replays, "PAGE_ITEMS", 2)
    letters = [estate.stuck(str(2000 + number)) for number in range(4)] + [estate.cancelled("2004")]
    url, seen = plan(client("support"), *letters), []
    first = url
    while url:
        page = text_of(client("viewer").get(url))
        seen += re.findall(r">(200\d)</a>", page)
        url = page.partition('rel="next" href="')[2].partition('"')[0].replace("&amp;", "&")
    assert sorted(seen) == [str(2000 + number) for number in range(5)]
    wrong = text_of(client("viewer").get(f"{first}?verdict=wrong_state"))
    assert re.findall(r">(200\d)</a>", wrong) == ["2004"]
    assert "None of them" in text_of(client("viewer").get(f"{first}?state=sent"))


@pytest.mark.parametrize("query", ["state=odd", "verdict=odd", "after=x"])
def test_an_address_that_we_did_not_write_is_refused(estate: Estate, client, query):
    where = plan(client("support"), estate.stuck())
    assert client("viewer").get(f"{where}?{query}").status_code == 400


@pytest.mark.parametrize("plan_id", ["0" * 32, "nonsense"])
def test_a_replay_that_is_not_there_is_not_found(client, plan_id):
    assert client("viewer").get(f"/replays/{plan_id}").status_code == 404


# The list and the notices


def test_an_empty_list_teaches(client):
    assert "Nothing was sent again yet" in text_of(client("viewer").get("/replays"))


def test_a_notice_stays_on_every_page_until_somebody_dismisses_it(estate: Estate, client):
    browser = client("support")
    where = plan(browser, estate.stuck())
    start(browser, where)
    estate.work()
    assert "Replays to look at" not in text_of(browser.get("/journeys"))
    estate.pass_time(seconds=5)
    estate.tell("order.posted", ("order", "1001"), system="erp")
    estate.work()

    assert "Replay of 1001</a> by support" in text_of(client("viewer").get("/journeys"))
    assert "To look at" in text_of(client("viewer").get("/replays"))
    answer = post(browser, f"{where}/dismiss", form_at="/account", back="/journeys")
    assert answer.location == "/journeys"
    assert "Replays to look at" not in text_of(client("viewer").get("/journeys"))
    assert "Seen by support" in text_of(browser.get(where))


def test_the_list_is_filtered_by_state_and_paged(estate: Estate, client, monkeypatch):
    monkeypatch.setattr(replays, "PAGE_ROWS", 1)
    letter = estate.stuck()
    for _ in range(2):
        plan(client("support"), letter)
    page = text_of(client("viewer").get("/replays?state=drafted"))
    assert page.count(">1001</a>") == 1
    next_page = page.partition('rel="next" href="')[2].partition('"')[0].replace("&amp;", "&")
    assert text_of(client("viewer").get(next_page)).count(">1001</a>") == 1
    assert "No replay is in this state" in text_of(client("viewer").get("/replays?state=halted"))
    assert client("viewer").get("/replays?state=odd").status_code == 400
    assert client("viewer").get("/replays?before=odd").status_code == 400


def test_policies_are_shown_with_what_each_did(estate: Estate, client):
    estate.stuck()
    estate.pass_time(minutes=5)
    assert "It has not looked yet" in text_of(client("viewer").get("/replays/policies"))
    policies = [Policy("hiccups", timedelta(days=1), 50, type=("order.*",))]
    PolicyRunner(estate.db, estate.processes, estate.planner, policies, "one").apply_once(estate.now)
    page = text_of(client("viewer").get("/replays/policies"))
    assert "It started a replay of 1." in page and "order.*" in page and ">1001</a>" in page


def test_without_policies_the_page_teaches(tower: Tower):
    assert "No policy is declared" in text_of(tower.client("viewer").get("/replays/policies"))


# The journey page and the search


def journey_of(client: FlaskClient, text: str) -> str:
    location: str = client.get(f"/search?q={text}").location
    return location


def test_a_journey_shows_its_letters_with_verdict_and_one_click(estate: Estate, client):
    letter = estate.stuck()
    where = journey_of(client("viewer"), "1001")
    page = text_of(client("support").get(where))
    assert "Dead letters" in page and "No mapping for SKU TBL-1" in page
    assert f'action="/replays/letters/{letter}"' in page and "Safe" in page
    assert re.search(r'disabled title="This needs the role support', text_of(client("viewer").get(where)))


def test_a_letter_that_is_not_safe_is_planned_and_not_clicked(estate: Estate, client):
    letter = estate.cancelled()
    page = text_of(client("support").get(journey_of(client("support"), "1001")))
    assert "Wrong state" in page and f"/replays/new?letter={letter}" in page
    assert f"/replays/letters/{letter}" not in page


def test_the_journey_follows_the_replay_until_it_is_confirmed(estate: Estate, client):
    browser = client("support")
    letter = estate.stuck()
    where = journey_of(browser, "1001")
    start(browser, post(browser, f"/replays/letters/{letter}", form_at="/account").location)
    estate.work()
    page = text_of(browser.get(where))
    assert "Waiting for confirmation" in page and 'hx-trigger="every 3s"' in page
    [poll] = re.findall(r'id="journey" hx-get="([^"]+)"', page)
    estate.pass_time(seconds=5)
    estate.tell("order.posted", ("order", "1001"), system="erp")
    assert "Resolved" in text_of(browser.get(poll, headers=HX))


def test_a_search_for_a_letter_or_its_message_finds_it_ready_to_replay(estate: Estate, client):
    letter = estate.stuck(message_id="msg-77")
    assert client("support").get("/search?q=msg-77").location == f"/dead-letters/{letter}"
    page = text_of(client("support").get(f"/search?q={letter}"))
    assert "Dead letters" in page and f'action="/replays/letters/{letter}"' in page


def test_what_each_role_may_do_is_told(estate: Estate, client):
    page = text_of(client("support").get("/account"))
    assert "Your permissions" in page and "Support (you)" in page
    assert "Start a replay that is less than safe, with a reason" in page
