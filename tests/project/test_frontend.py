"""The browser code is the pinned one, and an altered file is refused."""

import json
from pathlib import Path

import pytest

from tools.frontend import (
    MANIFEST,
    VENDOR,
    FrontendError,
    VendoredFile,
    copy_verified,
    integrity_of,
    is_built,
    list_vendored,
)


def a_package_file(folder: Path, content: bytes = b"htmx") -> Path:
    source = folder / "package.js"
    source.write_bytes(content)
    return source


def test_what_is_built_is_what_is_pinned():
    assert is_built(list_vendored()), "run `make frontend`"


def test_the_manifest_announces_the_integrity_of_the_file_beside_it():
    manifest = json.loads((VENDOR / MANIFEST).read_text())
    assert manifest == {name: integrity_of((VENDOR / name).read_bytes()) for name in manifest}
    assert "htmx.min.js" in manifest


def test_htmx_is_pinned_to_one_version_of_2_0(root: Path):
    wanted = json.loads((root / "package.json").read_text())["dependencies"]["htmx.org"]
    locked = json.loads((root / "package-lock.json").read_text())["packages"]["node_modules/htmx.org"]
    assert wanted == locked["version"]
    assert wanted.startswith("2.0.")


def test_a_file_that_is_not_the_pinned_one_is_refused_and_what_was_built_stays(tmp_path: Path):
    vendor = tmp_path / "vendor"
    good = VendoredFile("htmx.min.js", a_package_file(tmp_path), integrity_of(b"htmx"))
    copy_verified([good], vendor)
    a_package_file(tmp_path, b"something else")

    with pytest.raises(FrontendError, match="not the pinned file"):
        copy_verified([good], vendor)

    assert (vendor / "htmx.min.js").read_bytes() == b"htmx"


def test_a_built_file_that_was_changed_is_built_again(tmp_path: Path):
    vendor = tmp_path / "vendor"
    good = VendoredFile("htmx.min.js", a_package_file(tmp_path), integrity_of(b"htmx"))
    copy_verified([good], vendor)
    assert is_built([good], vendor)

    (vendor / "htmx.min.js").write_bytes(b"changed by hand")

    assert not is_built([good], vendor)
