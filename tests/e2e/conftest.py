"""What the end-to-end tests share: the program, a running system of its roles, and places to look at."""
import errno
import os
import pathlib
import random
import signal
import socket
import subprocess
import time

import pytest

# What a nohup ignores would be ignored by all that is started here.
signal.signal(signal.SIGHUP, signal.SIG_DFL)

TOP = pathlib.Path(__file__).resolve().parents[2]
WEIR = pathlib.Path(os.environ.get("WEIR", TOP / "build/release/weir"))


# Where the tests run in the background (`make test &`) SIGINT is ignored, and what they start would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Below what the kernel gives to sockets of no particular port: so nothing takes a port between here and its use.
PORTS = list(range(12000, 30000))
random.SystemRandom().shuffle(PORTS)


def wait_until(what, condition, seconds=60):
    """Wait for a condition, given as a function; its value. `what` is named when it never comes. Only a failure waits for the end:
    a machine may be slow."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.05)
    pytest.fail(f"waited {seconds} s for {what}")


def wait_while_it_goes_on(what, condition, progress, seconds=60):
    """Wait for a condition for as long as progress() changes at least every so many seconds: for work whose time the machine's
    load decides."""
    last, end = None, time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        now = progress()
        if now != last:
            last, end = now, time.monotonic() + seconds
        time.sleep(0.05)
    pytest.fail(f"nothing went on for {seconds} s of waiting for {what}; the last was {last}")


def is_free(port, kind):
    for family, address in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
        try:
            with socket.socket(family, kind) as s:
                s.bind((address, port))
        except OSError as why:
            if why.errno not in (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL):  # no IPv6 here
                return False
    return True


def free_port(*kinds):
    """A port of 127.0.0.1 that nobody has at this moment, over TCP and UDP or what is asked for, and no test of this run had."""
    while PORTS:
        port = PORTS.pop()
        if all(is_free(port, kind) for kind in kinds or (socket.SOCK_STREAM, socket.SOCK_DGRAM)):
            return port
    pytest.fail("no port is free")


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
