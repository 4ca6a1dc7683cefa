"""Imports point the way that the design says (rules in pyproject.toml)."""

import subprocess
import sys
from pathlib import Path


def test_lint_imports_finds_no_forbidden_import(root: Path):
    command = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    finished = subprocess.run(
        [sys.executable, "-c", command, "--no-logo", "--no-cache"], cwd=root, capture_output=True, text=True
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr


def test_pandas_waits_for_the_first_reconciliation(root: Path):
    """It would cost every tower 50 MB, and every command a fifth of a second."""
    command = "import sys, controltower.cli; sys.exit('pandas' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", command], cwd=root).returncode == 0
