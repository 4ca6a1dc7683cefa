"""Runs: where the extracts come from, what is kept, and who makes a scheduled one."""

import json
from datetime import UTC, datetime, timedelta
from io import BytesIO

import pytest

from controltower.domain.errors import BadPayload, NotFound
from controltower.domain.identifiers import Identifier, key_of
from controltower.services.reconciliation import extracts, running
from controltower.services.reconciliation.declaration import BadDeclaration
from controltower.services.reconciliation.extracts import BadExtract
from controltower.services.reconciliation.given import Given
from controltower.services.reconciliation.running import (
    findings_csv,
    get_known,
    list_known,
    run_declaration,
    run_due_once,
)
from controltower.store.engine import reading, transaction
from controltower.store.reconciliations import add_run, list_findings, list_runs
from tests.builders import an_event
from tests.store.facts import store

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
STOCK = """
name = "stock"
title = "Stock"
link = "order"
{top}
[left]
title = "Shop"
key = ["no"]
values = {{ amount = "amount" }}
{left}
[right]
title = "Bank"
key = ["no"]
values = {{ amount = "amount" }}
[[checks]]
title = "Amount"
left = "amount"
right = "amount"
"""
PLAIN = STOCK.format(top="", left="")


def csv_file(*rows, header="no,amount"):
    return Given(BytesIO("\n".join([header, *rows, ""]).encode()), "given.csv")


def run(db, left, right, text=PLAIN, at=NOW):
    return run_declaration(db, text, "stock", {"left": left, "right": right}, by="ada", clock=lambda: at)


def found(db, run, kind=""):
    with reading(db) as c:
        return list_findings(c, run.id, kind)


def test_a_run_keeps_its_figures_and_findings(db):
    made = run(db, csv_file("1,5", "2,5", ",5"), csv_file("1,6", "3,5", "2,5"))
    figures = made.figures
    assert (made.state, made.started_by, made.finished_at) == ("done", "ada", NOW)
    assert (figures.left_rows, figures.left_keys, figures.without_key) == (3, 2, 1)
    assert (figures.right_rows, figures.right_keys, figures.matched) == (3, 3, 1)
    assert (figures.counts, figures.kept) == ({"missing_left": 1, "different": 1}, 2)
    assert [(one.kind, one.key) for one in found(db, made)] == [
        ("missing_left", ("3",)),
        ("different", ("1",)),
    ]
    assert [one.place for one in found(db, made, "different")] == [1]


def test_a_finding_leads_to_the_journey_of_its_key(db):
    store(db, an_event("order.captured", ("order", "1")))
    made = run(db, csv_file("1,5"), csv_file("1,6"))
    assert found(db, made)[0].journey_key == key_of(Identifier("order", "1"))


def test_no_more_findings_are_kept_than_there_is_room_for_and_all_are_counted(db, monkeypatch):
    monkeypatch.setattr(running, "MOST_FINDINGS", 2)
    made = run(db, csv_file("1,5", "2,5", "3,5"), csv_file())
    assert (made.figures.kept, made.figures.findings) == (2, 3)
    assert len(found(db, made)) == 2


def test_only_the_newest_runs_are_kept(db, monkeypatch):
    monkeypatch.setattr(running, "RUNS_KEPT", 2)
    made = [run(db, csv_file("1,5"), csv_file(), at=NOW + timedelta(hours=n)) for n in range(3)]
    with reading(db) as c:
        assert [row.id for row in list_runs(c, "stock")] == [made[2].id, made[1].id]
    assert found(db, made[0]) == []


def test_runs_page_by_key_newest_first(db):
    made = [run(db, csv_file(), csv_file(), at=NOW + timedelta(hours=n)) for n in range(3)]
    with reading(db) as c:
        first = list_runs(c, limit=2)
        rest = list_runs(c, before=first[-1].cursor, limit=2)
    assert [row.id for row in (*first, *rest)] == [one.id for one in reversed(made)]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"no,total\n1,5\n", "given.csv: there is no column 'amount'; it has no, total"),
        (b"no,amount\n\xff\xfe,5\n", "given.csv: not a CSV file in UTF-8"),
        (b"", "given.csv: not a CSV file in UTF-8"),
        (b'no,amount\n1,"5\n2,5\n', "given.csv: not a CSV file in UTF-8"),
    ],
)
def test_an_extract_that_cannot_be_read_is_named_and_the_run_remembers_it(db, content, complaint):
    with pytest.raises(BadExtract, match=complaint):
        run(db, Given(BytesIO(content), "given.csv"), csv_file())
    with reading(db) as c:
        (failed,) = list_runs(c)
    assert (failed.state, failed.figures.findings) == ("failed", 0)
    assert complaint in failed.problem


def test_a_side_that_nobody_gave_is_missed(db):
    with pytest.raises(BadExtract, match=r"Bank \(right\): an extract must be given"):
        run_declaration(db, PLAIN, "stock", {"left": csv_file()}, by="ada", clock=lambda: NOW)


def test_more_rows_than_fit_are_refused(db, monkeypatch):
    monkeypatch.setattr(extracts, "MAX_ROWS", 1)
    with pytest.raises(BadExtract, match="more than 1 rows"):
        run(db, csv_file("1,5", "2,5"), csv_file())


def test_leading_zeros_and_texts_like_na_are_kept_as_they_are(db):
    made = run(db, csv_file("007,5", "NA,5"), csv_file("7,5", "NA,5"))
    assert [one.key for one in found(db, made)] == [("7",), ("007",)]


