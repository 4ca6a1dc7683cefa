"""The watched folder: a file is taken once it is complete, and never lost."""

import os

import pytest

from collectors.edi.folder import FolderWatch
from collectors.mapping.catalogue import load_built_in
from controltower.domain.errors import BadSetting, Overloaded, StoreUnavailable
from tests.collectors.edi.writing import an_x12
from tests.collectors.estate import NOW_US
from tests.fakes import FakeIngest

MAPPINGS = {name: load_built_in(name) for name in ("x12", "edifact")}
ORDER = an_x12("850", "BEG*00*SA*PO-1**20260301")


class Estate:
    """A folder, a clock that goes as it is told, and what was stored."""

    def __init__(self, folder):
        self.folder = folder
        self.ingest = FakeIngest()
        self.now_us = NOW_US
        self.watch = self.another_watch()
        self.watch.prepare()

    def another_watch(self, **options):
        """As a second tower, or as the same one after a restart."""
        return FolderWatch(self.folder, MAPPINGS, self.ingest, lambda: self.now_us, **options)

    def put(self, name, data=ORDER):
        """A file as another program writes it."""
        (self.folder / name).write_bytes(data)

    def look(self, watch=None, after=3.0):
        """One turn of the step, some seconds after the one before."""
        self.now_us += int(after * 1_000_000)
        return (watch or self.watch).take_once()

    def settle(self, watch=None):
        """Two turns: what is there now is complete."""
        self.look(watch)
        return self.look(watch)

    def files(self):
        """Every file in the folder and below it."""
        return sorted(str(path.relative_to(self.folder)) for path in self.folder.rglob("*") if path.is_file())


@pytest.fixture
def estate(tmp_path):
    return Estate(tmp_path / "edi")


def test_a_complete_file_is_stored_and_moved(estate):
    estate.put("order.edi")

    assert estate.look() is False
    assert estate.look() is True

    assert [event.type for event in estate.ingest.events] == ["order.captured"]
    assert estate.files() == ["done/order.edi"]
    assert (estate.folder / "done" / "order.edi").read_bytes() == ORDER


def test_a_file_is_taken_once(estate):
    estate.put("order.edi")

    for _ in range(5):
        estate.look()

    assert len(estate.ingest.batches) == 1


def test_a_file_that_still_grows_is_left_alone(estate):
    for end in (20, 60, 100, len(ORDER)):
        estate.put("order.edi", ORDER[:end])
        assert estate.look() is False
    assert estate.ingest.batches == []

    assert estate.look() is True
    assert len(estate.ingest.events) == 1


def test_two_looks_in_quick_succession_are_not_enough(estate):
    estate.put("order.edi")
    estate.look()

    assert estate.look(after=0.5) is False


@pytest.mark.parametrize("name", [".order.edi", "order.edi.tmp", "order.edi.part", "ORDER.EDI.FILEPART"])
def test_names_of_unfinished_files_are_left_alone(estate, name):
    estate.put(name)

    estate.settle()

    assert estate.ingest.batches == []
    assert estate.files() == [name]


def test_folders_and_links_are_left_alone(estate, tmp_path):
    (tmp_path / "elsewhere.edi").write_bytes(ORDER)
    (estate.folder / "link.edi").symlink_to(tmp_path / "elsewhere.edi")
    (estate.folder / "sub.edi").mkdir()

    estate.settle()

    assert estate.ingest.batches == []


def test_a_file_that_cannot_be_read_is_kept_with_the_reason(estate):
    estate.put("letter.txt", b"Dear partner")

    estate.settle()

    assert estate.files() == ["refused/letter.txt", "refused/letter.txt.reasons.txt"]
    reasons = (estate.folder / "refused" / "letter.txt.reasons.txt").read_text()
    assert reasons.startswith("no_envelope: letter.txt: expected an interchange")
    (held,) = estate.ingest.quarantined
    assert held.headers == '{"file":"letter.txt"}'


def test_a_file_of_which_a_part_cannot_be_read_is_done_and_says_what_was_held(estate):
    estate.put("mixed.edi", ORDER + b"and a footer")

    estate.settle()

    assert estate.files() == ["done/mixed.edi", "done/mixed.edi.reasons.txt"]
    assert len(estate.ingest.events) == 1
    assert len(estate.ingest.quarantined) == 1


def test_a_file_past_the_limit_is_refused_without_being_stored(estate):
    estate.put("huge.edi", ORDER)

    estate.settle(estate.another_watch(max_bytes=50))

    assert estate.files() == ["refused/huge.edi", "refused/huge.edi.reasons.txt"]
    assert estate.ingest.batches == []


def test_while_the_store_is_down_files_stay_where_they_are(estate):
    estate.put("order.edi")
    estate.ingest.is_unavailable = True
    estate.look()

    with pytest.raises(StoreUnavailable):
        estate.look()
    assert estate.files() == ["order.edi"]

    estate.ingest.is_unavailable = False
    assert estate.look() is True
    assert estate.files() == ["done/order.edi"]


