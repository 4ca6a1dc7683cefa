"""What the operator declared: the processes and mappings in force, the built-in ones and their own."""

from __future__ import annotations

from collections.abc import Mapping as Table
from importlib.resources import files
from pathlib import Path

from collectors.brokers.connections import Declared, load_connections
from collectors.mapping.catalogue import load_catalogue
from collectors.mapping.formats import decode_payload
from collectors.mapping.telling import Mapping
from collectors.otlp.span_documents import decode_spans
from collectors.otlp.span_events import FORMAT
from controltower.domain.errors import BadSetting
from controltower.domain.process_files import parse_process
from controltower.domain.processes import ProcessBook
from controltower.domain.replay_policies import Policy, parse_policies
from controltower.services.writer_process import ProcessFile
from controltower.settings import Settings


def process_files(settings: Settings) -> list[ProcessFile]:
    """The process files in force: the built-in ones, and those of the user's folder, which replace the
    built-in ones that have the same name of a process.

    Raises BadProcess for a file with a mistake, BadSetting when the folder cannot be read.
    """
    folder = files("controltower") / "processes"
    found = {f.name: f.read_text() for f in folder.iterdir() if f.name.endswith(".toml")}
    chosen = {parse_process(text, name).name: (name, text) for name, text in found.items()}
    own: dict[str, ProcessFile] = {}
    for path, text in _own_files(settings.processes):
        name = parse_process(text, path).name
        if name in own:
            raise BadSetting(f"CONTROLTOWER_PROCESSES: {own[name][0]} and {path} both declare {name!r}")
        own[name] = (path, text)
    return [file for _, file in sorted((chosen | own).items())]


def _own_files(folder: str) -> list[ProcessFile]:
    if not folder:
        return []
    try:
        return [(str(path), path.read_text()) for path in sorted(Path(folder).glob("*.toml"))]
    except (OSError, UnicodeDecodeError) as exc:
        raise BadSetting(f"CONTROLTOWER_PROCESSES: cannot read {folder}: {exc}") from exc


def declared_processes(settings: Settings) -> ProcessBook:
    """The processes in force, by name; raises what `process_files` raises."""
    parsed = [parse_process(text, name) for name, text in process_files(settings)]
    return ProcessBook({process.name: process for process in parsed})


def mappings_folder(settings: Settings) -> Path | None:
    """Where the user's mapping files are."""
    return Path(settings.mappings) if settings.mappings else None


def load_mappings(settings: Settings) -> dict[str, Mapping]:
    """The mappings that come with the tower and the user's, by name. Raises BadMapping."""
    return load_catalogue(mappings_folder(settings))


def decode_sample(name: str, data: bytes, *, delimiter: str = ",") -> list[object]:
    """The documents of a sample in any format that a mapping may have, spans included."""
    return decode_spans(data) if name == FORMAT else decode_payload(name, data, delimiter=delimiter)


def load_declared(
    settings: Settings, environ: Table[str, str], mappings: Table[str, Mapping]
) -> dict[str, Declared]:
    """The brokers and endpoints that the operator declared, by name. Raises BadSetting."""
    return load_connections(settings.connections, environ, mappings)


def load_policies(settings: Settings) -> tuple[Policy, ...]:
    """The replay policies that the operator declared. Raises BadSetting."""
    path = settings.replay_policies
    if not path:
        return ()
    try:
        text = Path(path).read_text()
    except (OSError, UnicodeDecodeError) as exc:
        raise BadSetting(f"CONTROLTOWER_REPLAY_POLICIES: cannot read {path}: {exc}") from exc
    return parse_policies(text, path)
