"""The wheel holds all that the app needs to run without a network."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def wheel(root: Path, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The names of the files in a wheel built from this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=root, check=True, capture_output=True)
    (built,) = folder.glob("controltower-*.whl")
    return zipfile.ZipFile(built).namelist()


def shipped(root: Path, folder: str) -> set[str]:
    files = (path for path in (root / folder).rglob("*") if path.is_file())
    return {path.relative_to(root).as_posix() for path in files if "__pycache__" not in path.parts}


def test_the_three_packages_are_in(root: Path, wheel: list[str]):
    for package in ("controltower", "collectors", "alerts"):
        assert shipped(root, package) <= set(wheel)


def test_every_template_and_static_file_is_inside_the_package(root: Path, wheel: list[str]):
    for folder in ("templates", "static"):
        assert {f"controltower/{name}" for name in shipped(root, folder)} <= set(wheel)


def test_htmx_and_its_integrity_are_in(wheel: list[str]):
    assert "controltower/static/vendor/htmx.min.js" in wheel
    assert "controltower/static/vendor/manifest.json" in wheel


def test_nothing_else_is_installed(wheel: list[str]):
    top_level = {name.partition("/")[0] for name in wheel if ".dist-info/" not in name}
    assert top_level == {"controltower", "collectors", "alerts"}
