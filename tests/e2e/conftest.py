"""What the end-to-end tests share: the program, a running system of its roles, and places to look at."""
import os
import pathlib
import socket
import subprocess
import time

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
WEIR = pathlib.Path(os.environ.get("WEIR", TOP / "build/release/weir"))


def wait_until(what, condition, seconds=30):
    """Wait for a condition, given as a function; its value. `what` is named when it never comes."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.05)
    pytest.fail(f"waited {seconds} s for {what}")


def free_port(kind=socket.SOCK_STREAM):
    """A port of 127.0.0.1 that nobody has at this moment."""
    with socket.socket(socket.AF_INET, kind) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def libchdb_missing():
    """Why the embedded store cannot run here, or "" where it can."""
    done = subprocess.run([TOP / "tools/fetch-libchdb", "--check"], capture_output=True, text=True)
    return "" if done.returncode == 0 else "libchdb is not here: tools/setup store fetches it"


@pytest.fixture(scope="session")
def weir():
    """The program's path."""
    if not WEIR.exists():
        pytest.fail(f"{WEIR} was not built: make build")
    return str(WEIR)


@pytest.fixture(scope="session")
def captures():
    """The folder of real devices' captures, which is not part of the project."""
    folder = pathlib.Path(os.environ.get("WEIR_CAPTURES", TOP.parent / "shared/captures"))
    if not folder.is_dir():
        pytest.skip(f"no captures at {folder}: set WEIR_CAPTURES")
    return folder


@pytest.fixture(scope="session")
def embedded_store():
    """Skips where libchdb is missing."""
    why = libchdb_missing()
    if why:
        pytest.skip(why)
