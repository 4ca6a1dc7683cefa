"""A full disk: 503 for what cannot be stored, nothing by half, and no restart needed once there is room."""

import resource
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.backends import in_ci
from tests.end_to_end.hammer import Told, hammering
from tests.end_to_end.kept import kept_in
from tests.end_to_end.killable import Tower, a_tower
from tests.stores import opened

MIB = 1024 * 1024
BALLAST = 6 * MIB
PADDING = 8 * 1024  # bytes that do not compress, in each event and span

MakeRoom = Callable[[], None]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 16 MiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=16m", "none", str(disk)], capture_output=True, text=True
    )
    if mounted.returncode != 0:
        (pytest.fail if in_ci() else pytest.skip)(f"may not mount a tmpfs: {mounted.stderr.strip()}")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


def check(tower: Tower, make_room: MakeRoom) -> None:
    """Fill the disk, make room, and look at what is there."""
    told = Told()
    tower.start()
    with hammering(tower, told, padding=PADDING):
        told.wait_for_stored(10)
        told.wait_for_refused(20)
        make_room()
        told.wait_for_stored(40)
    assert told.surprises == []
    assert told.unanswered == []
    with opened(f"sqlite:///{tower.home / 'controltower.db'}") as database:
        kept = kept_in(database)
        kept.check_once(told.stored)
        kept.check_absent(told.refused)
        kept.check_journeys()
    assert tower.terminate(within=10) == 0


def test_a_full_disk_refuses_and_recovers(tmp_path: Path, small_disk: Path):
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(BALLAST))
    with a_tower(small_disk / "home") as tower:
        tower.log_path = tmp_path / "printed.log"
        check(tower, ballast.unlink)


def test_a_file_that_may_not_grow_refuses_and_recovers(tmp_path: Path):
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (5 * MIB, resource.RLIM_INFINITY))

    with a_tower(tmp_path / "home") as tower:
        tower.before_start = limit

        def lift() -> None:
            assert tower.process is not None
            unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
            for pid in (tower.process.pid, *tower.children()):
                resource.prlimit(pid, resource.RLIMIT_FSIZE, unlimited)

        check(tower, lift)
