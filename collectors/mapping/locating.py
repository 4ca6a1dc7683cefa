"""On which line of a TOML file a key stands, which the parser of the standard library does not say."""

from __future__ import annotations

import re
import tomllib

Path = tuple[str | int, ...]

_AT = re.compile(r"(?:([^.\[\]\s\"]+)|\"([^\"]*)\"|\[(\d+)\])\.?")
MAX_STATEMENT_LINES = 2_000


def lines_of(text: str) -> dict[Path, int]:
    """The line of every table and key of a valid document, by its path."""
    found: dict[Path, int] = {(): 1}
    table: Path = ()
    counts: dict[Path, int] = {}
    lines = text.splitlines()
    number = 0
    while number < len(lines):
        statement = lines[number].strip()
        if not statement or statement.startswith("#"):
            number += 1
        elif statement.startswith("["):
            table = _enter(statement, counts)
            found.setdefault(table, number + 1)
            number += 1
        else:
            length, content = _statement(lines, number)
            _note(content, table, number + 1, found)
            number += length
    return found


def line_at(text: str, path: Path) -> int:
    """The line of the key at `path`, or of the nearest table around it."""
    known = lines_of(text)
    while path not in known:
        path = path[:-1]
    return known[path]


def path_of(text: str) -> Path:
    """The path that ``events[0].data.channel`` writes."""
    return tuple(int(index) if index else name or quoted for name, quoted, index in _AT.findall(text))


def _enter(header: str, counts: dict[Path, int]) -> Path:
    """The path of a ``[table]`` or of the next ``[[table]]``."""
    is_array = header.startswith("[[")
    keys = _keys_of(header)
    path: Path = ()
    for place, key in enumerate(keys):
        path = (*path, key)
        is_last = place == len(keys) - 1
        if is_last and is_array:
            counts[path] = counts.get(path, -1) + 1
        if path in counts:
            path = (*path, counts[path])
    return path


def _keys_of(header: str) -> list[str]:
    document = tomllib.loads(header)
    keys = []
    while document:
        ((key, inner),) = document.items()
        keys.append(key)
        document = inner[0] if isinstance(inner, list) else inner
    return keys


def _statement(lines: list[str], start: int) -> tuple[int, dict[str, object]]:
    """How many lines the key at `start` takes, and what it says; values may span several."""
    for length in range(1, MAX_STATEMENT_LINES):
        if start + length > len(lines):
            break
        try:
            return length, tomllib.loads("\n".join(lines[start : start + length]))
        except tomllib.TOMLDecodeError:
            continue
    return 1, {}


def _note(content: object, path: Path, line: int, found: dict[Path, int]) -> None:
    items: list[tuple[str | int, object]] = []
    if isinstance(content, dict):
        items = list(content.items())
    elif isinstance(content, list):
        items = list(enumerate(content))
    for key, inner in items:
        found.setdefault((*path, key), line)
        _note(inner, (*path, key), line, found)