def test_while_the_tower_is_busy_files_stay_where_they_are(estate):
    estate.put("order.edi")
    estate.ingest.overloads = 1
    estate.look()

    with pytest.raises(Overloaded):
        estate.look()
    assert estate.files() == ["order.edi"]


def test_a_crash_between_storing_and_moving_repeats_harmlessly(estate, monkeypatch):
    estate.put("order.edi")
    monkeypatch.setattr(FolderWatch, "_move", crash)
    with pytest.raises(KeyboardInterrupt):
        estate.settle()
    monkeypatch.undo()
    assert estate.files() == ["order.edi"]

    estate.settle(estate.another_watch())

    assert estate.files() == ["done/order.edi"]
    first, second = estate.ingest.batches
    assert [event.digest for event in first.events] == [event.digest for event in second.events]


def crash(*_arguments):
    """The process ends here."""
    raise KeyboardInterrupt


def test_two_towers_may_watch_one_folder(estate, monkeypatch):
    other = estate.another_watch()
    estate.put("order.edi")
    estate.look()
    estate.look(other)

    estate.look()
    estate.look(other)

    assert estate.files() == ["done/order.edi"]


def test_a_file_that_another_tower_moved_meanwhile_is_no_trouble(estate, monkeypatch):
    estate.put("order.edi")
    estate.look()
    submit = estate.ingest.submit

    def submit_slowly(batch):
        (estate.folder / "order.edi").rename(estate.folder / "done" / "order.edi")
        return submit(batch)

    monkeypatch.setattr(estate.ingest, "submit", submit_slowly)
    estate.look()

    assert estate.files() == ["done/order.edi"]


def test_a_file_that_is_written_anew_while_it_is_stored_is_taken_again(estate, monkeypatch):
    estate.put("order.edi")
    estate.look()
    submit = estate.ingest.submit

    def submit_slowly(batch):
        estate.put("order.edi", an_x12("850", "BEG*00*SA*PO-2**20260301"))
        return submit(batch)

    monkeypatch.setattr(estate.ingest, "submit", submit_slowly)
    estate.look()
    assert estate.files() == ["order.edi"]

    monkeypatch.undo()
    estate.settle()

    assert estate.files() == ["done/order.edi"]
    assert len(estate.ingest.events) == 2


def test_files_of_one_name_are_all_kept(estate):
    for number in range(3):
        estate.put("order.edi", an_x12("850", f"BEG*00*SA*PO-{number}**20260301"))
        estate.settle()

    kept = [name for name in estate.files() if name.startswith("done/order") and name.endswith(".edi")]
    assert len(kept) == 3
    assert len(estate.ingest.events) == 3


def test_the_oldest_file_is_taken_first(estate):
    for name, age in (("b.edi", 30), ("a.edi", 10), ("c.edi", 20)):
        estate.put(name, an_x12("850", f"BEG*00*SA*{name}**20260301"))
        os.utime(estate.folder / name, (1_700_000_000 - age, 1_700_000_000 - age))

    estate.settle()

    orders = [event.identifiers[-1].value for event in estate.ingest.events]
    assert orders == ["b.edi", "c.edi", "a.edi"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_a_file_that_may_not_be_read_costs_the_others_nothing(estate, caplog):
    estate.put("locked.edi")
    (estate.folder / "locked.edi").chmod(0)
    estate.put("order.edi")

    for _ in range(4):
        estate.look()

    assert estate.files() == ["done/order.edi", "locked.edi"]
    assert len([r for r in caplog.records if "locked.edi" in r.message]) == 1


def test_a_file_that_cannot_be_moved_costs_the_others_nothing(estate, caplog, monkeypatch):
    estate.put("stuck.edi")
    estate.put("order.edi", an_x12("850", "BEG*00*SA*PO-2**20260301"))
    rename = type(estate.folder).rename

    def rename_but_one(path, target):
        if path.name == "stuck.edi":
            raise PermissionError(13, "Permission denied")
        return rename(path, target)

    monkeypatch.setattr(type(estate.folder), "rename", rename_but_one)
    for _ in range(4):
        estate.look()

    assert estate.files() == ["done/order.edi", "stuck.edi"]
    assert len(estate.ingest.batches) == 2  # it is not stored again and again
    assert len([record for record in caplog.records if "stuck.edi" in record.message]) == 1


def test_a_name_that_is_no_utf_8_is_no_trouble(estate):
    path = os.path.join(os.fsencode(estate.folder), b"bestellung-\xfc.txt")
    with open(path, "wb") as file:
        file.write(b"Dear partner")

    estate.settle()

    assert [held.message.partition(":")[0] for held in estate.ingest.quarantined] == ["bestellung-\ufffd.txt"]
    assert os.listdir(estate.folder / "refused") != []


def test_a_folder_that_cannot_be_made_stops_the_start(tmp_path):
    (tmp_path / "file").write_text("")

    with pytest.raises(BadSetting, match="CONTROLTOWER_EDI_FOLDER"):
        Estate(tmp_path / "file" / "edi")
