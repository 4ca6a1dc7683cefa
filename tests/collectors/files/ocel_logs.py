"""Small event logs, written in every format that tools write them in."""

import csv
import json
import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from xml.sax.saxutils import quoteattr

from collectors.files.ocel.importing import LogOptions, import_log
from collectors.files.ocel.recognising import find_reader
from tests.fakes import FakeIngest

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


@dataclass
class Log:
    """(id, type, time, {object: qualifier}), {object: type}, (object, object, qualifier)."""

    events: list[tuple[str, str, str, dict[str, str]]] = field(default_factory=list)
    objects: dict[str, str] = field(default_factory=dict)
    relations: list[tuple[str, str, str]] = field(default_factory=list)


def shop_log() -> Log:
    """Two orders of two items, of which one parcel takes one each; a customer who placed both."""
    return Log(
        events=[
            ("e1", "Place Order", "2026-05-01T09:00:00Z", {"o1": "", "i1": "", "i2": "", "c1": ""}),
            ("e2", "Place Order", "2026-05-01T10:00:00Z", {"o2": "", "i3": "", "i4": "", "c1": ""}),
            ("e3", "Pick Item", "2026-05-02T09:00:00Z", {"i2": ""}),
            ("e4", "Send Parcel", "2026-05-03T09:00:00Z", {"p1": "", "i2": "", "i3": ""}),
            ("e5", "Pay Order", "2026-05-04T09:00:00Z", {"o1": ""}),
            ("e6", "Leave Bay", "2026-05-05T09:00:00Z", {"t1": ""}),
        ],
        objects={
            **dict.fromkeys(("o1", "o2"), "order"),
            **dict.fromkeys(("i1", "i2", "i3", "i4"), "item"),
            **{"p1": "parcel", "c1": "customer", "t1": "transport document"},
        },
        relations=[("o2", "t1", "travels by")],
    )


def imported(path, options=None, ingest=None, **more):
    ingest = ingest or FakeIngest()
    reader = find_reader(path)
    assert reader is not None
    report = import_log(path, reader, ingest.submit, NOW, options or LogOptions(source="shop"), **more)
    return ingest, report


def write_json_2(log: Log, path: Path) -> None:
    path.write_text(
        json.dumps(
            {
                "eventTypes": [],
                "objectTypes": [],
                "events": [
                    {"id": i, "type": t, "time": at, "attributes": [], "relationships": _named(objects)}
                    for i, t, at, objects in log.events
                ],
                "objects": [
                    {
                        "id": i,
                        "type": t,
                        "attributes": [],
                        "relationships": _named({b: q for a, b, q in log.relations if a == i}),
                    }
                    for i, t in log.objects.items()
                ],
            }
        )
    )


def write_json_1(log: Log, path: Path) -> None:
    path.write_text(
        json.dumps(
            {
                "ocel:global-log": {"ocel:version": "1.0"},
                "ocel:events": {
                    i: {"ocel:activity": t, "ocel:timestamp": at, "ocel:omap": list(objects), "ocel:vmap": {}}
                    for i, t, at, objects in log.events
                },
                "ocel:objects": {i: {"ocel:type": t, "ocel:ovmap": {}} for i, t in log.objects.items()},
            }
        )
    )


def write_xml_2(log: Log, path: Path) -> None:
    events = "".join(
        f"<event id={_a(i)} type={_a(t)} time={_a(at)}><objects>{_xml_named(objects)}</objects></event>"
        for i, t, at, objects in log.events
    )
    objects = "".join(
        f"<object id={_a(i)} type={_a(t)}>"
        f"<objects>{_xml_named({b: q for a, b, q in log.relations if a == i})}</objects></object>"
        for i, t in log.objects.items()
    )
    path.write_text(f"<log><objects>{objects}</objects><events>{events}</events></log>")


def write_xml_1(log: Log, path: Path) -> None:
    def string(key: str, value: str) -> str:
        return f"<string key={_a(key)} value={_a(value)}/>"

    events = "".join(
        f"<event>{string('id', i)}<date key='timestamp' value={_a(at)}/>{string('activity', t)}"
        f"<list key='omap'>{''.join(string('object-id', o) for o in objects)}</list></event>"
        for i, t, at, objects in log.events
    )
    objects = "".join(
        f"<object>{string('id', i)}{string('type', t)}<list key='ovmap'/></object>"
        for i, t in log.objects.items()
    )
    path.write_text(f"<log><events>{events}</events><objects>{objects}</objects></log>")


