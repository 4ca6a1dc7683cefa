"""The `controltower` command."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import click

from collectors.files.csv_import import ImportReport, import_csv
from collectors.files.ocel.command import read_options, run_import
from collectors.files.ocel.importing import LogOptions
from collectors.files.ocel.recognising import find_reader
from collectors.files.progress import Progress
from collectors.mapping.catalogue import find_mapping
from collectors.mapping.csv_mapping import load_csv_mapping
from collectors.mapping.telling import scheme_of
from collectors.mapping.tryout import told_lines, try_out
from controltower import __version__
from controltower.checkup import examine, report
from controltower.cli_analysis import reconcile
from controltower.cli_analysis import report as report_commands
from controltower.declared import (
    declared_processes,
    decode_sample,
    load_mappings,
    mappings_folder,
    process_files,
)
from controltower.domain.errors import ControlTowerError
from controltower.domain.process_files import parse_process
from controltower.services.accounts import invite
from controltower.services.failure_rules import BUILT_IN, RuleShelf
from controltower.services.rebuild import Rebuilt
from controltower.services.rebuild import rebuild as refold_all
from controltower.services.tokens import create_token
from controltower.settings import Settings, load_settings
from controltower.simulated import QUEUE, open_inbox
from controltower.store.engine import open_database
from controltower.store.schema import upgrade
from controltower.wiring import (
    Demo,
    Roles,
    declared_connections,
    now_us,
    opened_store,
    opened_tower,
    run,
    utc_now,
)

_ROLE_NAMES = ("viewer", "support", "operator", "admin")
_TOKEN_ROLES = ("ingest", *_ROLE_NAMES)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command; an error that a person can act on is one sentence and exit code 1."""
    try:
        commands.main(args=arguments, prog_name="controltower", standalone_mode=False)
    except click.ClickException as exc:
        exc.show()
        sys.exit(exc.exit_code)
    except click.Abort:
        sys.exit(130)
    except ControlTowerError as exc:
        click.echo(f"controltower: {exc}", err=True)
        sys.exit(1)


@click.group()
@click.version_option(__version__)
@click.pass_context
def commands(context: click.Context) -> None:
    """The operations control tower. Settings are environment variables: see docs/reference/settings.md."""
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s", level=logging.WARNING)
    context.obj = load_settings()


@commands.command()
@click.option("--demo", is_flag=True, help="Start a simulated retail estate beside the tower.")
@click.option("--demo-seed", default=7, show_default=True, help="The same seed plays the same orders.")
@click.option("--demo-rate", default=12.0, show_default=True, help="Orders per minute.")
@click.option(
    "--demo-broker", default="", metavar="AMQP_URL", help="A RabbitMQ that its dead letters go through."
)
@click.option("--demo-queue", default=QUEUE, show_default=True, help="The queue there that it consumes.")
@click.pass_obj
def up(
    settings: Settings, demo: bool, demo_seed: int, demo_rate: float, demo_broker: str, demo_queue: str
) -> None:
    """Run everything in one process."""
    estate = Demo(demo_seed, demo_rate, open_inbox(), demo_broker, demo_queue) if demo else None
    run(settings, Roles(), say=click.echo, demo=estate)


@commands.command()
@click.pass_obj
def web(settings: Settings) -> None:
    """Serve the screens, the API and the ingest addresses of the http listener."""
    run(settings, Roles(collect=False, work=False), say=click.echo)


@commands.command()
@click.pass_obj
def collect(settings: Settings) -> None:
    """Serve OTLP at its own listeners."""
    run(settings, Roles(web=False, work=False), say=click.echo)


@commands.command()
@click.pass_obj
def work(settings: Settings) -> None:
    """Run background steps only."""
    run(settings, Roles(web=False, collect=False), say=click.echo)


@commands.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--mapping", help="For rows: a built-in mapping, or the path of a mapping file.")
@click.option("--table", default="", help="With --mapping: the rows of this table of an SQLite file.")
@click.option("--journey-type", default="", help="Of an event log: the objects that become journeys.")
@click.option("--leg", multiple=True, metavar="TYPE=KIND", help="Of an event log: objects that are legs.")
@click.option("--label", multiple=True, metavar="TYPE", help="Of an event log: objects that only label.")
@click.option("--source", default="", help="The name of an event log; that of the file when not given.")
@click.option("--zone", default="UTC", show_default=True, help="Of times of an event log that carry none.")
@click.pass_obj
def import_file(
    settings: Settings,
    file: Path,
    mapping: str | None,
    table: str,
    journey_type: str,
    leg: tuple[str, ...],
    label: tuple[str, ...],
    source: str,
    zone: str,
) -> None:
    """Import rows through a mapping, or an event log (OCEL 1.0 and 2.0: JSON, XML, SQLite, CSV).

    Importing a file again, whole or after a break, changes nothing that is there.
    """
    if mapping is None:
        options = read_options(source=source, zone=zone, journey_type=journey_type, legs=leg, labels=label)
        _import_log(settings, file, options)
        return
    rules = load_csv_mapping(mapping)
    with opened_tower(settings) as tower:
        report = import_csv(file, rules, tower.ingest.submit, utc_now(), _show_progress, table=table)
    click.echo(
        f"{report.rows} rows: {report.events_stored} events stored, {report.events_duplicate} known already, "
        f"{report.rows_quarantined} rows in quarantine"
    )
    for fault in report.faults:
        click.echo(f"  row {fault.row}: {fault.message}")