def test_a_side_may_be_what_systems_reported(db):
    def captured(order, amount, system="psp"):
        data = {"system": system, "total": {"amount": amount}, "lines": [{"sku": "a"}, {"sku": "b"}]}
        event = an_event("payment.captured", ("order", order), id=order)
        return event._replace(payload=json.dumps({"data": data}).encode())

    store(db, captured("1", "5.00"), captured("2", "7.00"), captured("3", "9.00", "other"))
    text = STOCK.format(top="", left='events = { types = ["payment.captured"], system = "psp" }').replace(
        'key = ["no"]\nvalues = { amount = "amount" }',
        'key = ["identifiers.order"]\nvalues = { amount = "data.total.amount" }',
        1,
    )
    made = run_declaration(db, text, "stock", {"right": csv_file("1,5", "2,8")}, by="ada", clock=lambda: NOW)
    assert [(one.kind, one.key, one.left_value) for one in found(db, made)] == [("different", ("2",), "7.00")]
    each = text.replace('system = "psp" }', 'system = "psp", each = "lines" }').replace(
        'key = ["identifiers.order"]', 'key = ["each.sku"]', 1
    )
    made = run_declaration(db, each, "stock", {"right": csv_file()}, by="ada", clock=lambda: NOW)
    assert (made.figures.left_rows, made.figures.left_keys) == (4, 2)


def test_a_column_that_events_do_not_have_is_refused(db):
    text = STOCK.format(top="", left='events = { types = ["payment.captured"] }')
    with pytest.raises(BadExtract, match="'no': expected id, type, time, identifiers.KIND"):
        run_declaration(db, text, "stock", {"right": csv_file()}, by="ada", clock=lambda: NOW)


# On a schedule


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "left.csv").write_text("no,amount\n1,5\n")
    text = STOCK.format(top='every = "1h"', left=f'file = "{tmp_path}/left*.csv"').replace(
        'title = "Bank"', f'title = "Bank"\nfile = "{tmp_path}/left.csv"'
    )
    (tmp_path / "stock.toml").write_text(text)
    return tmp_path


def scheduled(db, folder, at):
    return run_due_once(db, str(folder), lambda: at)


def test_a_scheduled_reconciliation_runs_once_each_turn(db, folder):
    assert [scheduled(db, folder, NOW) for _ in range(3)] == [True, False, False]
    assert scheduled(db, folder, NOW + timedelta(minutes=59)) is False
    assert scheduled(db, folder, NOW + timedelta(minutes=61)) is True
    with reading(db) as c:
        rows = list_runs(c, "stock")
    assert [(row.state, row.started_by, row.figures.matched) for row in rows] == [("done", "schedule", 1)] * 2


def test_the_newest_file_is_taken(db, folder):
    (folder / "left2.csv").write_text("no,amount\n1,6\n")
    scheduled(db, folder, NOW)
    with reading(db) as c:
        assert list_runs(c)[0].figures.counts == {"different": 1}


def test_a_scheduled_run_without_its_file_fails_and_is_not_made_again_in_its_turn(db, folder):
    (folder / "left.csv").unlink()
    assert [scheduled(db, folder, NOW) for _ in range(2)] == [True, False]
    with reading(db) as c:
        (failed,) = list_runs(c)
    assert (failed.state, failed.problem.startswith("Shop: no file is named")) == ("failed", True)


def test_a_run_whose_maker_died_is_given_up(db, tmp_path):
    with transaction(db) as c:
        add_run(c, b"r" * 16, name="stock", title="Stock", declaration="", by="ada", now=NOW)
    assert scheduled(db, tmp_path, NOW + timedelta(hours=1)) is False
    with reading(db) as c:
        assert list_runs(c)[0].state == "running"
    scheduled(db, tmp_path, NOW + timedelta(hours=7))
    with reading(db) as c:
        assert list_runs(c)[0].state == "failed"


def test_a_run_is_made_by_one_worker_alone(db, folder):
    scheduled(db, folder, NOW)
    with reading(db) as c:
        run_id = list_runs(c)[0].id
    with pytest.raises(BadPayload, match="was made already"):
        run_declaration(db, PLAIN, "stock", {}, by="schedule", clock=lambda: NOW, run_id=run_id)


# What can be run


def test_the_files_of_the_folder_stand_beside_the_built_in_ones_and_win(tmp_path):
    (tmp_path / "refunds.toml").write_text(PLAIN)
    (tmp_path / "broken.toml").write_text("name = 1")
    known = {one.name: one for one in list_known(str(tmp_path))}
    assert known.keys() == {"broken", "inventory-by-node", "refunds", "settlements"}
    assert known["refunds"].declaration is not None and known["refunds"].declaration.title == "Stock"
    assert known["broken"].declaration is None and known["broken"].problem.startswith("broken: ")


def test_a_folder_that_is_not_there_is_refused():
    with pytest.raises(BadDeclaration, match="/nowhere: there is no such folder"):
        list_known("/nowhere")


def test_an_unknown_name_is_not_found():
    with pytest.raises(NotFound, match="no reconciliation 'stock'"):
        get_known("", "stock")


# As CSV


def test_findings_are_written_as_csv_that_no_spreadsheet_runs(db):
    made = run(db, csv_file("=cmd(),5", "2,-5"), csv_file("2,-6"))
    with reading(db) as c:
        lines = list(findings_csv(c, made))
    assert lines == [
        "finding,no,check,Shop,Bank,difference\r\n",
        "missing_right,'=cmd(),,there,,\r\n",
        "different,2,Amount,-5,-6,-1\r\n",
    ]
    with reading(db) as c:
        assert len(list(findings_csv(c, made, "different"))) == 2


def test_a_nul_in_an_extract_is_no_trouble(db):
    made = run(db, csv_file("a\0b,5"), csv_file())
    assert found(db, made)[0].key == ("a\ufffdb",)