def write_sqlite_2(log: Log, path: Path) -> None:
    with closing(sqlite3.connect(path)) as c, c:
        c.executescript(
            "CREATE TABLE event (ocel_id, ocel_type); CREATE TABLE object (ocel_id, ocel_type);"
            "CREATE TABLE event_object (ocel_event_id, ocel_object_id, ocel_qualifier);"
            "CREATE TABLE object_object (ocel_source_id, ocel_target_id, ocel_qualifier);"
            "CREATE TABLE event_map_type (ocel_type, ocel_type_map);"
            "CREATE TABLE object_map_type (ocel_type, ocel_type_map);"
        )
        for number, kind in enumerate(sorted({t for _, t, _, _ in log.events})):
            c.execute("INSERT INTO event_map_type VALUES (?, ?)", (kind, f"T{number}"))
            c.execute(f"CREATE TABLE event_T{number} (ocel_id, ocel_time)")
            rows = [(i, at) for i, t, at, _ in log.events if t == kind]
            c.executemany(f"INSERT INTO event_T{number} VALUES (?, ?)", rows)
        c.executemany("INSERT INTO event VALUES (?, ?)", [(i, t) for i, t, _, _ in log.events])
        c.executemany("INSERT INTO object VALUES (?, ?)", log.objects.items())
        named = [(i, o, q) for i, _, _, objects in log.events for o, q in objects.items()]
        c.executemany("INSERT INTO event_object VALUES (?, ?, ?)", named)
        c.executemany("INSERT INTO object_object VALUES (?, ?, ?)", log.relations)


def write_sqlite_1(log: Log, path: Path) -> None:
    with closing(sqlite3.connect(path)) as c, c:
        c.execute('CREATE TABLE EVENTS ("ocel:eid", "ocel:activity", "ocel:timestamp")')
        c.execute('CREATE TABLE OBJECTS ("ocel:oid", "ocel:type")')
        c.execute('CREATE TABLE RELATIONS ("ocel:eid", "ocel:oid")')
        c.executemany("INSERT INTO EVENTS VALUES (?, ?, ?)", [(i, t, at) for i, t, at, _ in log.events])
        c.executemany("INSERT INTO OBJECTS VALUES (?, ?)", log.objects.items())
        named = [(i, o) for i, _, _, objects in log.events for o in objects]
        c.executemany("INSERT INTO RELATIONS VALUES (?, ?)", named)


def write_csv_2(log: Log, path: Path) -> None:
    types = sorted(set(log.objects.values()))
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["id", "activity", "timestamp", *(f"ot:{t}" for t in types)])
        for i, kind, at, objects in log.events:
            cells = [_csv_named({o: q for o, q in objects.items() if log.objects[o] == t}) for t in types]
            rows.writerow([i, kind, at, *cells])
        for source, target, qualifier in log.relations:
            cells = [_csv_named({target: qualifier} if log.objects[target] == t else {}) for t in types]
            rows.writerow([source, "o2o", "", *cells])


def write_csv_1(log: Log, path: Path) -> None:
    types = sorted(set(log.objects.values()))
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["ocel:eid", "ocel:timestamp", "ocel:activity", *(f"ocel:type:{t}" for t in types)])
        for i, kind, at, objects in log.events:
            cells = [[o for o in objects if log.objects[o] == t] for t in types]
            rows.writerow([i, at, kind, *(str(cell) if cell else "" for cell in cells)])


VERSION_1 = {"json": write_json_1, "xml": write_xml_1, "sqlite": write_sqlite_1, "csv": write_csv_1}
VERSION_2 = {"json": write_json_2, "xml": write_xml_2, "sqlite": write_sqlite_2, "csv": write_csv_2}


def _named(objects: dict[str, str]) -> list[dict[str, str]]:
    return [{"objectId": one, "qualifier": qualifier} for one, qualifier in objects.items()]


def _xml_named(objects: dict[str, str]) -> str:
    return "".join(f"<relationship object-id={_a(o)} qualifier={_a(q)}/>" for o, q in objects.items())


def _csv_named(objects: dict[str, str]) -> str:
    return "/".join(f"{o}#{q}" if q else o for o, q in objects.items())


def _a(text: str) -> str:
    return quoteattr(text)
