"""What is in the repository: our own work, and no third party's, no machine's and no registry's."""

import json
import re
import subprocess
from pathlib import Path

import pytest

# Spelled in pieces, so that this file does not find itself.
_MACHINE_PATH = re.compile(r"(?<![\w.])/(?:work|root|home/[a-z]+|tmp/[a-z])" + r"\b")
_REGISTRY = re.compile(r"https?://\S*(?:registry\.|pypi\.|/simple\b|pythonhosted|npmjs)", re.IGNORECASE)
_LARGEST = 500_000
_TEXT = {"", ".py", ".toml", ".md", ".html", ".css", ".js", ".json", ".txt", ".sh", ".ini", ".mako", ".yaml"}


@pytest.fixture(scope="module")
def files(root: Path) -> list[Path]:
    """Every file that is in the repository, or would be with the next commit."""
    if not (root / ".git").exists():
        pytest.skip("this is not a git checkout")
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    return [root / name for name in listed.split("\0") if name and (root / name).is_file()]


def mentions(files: list[Path], pattern: re.Pattern[str]) -> list[str]:
    return [
        f"{path}:{number}: {line.strip()[:120]}"
        for path in files
        if path.suffix in _TEXT
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1)
        if pattern.search(line)
    ]


def test_no_third_party_asset_is_tracked(root: Path, files: list[Path]):
    foreign = [
        path
        for path in files
        if {"vendor", "node_modules"} & set(path.relative_to(root).parts)
        or ".min." in path.name
        or (path.suffix in {".js", ".css"} and _has_minified_line(path))
    ]
    assert foreign == []


def _has_minified_line(path: Path) -> bool:
    return any(len(line) > 1_000 for line in path.read_text(errors="replace").splitlines())


def test_no_file_is_large(files: list[Path]):
    assert [path for path in files if path.stat().st_size > _LARGEST] == []


def test_no_path_of_one_machine_is_written_down(files: list[Path]):
    assert mentions(files, _MACHINE_PATH) == []


def test_no_registry_is_named(files: list[Path]):
    assert mentions(files, _REGISTRY) == []


def test_the_npm_lock_says_what_but_not_from_where(root: Path):
    packages = json.loads((root / "package-lock.json").read_text())["packages"]
    fetched = {name: entry for name, entry in packages.items() if name}
    assert all("resolved" not in entry and entry["integrity"] for entry in fetched.values())


def test_the_constraints_are_exact_versions_and_nothing_else(root: Path):
    lines = (root / "constraints.txt").read_text().splitlines()
    assert [line for line in lines if not re.fullmatch(r"[a-z0-9-]+==[\w.]+( ; .+)?", line)] == []
