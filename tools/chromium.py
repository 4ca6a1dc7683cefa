"""Finding the Chromium that the browser tests drive."""

import os
import shutil
from pathlib import Path

from tools.system import install_system_packages

SETTING = "CONTROLTOWER_CHROMIUM"
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_MAC_APPLICATIONS = ("Google Chrome", "Chromium")


def find_chromium() -> str | None:
    """The browser that the setting names, else the first one this machine has; None without one."""
    named = os.environ.get(SETTING)
    if named:
        return shutil.which(named)
    for name in _NAMES:
        if found := shutil.which(name):
            return found
    for name in _MAC_APPLICATIONS:
        application = Path("/Applications", f"{name}.app", "Contents", "MacOS", name)
        if application.exists():
            return str(application)
    return None


def provide_chromium() -> str | None:
    """Find a browser, installing Debian's where we may; None when the machine has to be helped by hand."""
    found = find_chromium()
    if found is None and SETTING not in os.environ and install_system_packages("chromium"):
        found = find_chromium()
    return found
