"""Run a command beside a throw-away PostgreSQL: `python -m tools.postgres COMMAND...`, for CI.

The server lives in a temporary folder, listens on a free loopback port, trusts everybody on this machine,
and is gone with the command. Where CONTROLTOWER_TEST_POSTGRES already names a server, that one is used.
"""

import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tools.system import install_system_packages, say

SETTING = "CONTROLTOWER_TEST_POSTGRES"
_OWNER = "postgres"  # PostgreSQL refuses to run as root; its packages make this user
# Tests lose nothing by a power cut, so nothing waits for the disk.
_OPTIONS = "-c fsync=off -c full_page_writes=off -c synchronous_commit=off -c listen_addresses=127.0.0.1"


def find_tools() -> Path | None:
    """The folder that holds initdb and pg_ctl, newest version first; None without one."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return debian[-1].parent if debian else None


def free_port() -> int:
    """A port nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def throwaway_server(tools: Path) -> Iterator[str]:
    """The URL of a server that lasts as long as the block."""
    user = _OWNER if os.geteuid() == 0 else None
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="ct-postgres-") as folder:
        if user:
            shutil.chown(folder, user, pwd.getpwnam(user).pw_gid)
        data = f"{folder}/data"

        def control(program: str, *arguments: str) -> None:
            subprocess.run([tools / program, "-D", data, *arguments], user=user, cwd=folder, check=True,
                           stdout=subprocess.DEVNULL)  # fmt: skip

        control("initdb", "--auth=trust", f"--username={_OWNER}", "--encoding=UTF8", "--no-sync")
        control("pg_ctl", "start", "-w", "-l", f"{folder}/log", "-o", f"-p {port} -k {folder} {_OPTIONS}")
        try:
            yield f"postgresql://{_OWNER}@127.0.0.1:{port}/postgres"
        finally:
            control("pg_ctl", "stop", "-w", "-m", "immediate")


def main(command: list[str]) -> int:
    tools = None if os.environ.get(SETTING) else find_tools()
    if tools is None and not os.environ.get(SETTING) and install_system_packages("postgresql"):
        tools = find_tools()
    if tools is None:
        return subprocess.run(command, check=False).returncode
    with throwaway_server(tools) as url:
        say(f"A throw-away PostgreSQL answers at {url}")
        return subprocess.run(command, env={**os.environ, SETTING: url}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
