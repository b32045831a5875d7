"""`weir run` as a whole: banner, restarts, order of the end, and each thing that can be wrong with its one line. None of these
needs the embedded store: where libchdb is missing, that is one of the cases."""
import json
import os
import pathlib
import random
import re
import signal
import socket
import subprocess

import pytest

from conftest import free_port, is_free, wait_until


class Run:
    """A `weir run` in a folder of its own; what it says is in `log`."""

    def __init__(self, weir, folder, store="{embedded: false, url: 'http://127.0.0.1:1'}", **options):
        self.folder = folder
        self.data = folder / "var"
        self.port = free_port(socket.SOCK_DGRAM)
        self.log = folder / "log"
        lines = [f"data_dir: {self.data}", f"store: {store}"]
        lines += [f"{name}: {value}" for name, value in {"web": "{listen: []}", **options}.items()]
        if "collect" not in options:
            lines.append(f"collect: {{listen: ['127.0.0.1:{self.port}']}}")
        (folder / "weir.yaml").write_text("\n".join(lines) + "\n")
        self.process = subprocess.Popen([weir, "run", "--config", "weir.yaml"], cwd=folder,
                                        stdout=open(self.log, "w"), stderr=subprocess.STDOUT)

    def said(self):
        return self.log.read_text()

    def wait_for(self, pattern, seconds=60):
        return wait_until(f"\"{pattern}\" of weir run, which says: {self.said()}", lambda: re.search(pattern, self.said()),
                          seconds)

    def up(self):
        self.wait_for("Ctrl-C stops it")
        return self

    def pids(self):
        """Role to process id, of those that run."""
        text = (self.data / "run/run.prom").read_text()
        found = re.findall(r'weir_run_role_pid\{role="(\w+)"\} (\d+)', text)
        return {role: int(pid) for role, pid in found if pid != "0"}

    def stop(self, how=signal.SIGINT):
        self.process.send_signal(how)
        return self.process.wait(60)


@pytest.fixture
def start(weir, tmp_path):
    runs = []

    def one(**options):
        folder = tmp_path / str(len(runs))
        folder.mkdir()
        runs.append(Run(weir, folder, **options))
        return runs[-1]

    yield one
    for run in runs:
        if run.process.poll() is None:
            run.process.kill()
            run.process.wait()


