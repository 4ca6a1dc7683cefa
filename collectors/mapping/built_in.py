"""The mapping files that come with the tower; they lie beside this module."""

from __future__ import annotations

from importlib import resources

SUFFIX = ".toml"


def list_built_in_names() -> list[str]:
    """Their names, sorted."""
    found = resources.files("collectors.mapping").iterdir()
    return sorted(entry.name.removesuffix(SUFFIX) for entry in found if entry.name.endswith(SUFFIX))


def find_built_in_text(name: str) -> str | None:
    """The text of the file of that name, None when there is none."""
    if name not in list_built_in_names():
        return None
    return (resources.files("collectors.mapping") / f"{name}{SUFFIX}").read_text(encoding="utf-8")
