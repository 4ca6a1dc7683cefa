"""Asking a tower's commands for figures."""

import csv
import json
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from controltower.cli import commands
from tests.running import Tower

FINDINGS = 3  # exit code


def report(tower: Tower, *arguments: str) -> Any:
    """A report of the command `controltower report`."""
    # In this process: starting a command takes longer than most reports do.
    done = CliRunner(env=dict(tower.environment)).invoke(commands, ["report", *arguments, "--json"])
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def reconcile(
    tower: Tower, folder: Path, declaration: str, **sides: Path
) -> tuple[dict[str, Any], list[dict[str, str]]]:
    """What `controltower reconcile` counts, and its findings as the CSV file has them."""
    declared, findings = folder / "declared.toml", folder / "findings.csv"
    declared.write_text(declaration)
    given = [part for side, path in sides.items() for part in (f"--{side}", str(path))]
    arguments = ["reconcile", str(declared), *given, "--csv", str(findings), "--json"]
    done = CliRunner(env=dict(tower.environment)).invoke(commands, arguments)
    assert done.exit_code in (0, FINDINGS), done.output
    with findings.open(newline="") as lines:
        return json.loads(done.stdout), list(csv.DictReader(lines))
