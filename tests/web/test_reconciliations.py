"""Reconciliations on the screen and in the API: start one, look at what it found, take it away."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest

from controltower.services.tokens import create_token
from controltower.web import reconciliations
from tests.builders import an_event
from tests.web.tower import Tower, csrf_of, json_of, text_of

LEFT = b"order,currency,ordered,captured,invoiced\n1,EUR,100,100,100\n2,EUR,50,50,50\n"
RIGHT = b"order,currency,settled,fees,refunds\n1,EUR,97,2,0\n3,EUR,5,0,0\n"
START = "/reconciliations/start/settlements"


def start(tower: Tower, left: bytes = LEFT, right: bytes = RIGHT, role: str = "operator"):
    client = tower.client(role)
    data = {
        "csrf_token": csrf_of(text_of(client.get(START))),
        "left": (BytesIO(left), "orders.csv"),
        "right": (BytesIO(right), "payouts.csv"),
    }
    return client.post(START, data=data, content_type="multipart/form-data")


def run_of(tower: Tower) -> str:
    """The address of a run with five findings: 3 missing left, 2 missing right, 1 different three times."""
    return str(start(tower).location)


def test_the_list_offers_what_is_built_in_and_says_that_nothing_ran(tower: Tower):
    page = text_of(tower.client("support").get("/reconciliations"))

    assert all(name in page for name in ("Inventory by node", "Settlements", "Refunds"))
    assert "Nothing was compared yet" in page
    assert START not in page  # support may look, and not start
    assert START in text_of(tower.client("operator").get("/reconciliations"))


def test_a_run_shows_its_findings_and_leads_to_journeys(tower: Tower):
    tower.store(an_event("order.captured", ("order", "1")))
    url = run_of(tower)

    page = text_of(tower.client("support").get(url))

    assert "All 5" in page and "Different 3" in page and "Missing in Settlements 1" in page
    assert page.count('href="/journeys/') == 3  # of the order that the tower knows
    assert 'href="/search?q=2"' in page
    assert url in text_of(tower.client("support").get("/reconciliations"))


def test_findings_are_narrowed_to_a_kind_and_paged(tower: Tower, monkeypatch):
    monkeypatch.setattr(reconciliations, "FINDINGS_PAGE", 2)
    client, url = tower.client("support"), run_of(tower) + "?kind=different"
    seen = []
    while url:
        page = text_of(client.get(url))
        seen += [check for check in ("Ordered", "Captured", "Invoiced") if f">{check}<" in page]
        assert "Missing" not in page.partition("<tbody>")[2]
        url = page.partition('rel="next" href="')[2].partition('"')[0].replace("&amp;", "&")

    assert sorted(seen) == ["Captured", "Invoiced", "Ordered"]


def test_findings_are_taken_away_as_csv(tower: Tower):
    response = tower.client("support").get(run_of(tower) + "/findings.csv?kind=missing_left")

    assert response.mimetype == "text/csv"
    assert "attachment" in response.headers["Content-Disposition"]
    assert text_of(response).splitlines() == [
        "finding,order,currency,check,Orders,Settlements,difference",
        "missing_left,3,EUR,,,there,",
    ]


def test_what_is_wrong_with_an_extract_is_said_at_the_form_and_noted(tower: Tower):
    response = start(tower, left=b"order,total\n1,5\n")

    assert response.status_code == 422
    assert "orders.csv: there is no column &#39;currency&#39;" in text_of(response)
    page = text_of(tower.client("support").get("/reconciliations"))
    assert "badge--failed" in page and "orders.csv" in page


def test_an_extract_is_shown_and_never_run(tower: Tower):
    start(tower, left=b"order,currency,ordered,captured,invoiced\n<script>x,EUR,1,1,1\n")
    client = tower.client("support")
    url = text_of(client.get("/reconciliations")).partition('id="run-')[2].partition('"')[0]

    page = text_of(client.get(f"/reconciliations/{url}"))

    assert "&lt;script&gt;x" in page and "<script>x" not in page


def test_a_file_of_the_folder_that_has_a_mistake_is_listed_with_it(make_tower, tmp_path: Path):
    (tmp_path / "stock.toml").write_text("name = 1")
    tower = make_tower(reconciliations=str(tmp_path))

    page = text_of(tower.client("operator").get("/reconciliations"))

    assert "stock: Expected `str`, got `int`" in page
    form = text_of(tower.client("operator").get("/reconciliations/start/stock"))
    assert "It cannot be compared" in form and "<form" not in form.partition('id="start"')[2]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/reconciliations/" + "0" * 32, 404),
        ("/reconciliations/nonsense", 404),
        ("/reconciliations/start/nonsense", 404),
        ("/reconciliations?before=nonsense", 400),
        ("{run}?kind=odd", 400),
        ("{run}?after=-3", 400),
    ],
)
def test_an_address_that_we_did_not_write_is_refused(tower: Tower, path: str, status: int):
    url = path.replace("{run}", run_of(tower))
    assert tower.client("operator").get(url).status_code == status


@pytest.mark.parametrize(
    ("url", "root"), [("/reconciliations", "reconciliations"), (START, "start"), ("{run}", "run")]
)
def test_a_fragment_renders_alone_and_is_part_of_its_page(tower: Tower, url: str, root: str):
    client, url = tower.client("operator"), url.replace("{run}", run_of(tower))

    fragment = text_of(client.get(url, headers={"HX-Request": "true"}))

    assert fragment.strip().partition(">")[0].partition('id="')[2].startswith(f'{root}"')
    assert "<html" not in fragment and f'id="{root}"' in text_of(client.get(url))


def api(tower: Tower, url: str, role: str = "support"):
    response = tower.client(role).get(f"/api/v1/reconciliations{url}")
    assert response.status_code == 200, text_of(response)
    return json_of(response)


def test_the_api_tells_what_can_be_compared(tower: Tower):
    known = {one["name"]: one for one in api(tower, "")["reconciliations"]}
    assert known["refunds"]["needs_files"] == ["left", "right"]
    assert known["inventory-by-node"]["problem"] == ""


def test_the_api_starts_a_run_and_pages_its_findings(tower: Tower):
    tower.store(an_event("order.captured", ("order", "1")))
    secret = create_token(tower.db, "robot", "operator", tower.clock())
    response = tower.client().post(
        "/api/v1/reconciliations/settlements/runs",
        data={"left": (BytesIO(LEFT), "orders.csv"), "right": (BytesIO(RIGHT), "payouts.csv")},
        headers={"Authorization": f"Bearer {secret}"},
    )
    assert response.status_code == 201, text_of(response)
    run = json_of(response)
    assert (run["state"], run["matched"], run["started_by"]) == ("done", 0, "robot")
    assert run["counts"] == {"missing_left": 1, "missing_right": 1, "different": 3}

    seen: list[dict[str, object]] = []
    after: str | int | None = ""
    while after is not None:
        page = api(tower, f"/runs/{run['id']}/findings?limit=2&after={after}")
        seen += page["findings"]
        after = page["next"]
    assert [one["key"] for one in seen] == [["3", "EUR"], ["2", "EUR"], *[["1", "EUR"]] * 3]
    assert [bool(one["journey_id"]) for one in seen] == [False, False, True, True, True]
    assert api(tower, f"/runs/{run['id']}") == run
    assert api(tower, "/runs?name=settlements")["runs"] == [run]
    assert api(tower, "/runs?name=refunds")["runs"] == []


def test_the_api_refuses_extracts_that_cannot_be_compared(tower: Tower):
    secret = create_token(tower.db, "robot", "operator", tower.clock())
    response = tower.client().post(
        "/api/v1/reconciliations/settlements/runs",
        data={"left": (BytesIO(b"x\n"), "orders.csv")},
        headers={"Authorization": f"Bearer {secret}"},
    )
    assert response.status_code == 400
    assert "orders.csv: there is no column" in text_of(response)
