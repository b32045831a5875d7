"""What the processes give up once they are open: that weir works under it, that it is there, and that it is said."""
import json
import pathlib
import re
import subprocess

import pytest

from conftest import wait_until
from test_run import start  # noqa: F401 (a fixture)
from test_sink import FakeStore, System


def has_seccomp():
    return "Seccomp:" in pathlib.Path("/proc/self/status").read_text()


def status(weir, run):
    done = subprocess.run([weir, "status", "--config", "weir.yaml", "--format", "json"], cwd=run.folder, capture_output=True,
                          text=True, timeout=60)
    return json.loads(done.stdout)


@pytest.mark.skipif(not has_seccomp(), reason="this kernel has no seccomp")
def test_processes_are_confined_and_say_so(start, weir):  # noqa: F811
    run = start().up()
    for role, pid in run.pids().items():
        text = pathlib.Path(f"/proc/{pid}/status").read_text()
        assert "Seccomp:\t2\n" in text and "NoNewPrivs:\t1\n" in text, role
    roles = status(weir, run)["roles"]
    for role in ("collect", "sink"):
        assert roles[role]["sandbox_calls"] is True
        # Where the kernel has no Landlock, the reason is there.
        assert roles[role]["sandbox_files"] is True or "Landlock" in roles[role]["sandbox_files_why"]
    table = subprocess.run([weir, "status", "--config", "weir.yaml"], cwd=run.folder, capture_output=True, text=True, timeout=60)
    assert re.search(r"^collect +up .* (files, )?calls", table.stdout, re.M), table.stdout
    assert run.stop() == 0


def test_it_can_be_switched_off(start, weir):  # noqa: F811
    run = start(sandbox="false").up()
    roles = status(weir, run)["roles"]
    for role in ("collect", "sink"):
        assert roles[role]["sandbox_calls"] is False and roles[role]["sandbox_calls_why"] == "sandbox: false"
        assert "Seccomp:\t2\n" not in pathlib.Path(f"/proc/{run.pids()[role]}/status").read_text()
    assert run.stop() == 0


def test_sink_finds_its_store_by_name(weir, tmp_path):
    store = FakeStore()
    system = System(weir, tmp_path, f"http://localhost:{store.server_port}", embedded=False)
    try:
        system.fill(1000)
        system.start("sink")
        wait_until("the flows", lambda: system.metrics("sink").get("weir_sink_rows_total") == 1000)
    finally:
        system.end_all()
        store.shutdown()
