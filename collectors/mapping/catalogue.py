"""The mappings that a tower knows: those that come with it, and the user's."""

from __future__ import annotations

from pathlib import Path

from collectors.mapping.built_in import SUFFIX, find_built_in_text, list_built_in_names
from collectors.mapping.errors import BadMapping
from collectors.mapping.language import parse_mapping
from collectors.mapping.telling import Mapping

MAX_FILES = 500


def load_catalogue(folder: Path | None = None) -> dict[str, Mapping]:
    """Every mapping by name; a file of the user's folder replaces a built-in one of its name.

    Raises BadMapping for a file that cannot be read, and for two of the folder with one name.
    """
    known = {name: load_built_in(name) for name in list_built_in_names()}
    if folder is not None:
        known |= load_folder(folder)
    return dict(sorted(known.items()))


def load_built_in(name: str) -> Mapping:
    """A mapping that comes with the tower; raises BadMapping when there is none of that name."""
    text = find_built_in_text(name)
    if text is None:
        raise BadMapping(
            f"{name}: no built-in mapping has this name; there are {', '.join(list_built_in_names())}"
        )
    return parse_mapping(text, f"{name}{SUFFIX}")


def load_folder(folder: Path) -> dict[str, Mapping]:
    """The mappings in a folder, by name; raises BadMapping."""
    if not folder.is_dir():
        raise BadMapping(f"{folder}: expected the folder of your mapping files")
    files = sorted(folder.glob(f"*{SUFFIX}"))
    if len(files) > MAX_FILES:
        raise BadMapping(f"{folder}: more than {MAX_FILES} mapping files")
    found: dict[str, Mapping] = {}
    for file in files:
        mapping = load_file(file)
        if mapping.name in found:
            raise BadMapping(f"{file}: name: {mapping.name!r} is also the name of {found[mapping.name].file}")
        found[mapping.name] = mapping
    return found


def load_file(file: Path) -> Mapping:
    """The mapping in a file; raises BadMapping."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise BadMapping(f"{file}: cannot be read: {exc}") from exc
    return parse_mapping(text, str(file))


def find_mapping(name_or_file: str, folder: Path | None = None) -> Mapping:
    """The mapping in that file, or known by that name; raises BadMapping when there is neither."""
    path = Path(name_or_file)
    if path.suffix == SUFFIX or path.is_file():
        return load_file(path)
    if folder is not None and name_or_file in (own := load_folder(folder)):
        return own[name_or_file]
    return load_built_in(name_or_file)
