"""Running other programs, and asking Debian for one that is missing."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def say(message: str) -> None:
    """One line about a step that may take a while."""
    print(f"==> {message}", flush=True)


def run(*command: str | Path) -> None:
    """Run in the project's folder; raises CalledProcessError when it fails."""
    subprocess.run([str(part) for part in command], cwd=ROOT, check=True)


def succeeds(command: Sequence[object]) -> bool:
    """Whether the command exists and ends well; what it prints is dropped."""
    try:
        finished = subprocess.run([str(part) for part in command], cwd=ROOT, capture_output=True, check=False)
    except OSError:
        return False
    return finished.returncode == 0


def can_install_system_packages() -> bool:
    """Only root on a Debian-like system: nobody else is asked for a password."""
    return hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("apt-get") is not None


def install_system_packages(*packages: str) -> bool:
    """Install by apt-get where we may; False where we may not, or where it did not work."""
    if not can_install_system_packages():
        return False
    say(f"Installing {' '.join(packages)} from the system's packages")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    steps = (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", *packages])
    return all(
        subprocess.run(["apt-get", *step], env=environment, stdout=sys.stderr, check=False).returncode == 0
        for step in steps
    )