def _import_log(settings: Settings, file: Path, options: LogOptions) -> None:
    reader = find_reader(file)
    if reader is None:
        raise click.UsageError("it is no event log that the tower knows; for a CSV file give --mapping")
    progress = Progress(
        partial(click.echo, nl=False, err=True), time.monotonic, is_watched=sys.stderr.isatty()
    )
    with opened_tower(settings) as tower:
        submit = tower.ingest.submit
        run_import(file, reader, submit, utc_now(), options, progress=progress, say=click.echo)


def _show_progress(report: ImportReport) -> None:
    if sys.stderr.isatty():
        click.echo(f"\r{report.rows} rows", nl=False, err=True)


@commands.command()
@click.pass_obj
def rebuild(settings: Settings) -> None:
    """Fold every journey anew by the processes of today; the tower may run meanwhile."""
    last = Rebuilt(0, 0, 0)
    with (
        opened_store(settings) as database,
        click.progressbar(length=1, label="Journeys", file=sys.stderr) as bar,
    ):
        for last in refold_all(database, declared_processes(settings), now_us):
            bar.length = max(last.total, last.done)
            bar.update(last.done - bar.pos)
    click.echo(f"{last.done} journeys and legs folded anew, {last.changed} came out different.")


@commands.group()
def process() -> None:
    """Process files: what a journey is."""


@process.command("check")
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
def process_check(files: tuple[Path, ...]) -> None:
    """Say whether process files are right; the first mistake is named with its line, and exit code 1."""
    for file in files:
        found = parse_process(file.read_text(), str(file))
        legs = f", legs: {', '.join(leg.name for leg in found.legs)}" if found.legs else ""
        click.echo(f"{file}: {found.name}, version {found.version}, {len(found.stages)} stages{legs}")


@process.command("list")
@click.pass_obj
def process_list(settings: Settings) -> None:
    """Name the processes in force and where they are declared."""
    for file, text in process_files(settings):
        found = parse_process(text, file)
        click.echo(f"{found.name:24} version {found.version:<4} {found.title} ({file})")


@commands.group()
def mapping() -> None:
    """Mappings: what payloads, messages and rows become."""


@mapping.command("list")
@click.pass_obj
def mapping_list(settings: Settings) -> None:
    """Every mapping that the tower knows, with its format, its title and how its sender is verified."""
    for known in load_mappings(settings).values():
        click.echo(f"{known.name:24} {known.format:8} {scheme_of(known) or '-':18} {known.title}")


@mapping.command("test")
@click.argument("file")
@click.argument("sample", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--header", "headers", multiple=True, help="A header of the request, as NAME: VALUE.")
@click.pass_obj
def mapping_test(settings: Settings, file: str, sample: Path, headers: tuple[str, ...]) -> None:
    """Print the events that a sample becomes, or why it does not; exit code 1 when something is wrong.

    FILE is a mapping file or the name of a mapping. Nothing is stored.
    """
    known = find_mapping(file, mappings_folder(settings))
    pairs = [header.partition(":") for header in headers]
    sent = {name.strip().lower(): value.strip() for name, _, value in pairs}
    tried = try_out(known, sample.read_bytes(), sent, received_us=now_us(), decode=decode_sample)
    for line in told_lines(tried):
        click.echo(line)
    if any(document.reason for document in tried):
        sys.exit(1)


commands.add_command(report_commands)
commands.add_command(reconcile)


@commands.group()
def failures() -> None:
    """Failure rules: what failures are and what to do about them."""


@failures.command("check")
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
def failures_check(files: tuple[Path, ...]) -> None:
    """Say whether rule files are right; the first mistake is named with its line, and exit code 1."""
    for file in files:
        found = RuleShelf(str(file)).current().rules
        own = [rule for rule in found if rule.origin != BUILT_IN]
        click.echo(f"{file}: {', '.join(rule.name for rule in own) or 'no rules yet'}")


@commands.group()
def db() -> None:
    """Care of the lineage store."""


@db.command("upgrade")
@click.pass_obj
def db_upgrade(settings: Settings) -> None:
    """Bring the store to the schema of this version."""
    settings.home.mkdir(parents=True, exist_ok=True)
    database = open_database(settings.store_url)
    before, after = upgrade(database)
    database.dispose()
    click.echo(
        f"The store is at revision {after}" + ("." if before == after else f" (was {before or 'empty'}).")
    )


@commands.group()
def token() -> None:
    """Tokens for programs."""


@token.command("create")
@click.option("--role", type=click.Choice(_TOKEN_ROLES), default="ingest", show_default=True)
@click.option("--name", required=True, help="Who will use it, and where.")
@click.pass_obj
def token_create(settings: Settings, role: str, name: str) -> None:
    """Create a token; the last line printed is the token, which is shown only now."""
    with opened_store(settings) as database:
        secret = create_token(database, name, role, utc_now())
    click.echo(f"Token {name!r} with role {role}; keep it, it is not shown again:")
    click.echo(secret)


@commands.group()
def user() -> None:
    """People who sign in."""


@user.command("add")
@click.option("--role", type=click.Choice(_ROLE_NAMES), default="viewer", show_default=True)
@click.option("--name", required=True, help="The name to sign in with.")
@click.pass_obj
def user_add(settings: Settings, role: str, name: str) -> None:
    """Invite a person; the last line printed is a one-time link that sets their password."""
    with opened_store(settings) as database:
        account, link = invite(database, name, role, utc_now())
    click.echo(f"{account.name} may sign in as {role} after setting a password at:")
    click.echo(f"http://{settings.http}/setup/{link}")


@commands.command()
@click.pass_obj
def doctor(settings: Settings) -> None:
    """Say what is well and what is not; exit code 1 when the tower could not run."""
    connections = partial(declared_connections, settings)
    if not report(examine(settings, connections), click.echo):
        sys.exit(1)
