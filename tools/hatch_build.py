"""Build hook: browser code is built before it is packed; templates/ and static/ go inside the package.

An editable install needs neither: it reads both from the checkout.
"""

import subprocess
import sys
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class BrowserCodeHook(BuildHookInterface[Any]):
    """Runs the same build as `make frontend`, in the source tree that is being packed."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":
            return
        subprocess.run([sys.executable, "-m", "tools.frontend"], cwd=self.root, check=True)
        if self.target_name == "wheel":
            for folder in ("templates", "static"):
                build_data["force_include"][folder] = f"controltower/{folder}"
