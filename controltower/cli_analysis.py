"""The commands that look at what is stored as a whole."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import click
import msgspec

from controltower.services.reconciliation.declaration import load_declaration
from controltower.services.reconciliation.given import Given
from controltower.services.reconciliation.running import findings_csv, kind_words, run_declaration
from controltower.services.reports.figures import (
    count_events,
    count_values,
    count_variants,
    measure_durations,
)
from controltower.services.reports.gathering import Scope
from controltower.services.reports.lateness import DELIVERED, RULES, TIMESTAMP, find_late
from controltower.services.reports.spread import count_amounts, count_spread
from controltower.services.reports.tracing import TraceFigures, count_traces
from controltower.settings import Settings
from controltower.store.engine import reading
from controltower.store.reconciliations import FindingRow, RunRow, list_findings
from controltower.wiring import opened_store, utc_now

_source = click.option("--source", default="", help="Only events of this CloudEvents source.")
_by = click.option(
    "--by", default="", metavar="KIND", help="Group by this kind of identifier, not by journey."
)
_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_PATH = click.Path(exists=True, dir_okay=False, path_type=Path)
FOUND = 3  # exit code when extracts do not agree
_types = click.option("--type", "types", multiple=True, metavar="TYPE", help="Only these event types.")


@click.group()
def report() -> None:
    """Figures over all that a source told."""


@report.command("events")
@_source
@_types
@_json
@click.pass_obj
def report_events(settings: Settings, source: str, types: tuple[str, ...], as_json: bool) -> None:
    """Events by type, identifiers by kind, the first and the last."""
    with opened_store(settings) as db, reading(db) as c:
        found = count_events(c, source, types)
    if as_json:
        _print_json(found)
        return
    click.echo(f"{found.events} events from {found.first_at} to {found.last_at}")
    _print_counts(found.types.items())
    click.echo("identifiers:")
    _print_counts(found.identifiers.items())
    click.echo(f"{found.conflicts} say something else under an id that was told before")


@report.command("values")
@click.argument("path")
@click.option("--shapes", is_flag=True, help="How it is written: 9 for a digit, A and a for letters.")
@_source
@_types
@_json
@click.pass_obj
def report_values(
    settings: Settings, path: str, shapes: bool, source: str, types: tuple[str, ...], as_json: bool
) -> None:
    """How many events say what under PATH, a dotted path into their data."""
    with opened_store(settings) as db, reading(db) as c:
        found = count_values(c, source, types, path, shapes=shapes)
    if as_json:
        _print_json(found)
    else:
        _print_counts((value or "(nothing)", count) for value, count in found.items())


@report.command("amounts")
@click.argument("path", default="amount")
@_source
@_types
@_json
@click.pass_obj
def report_amounts(settings: Settings, path: str, source: str, types: tuple[str, ...], as_json: bool) -> None:
    """What the amounts under PATH of the data are, by currency: how many, of zero, negative, the total."""
    with opened_store(settings) as db, reading(db) as c:
        found = count_amounts(c, source, types, path)
    if as_json:
        _print_json(found)
        return
    for one in found.amounts:
        currency = one.currency or "(no currency)"
        click.echo(f"{one.n} in {currency}: {one.zero} of zero, {one.negative} negative")
        click.echo(f"  total {one.total}, from {one.smallest} to {one.largest}, median {one.median}")
    click.echo(f"{found.missing} events without an amount, {found.unreadable} with one that is no number")


@report.command("identifiers")
@click.argument("kind")
@_source
@_by
@_types
@_json
@click.pass_obj
def report_identifiers(
    settings: Settings, kind: str, source: str, by: str, types: tuple[str, ...], as_json: bool
) -> None:
    """How many journeys name no, one, two ... different identifiers of KIND, such as seller or package."""
    with opened_store(settings) as db, reading(db) as c:
        found = count_spread(c, Scope(source, by), kind, types)
    if as_json:
        _print_json(found)
        return
    click.echo(f"{found.groups} {by or 'journeys'}, by how many of {kind} they name:")
    _print_counts((str(size), groups) for size, groups in found.counts.items())


@report.command("traces")
@click.option("--service", default="", help="Only traces in which this service has a span.")
@click.option("--span", "name", default="", metavar="NAME", help="Only traces with a span of this name.")
@click.option("--top", default=20, show_default=True, help="How many calls and operations to print.")
@_json
@click.pass_obj
def report_traces(settings: Settings, service: str, name: str, top: int, as_json: bool) -> None:
    """Whether traces are whole, which service calls which, and what each operation takes."""
    with opened_store(settings) as db, reading(db) as c:
        found = count_traces(c, service, name)
    if as_json:
        _print_json(found)
    else:
        _print_traces(found, top)


def _print_traces(found: TraceFigures, top: int) -> None:
    click.echo(f"{found.spans} spans in {found.traces} traces, up to {found.most_spans} in one")
    click.echo(
        f"{found.traces_with_errors} traces with an error, {found.traces_without_root} without a root, "
        f"{found.single_span_traces} of a single span"
    )
    click.echo(
        f"{found.roots} spans are roots, {found.orphans} name a parent that is missing, "
        f"{found.starting_before_parent} start before it, {found.ending_after_parent} end after it"
    )
    click.echo("calls between services:")
    _print_counts((f"{one.sender} -> {one.receiver}", one.spans) for one in found.calls[:top])
    click.echo("operations:")
    for one in found.operations[:top]:
        click.echo(
            f"{one.spans:8}  {one.service}: {one.name}, {one.errors} errors, in {one.traces} traces, "
            f"median {one.median_ms:.3f} ms, longest {one.max_ms:.3f} ms"
        )


@report.command("durations")
@click.option("--from", "start", multiple=True, required=True, metavar="TYPE", help="Where it begins.")
@click.option("--to", "end", multiple=True, required=True, metavar="TYPE", help="Where it ends.")
@click.option("--over", default=0.0, metavar="HOURS", help="Also count what took longer.")
@click.option(
    "--wall-clock", default="", metavar="ZONE", help="As clocks there showed it; else elapsed time."
)
@_source
@_by
@_json
@click.pass_obj
def report_durations(
    settings: Settings,
    start: tuple[str, ...],
    end: tuple[str, ...],
    over: float,
    wall_clock: str,
    source: str,
    by: str,
    as_json: bool,
) -> None:
    """How long it took from one event type to another: median, 90th and 99th percentile."""
    wall = _zone(wall_clock) if wall_clock else None
    with opened_store(settings) as db, reading(db) as c:
        found = measure_durations(c, Scope(source, by), start, end, timedelta(hours=over), wall)
    if as_json:
        _print_json(found)
        return
    click.echo(
        f"{found.n} measured, {found.unfinished} without an end, {found.negative} end before they start"
    )
    if found.n:
        click.echo(
            f"median {found.median_h} h, 90 % within {found.p90_h} h, 99 % within {found.p99_h} h, "
            f"longest {found.max_h} h; {found.over} took more than {over:g} h"
        )


@report.command("late")
@click.option("--rule", type=click.Choice(RULES), default=TIMESTAMP, show_default=True)
@click.option("--zone", default="UTC", show_default=True, help="Of calendar days, and of times without one.")
@click.option("--delivered", multiple=True, metavar="TYPE", help="What counts as a delivery.")
@click.option("--as-of", default="", metavar="TIME", help="When what is not delivered is judged; now.")
@click.option(
    "--given-up", multiple=True, metavar="STATUS", help="A reported status of what nobody waits for any more."
)
@_source
@_by
@_json
@click.pass_obj
def report_late(
    settings: Settings,
    rule: str,
    zone: str,
    delivered: tuple[str, ...],
    as_of: str,
    given_up: tuple[str, ...],
    source: str,
    by: str,
    as_json: bool,
) -> None:
    """What was delivered later than promised (`promised` in the data of events)."""
    where = _zone(zone)
    with opened_store(settings) as db, reading(db) as c:
        found = find_late(
            c,
            Scope(source, by),
            delivered=delivered or DELIVERED,
            rule=rule,
            zone=where,
            as_of=_moment(as_of, where),
            given_up=given_up,
        )
    if as_json:
        _print_json(found)
        return
    click.echo(f"{found.late} late, {found.on_time} on time, {found.early} early")
    click.echo(f"{found.without_promise} delivered without a promise")
    passed = sum(found.undelivered.values())
    click.echo(f"{passed} not delivered though promised by now, by reported status:")
    _print_counts((status or "(none)", count) for status, count in found.undelivered.items())


@report.command("variants")
@click.option("--top", default=20, show_default=True, help="How many to print.")
@_source
@_by
@_types
@_json
@click.pass_obj
def report_variants(
    settings: Settings, top: int, source: str, by: str, types: tuple[str, ...], as_json: bool
) -> None:
    """The sequences in which events follow each other, the commonest first."""
    with opened_store(settings) as db, reading(db) as c:
        found = count_variants(c, Scope(source, by), types)
    if as_json:
        _print_json(found)
        return
    click.echo(f"{found.groups} {by or 'journeys'}, {len(found.variants)} variants")
    for one in found.variants[:top]:
        click.echo(f"{one.count:8} {one.share:6.1%}  {' > '.join(one.sequence)}")


@click.command()
@click.argument("file")
@click.option("--left", type=_PATH, help="The left extract, a CSV file.")
@click.option("--right", type=_PATH, help="The right extract, a CSV file.")
@click.option(
    "--csv", "output", type=click.Path(dir_okay=False, path_type=Path), help="Also write findings here."
)
@_json
@click.pass_obj
def reconcile(
    settings: Settings,
    file: str,
    left: Path | None,
    right: Path | None,
    output: Path | None,
    as_json: bool,
) -> None:
    """Compare two extracts as FILE declares, or one of the built-in reconciliations of that name.

    The result is kept: the screen /reconciliations shows it. The exit code is 3 when there are findings.
    """
    _, text = load_declaration(file)
    given = {name: Given(path, path.name) for name, path in (("left", left), ("right", right)) if path}
    with opened_store(settings) as db:
        run = run_declaration(db, text, file, given, by="command", clock=utc_now)
        with reading(db) as c:
            if output is not None:
                with output.open("w", encoding="utf-8", newline="") as lines:
                    lines.writelines(findings_csv(c, run))
            shown = list_findings(c, run.id, limit=20)
    if as_json:
        _print_json({"id": run.id.hex(), "name": run.name, **msgspec.to_builtins(run.figures)})
    else:
        _print_run(run, shown)
    if run.figures.findings:
        sys.exit(FOUND)


def _print_run(run: RunRow, shown: list[FindingRow]) -> None:
    figures = run.figures
    click.echo(f"{run.title}: {figures.left_title} against {figures.right_title}")
    click.echo(f"  {figures.left_rows} rows with {figures.left_keys} keys in {figures.left_title}")
    click.echo(f"  {figures.right_rows} rows with {figures.right_keys} keys in {figures.right_title}")
    click.echo(f"  {figures.matched} keys agree, {figures.not_due} are not due yet")
    if figures.without_key:
        click.echo(f"  {figures.without_key} rows have no key and were left out")
    for kind, words in kind_words(figures).items():
        click.echo(f"  {figures.counts.get(kind, 0)} {words}")
    for one in shown:
        sides = f"{one.left_value or '-'} | {one.right_value or '-'}"
        said = f": {one.check_title} {sides}" if one.check_title else ""
        click.echo(f"    {one.kind} {' / '.join(one.key)}{said} {one.difference}".rstrip())
    if figures.findings > len(shown):
        click.echo(f"    ... {figures.findings - len(shown)} more: --csv writes all of them")
    click.echo(f"Kept as {run.id.hex()}; the screen /reconciliations shows it.")


def _print_json(found: Any) -> None:
    click.echo(msgspec.json.format(msgspec.json.encode(found), indent=1).decode())


def _print_counts(rows: Iterable[tuple[str, int]]) -> None:
    for name, count in rows:
        click.echo(f"{count:8}  {name}")


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as exc:
        raise click.BadParameter(f"no time zone is named {name!r}") from exc


def _moment(text: str, zone: ZoneInfo) -> datetime:
    if not text:
        return utc_now()
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as exc:
        raise click.BadParameter(
            f"expected a time in ISO 8601, found {text!r}", param_hint="--as-of"
        ) from exc
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)