def alive(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_banner_and_clean_end(start):
    run = start().up()
    said = run.said()
    assert f"listens on  UDP 127.0.0.1:{run.port}\n" in said
    assert f"data        {run.data}\n" in said
    assert " status --config weir.yaml" in said and " top --by src_addr --config weir.yaml" in said
    pids = run.pids()
    assert set(pids) == {"collect", "sink"}
    assert run.stop() == 0
    order = re.findall(r"INFO (\w+): (?:ended|stopping|stopped)", run.said())
    assert order == ["run", "collect", "sink", "run"]
    assert not any(alive(pid) for pid in pids.values())
    # What exporters told is kept for the next start; no role is left that tells of itself.
    assert sorted(os.listdir(run.data / "run")) == ["exporters.state", "exporters.tsv", "lock"]


@pytest.mark.parametrize("role", ["collect", "sink"])
def test_killed_role_starts_again(start, role):
    run = start().up()
    before = run.pids()
    os.kill(before[role], signal.SIGKILL)
    wait_until(f"another {role}", lambda: run.pids().get(role, before[role]) != before[role])
    assert f"{role} was killed by signal 9 (Killed); it starts again in 250 ms" in run.said()
    other = "sink" if role == "collect" else "collect"
    assert run.pids()[other] == before[other]
    assert f'weir_run_role_restarts{{role="{role}"}} 1' in (run.data / "run/run.prom").read_text()
    assert run.stop(signal.SIGTERM) == 0


def test_roles_end_when_the_supervisor_is_killed(start, weir):
    run = start().up()
    pids = run.pids()
    run.process.kill()
    run.process.wait()
    wait_until("the roles to end", lambda: not any(alive(pid) for pid in pids.values()))


def test_starts_again_at_once_after_kill(start, weir):
    first = start().up()
    first.process.kill()
    first.process.wait()
    again = subprocess.Popen([weir, "run", "--config", "weir.yaml"], cwd=first.folder, stdout=open(first.log, "w"),
                             stderr=subprocess.STDOUT)
    try:
        first.wait_for("Ctrl-C stops it")
        again.send_signal(signal.SIGINT)
        assert again.wait(60) == 0
    finally:
        again.kill()


def test_second_run_on_the_same_data(start, weir):
    run = start().up()
    done = subprocess.run([weir, "run", "--config", "weir.yaml"], cwd=run.folder, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and done.stdout == ""
    line = done.stderr.splitlines()[-1]
    assert line == (f"weir: {run.data}/run/lock: `weir run` has this data folder already: process {run.process.pid}; "
                    "stop that one, or give this one a folder of its own with --data")
    assert run.process.poll() is None


def test_busy_port(start):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as busy:
        busy.bind(("127.0.0.1", 0))
        port = busy.getsockname()[1]
        run = start(collect=f"{{listen: ['127.0.0.1:{port}']}}")
        assert run.process.wait(60) == 2
    lines = [line for line in run.said().splitlines() if str(port) in line]
    assert len(lines) == 1 and lines[0].startswith("weir: ") and "; " in lines[0]
    assert "Ctrl-C stops it" not in run.said()


def test_unwritable_folder(weir, tmp_path):
    (tmp_path / "file").write_text("")
    done = subprocess.run([weir, "run", "--data", "file/var"], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr == ("weir: file/var: the folder cannot be made: Not a directory; choose another folder with --data or "
                           "data_dir, or give this user the right to write there\n")


def test_wrong_configuration(weir, tmp_path):
    (tmp_path / "weir.yaml").write_text("collect: {lisen: x}\n")
    done = subprocess.run([weir, "run"], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr == "weir: weir.yaml:1:11: there is no option \"collect.lisen\"; did you mean \"listen\"?\n"


def test_missing_library(start):
    port = free_port()
    run = start(store=f"{{listen: '127.0.0.1:{port}', library: /nonexistent/libchdb.so}}").up()
    said = run.said()
    lines = [line for line in said.splitlines() if "libchdb" in line]
    assert len(lines) == 1 and lines[0].startswith("weir: ") and "; " in lines[0]
    assert "going on without store: the spool keeps the flows" in said
    assert "store       none; the spool keeps the flows\n" in said
    assert set(run.pids()) == {"collect"}
    assert run.stop() == 0


def test_store_port_of_another(start, embedded_store):
    """What listens there may be another's store: nothing of ours may go to it."""
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        busy.setblocking(False)
        port = busy.getsockname()[1]
        run = start(store=f"{{listen: '127.0.0.1:{port}'}}").up()
        lines = [line for line in run.said().splitlines() if line.startswith("weir: ")]
        assert len(lines) == 1 and str(port) in lines[0] and "; " in lines[0]
        assert set(run.pids()) == {"collect"}
        assert run.stop() == 0
        with pytest.raises(BlockingIOError):
            busy.accept()


def test_embedded_store(start, embedded_store):
    port = free_port()
    run = start(store=f"{{listen: '127.0.0.1:{port}'}}").up()
    assert f"store       http://127.0.0.1:{port}\n" in run.said()
    assert set(run.pids()) == {"collect", "sink", "store"}
    assert run.stop() == 0
    order = re.findall(r"INFO (\w+): (?:ended|stopping|stopped)", run.said())
    assert order == ["run", "collect", "sink", "store", "run"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_root_becomes_another_user(weir, tmp_path):
    # The folders of pytest are root's alone.
    for folder in tmp_path.parents:
        if str(folder).startswith("/tmp/"):
            folder.chmod(0o755)
    tmp_path.chmod(0o755)
    # Another run of the tests may be looking for one, too.
    port = next(port for port in random.sample(range(600, 1000), 400) if is_free(port, socket.SOCK_DGRAM))
    run = Run(weir, tmp_path, collect=f"{{user: nobody, listen: ['127.0.0.1:{port}']}}")
    try:
        run.up()
        assert "runs as     nobody\n" in run.said()
        for pid in [run.process.pid, *run.pids().values()]:
            status = pathlib.Path(f"/proc/{pid}/status").read_text()
            assert re.search(r"Uid:\t65534\t65534\t65534\t65534\n", status), status
            assert "NoNewPrivs:\t1\n" in status
        # What the sockets needed is given up when they are open.
        for pid in run.pids().values():
            assert "CapEff:\t0000000000000000\n" in pathlib.Path(f"/proc/{pid}/status").read_text()
        os.kill(run.pids()["collect"], signal.SIGKILL)
        wait_until("collect on its port below 1024 again",
                   lambda: len(re.findall(rf"listening on 127.0.0.1:{port}", run.said())) == 2)
        assert run.stop() == 0
        assert {path.owner() for path in run.data.rglob("*")} == {"nobody"}
    finally:
        run.process.kill()


@pytest.mark.skipif(os.geteuid() != 0, reason="a kept source needs root at the start")
def test_replicator_keeps_sources_as_another_user(weir, tmp_path):
    for folder in tmp_path.parents:
        if str(folder).startswith("/tmp/"):
            folder.chmod(0o755)
    tmp_path.chmod(0o755)
    port = free_port(socket.SOCK_DGRAM)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as target, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        target.bind(("127.0.0.1", 0))
        target.settimeout(60)
        s.bind(("127.9.8.7", 0))
        run = Run(weir, tmp_path, collect=f"{{user: nobody, listen: ['127.0.0.1:{free_port(socket.SOCK_DGRAM)}']}}",
                  replicate=f"{{listen: ['127.0.0.1:{port}'], to: ['127.0.0.1:{target.getsockname()[1]},keep-source']}}")
        try:
            run.up()
            run.wait_for(r"replicate: output 127.0.0.1:\d+, source kept")
            s.sendto(b"a datagram", ("127.0.0.1", port))
            assert target.recvfrom(100) == (b"a datagram", s.getsockname())
            for role in ("collect", "replicate"):
                status = pathlib.Path(f"/proc/{run.pids()[role]}/status").read_text()
                assert "Uid:\t65534\t" in status and "CapEff:\t0000000000000000\n" in status
            said = subprocess.run([weir, "status", "--config", "weir.yaml", "--format", "json"], cwd=tmp_path,
                                  capture_output=True, text=True)
            assert json.loads(said.stdout)["replicate"]["datagrams"] == 1, said.stdout
            first = run.pids()["replicate"]
            os.kill(first, signal.SIGKILL)
            wait_until("replicate again", lambda: run.pids().get("replicate", first) != first and
                       len(re.findall("source kept", run.said())) == 2)
            s.sendto(b"another", ("127.0.0.1", port))
            assert target.recvfrom(100) == (b"another", s.getsockname())
            assert run.stop() == 0
        finally:
            run.process.kill()
