"""What the roles take of memory."""
import pathlib
import random
import re
import socket
import struct
import subprocess

import pytest

from conftest import free_port, wait_until, wait_while_it_goes_on
from test_faults import made, memory_mb, system  # noqa: F401  pylint: disable=unused-import
from test_run import start  # noqa: F401  pylint: disable=unused-import

EXPORTERS, TEMPLATES, RECORDS = 1000, 20, 2
COLLECT_MB_MAX = 64
# element, length: what routers send
FIELDS = [(8, 4), (12, 4), (7, 2), (11, 2), (4, 1), (6, 1), (5, 1), (1, 8), (2, 8), (152, 8), (153, 8), (10, 4), (14, 4),
          (16, 4), (17, 4), (9, 1), (13, 1)]


def set_of(number, body):
    return struct.pack(">HH", number, 4 + len(body)) + body


def datagrams(orders, domain):
    """All templates, and records of each, in messages below 1,500 bytes."""
    sequence = 0
    for first in range(0, len(orders), 7):
        sets = b""
        for number, order in enumerate(orders[first:first + 7], 256 + first):
            fields = b"".join(struct.pack(">HH", *field) for field in order)
            sets += set_of(2, struct.pack(">HH", number, len(order)) + fields)
            sets += set_of(number, bytes(sum(length for _, length in order)) * RECORDS)
        yield struct.pack(">HHIII", 10, 16 + len(sets), 1767225600, sequence, domain) + sets
        sequence += RECORDS * len(orders[first:first + 7])


def test_collect_with_a_thousand_exporters_of_twenty_templates(system):  # noqa: F811
    """In less than 64 MB, and no template is refused for want of room."""
    s = system()
    collect = s.start_collect()
    rng = random.Random(1)
    sent = 0
    for number in range(EXPORTERS):
        orders = [rng.sample(FIELDS, len(FIELDS)) for _ in range(TEMPLATES)]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as exporter:
            exporter.bind((f"127.20.{number // 250}.{number % 250 + 1}", 0))
            exporter.connect(("127.0.0.1", s.collect_port))
            for message in datagrams(orders, number):
                exporter.send(message)
            sent += TEMPLATES * RECORDS
        if number % 250 == 249:  # what the receive buffer holds
            wait_until("the flows", lambda: s.count("collect", "weir_collect_flows_total") == sent)
    assert s.count("collect", "weir_collect_flows_total") == EXPORTERS * TEMPLATES * RECORDS
    assert memory_mb(collect) < COLLECT_MB_MAX


# --- all of it together -------------------------------------------------------------------------------------


RUN_MB_MAX = 1000
FLOWS = 200_000


def memory_mb_of(pid):
    """The most that a process had resident so far."""
    return int(re.search(r"^VmHWM:\s+(\d+) kB", pathlib.Path(f"/proc/{pid}/status").read_text(), re.M).group(1)) / 1024


def ask(run, *arguments):
    return subprocess.run([run.weir, *arguments, "--config", "weir.yaml"], cwd=run.folder, capture_output=True, text=True, timeout=120)


def stored(run):
    done = ask(run, "sql", "-f", "TSV", "SELECT count() FROM flows")
    return int(done.stdout) if done.returncode == 0 else 0


@pytest.fixture
def running(weir, start, embedded_store):  # noqa: F811
    def one(**more):
        store = ", ".join(f"{key}: {value}" for key, value in {"listen": f"'127.0.0.1:{free_port()}'", **more}.items())
        port = free_port(socket.SOCK_DGRAM)
        run = start(store=f"{{{store}}}", collect=f"{{listen: ['127.0.0.1:{port}'], receive_buffer: 64M, sync: 200ms}}").up()
        run.weir = weir
        run.port = port
        return run

    return one


def send(run):
    return subprocess.Popen([run.weir, "generate", "--to", f"127.0.0.1:{run.port}", "--flows", str(FLOWS), "--rate", "80000"],
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def test_a_run_with_flows_and_questions_stays_below_a_gigabyte(running):
    run = running()
    wait_until("the tables", lambda: ask(run, "sql", "SELECT 1 FROM flows_1h_by LIMIT 1").returncode == 0)
    sending = send(run)
    for by in ("src_addr", "src_addr,dst_addr,dst_port", "proto,service_port", "minute"):
        done = ask(run, "top", "--by", by, "--last", "1h")
        assert done.returncode == 0, done.stderr
    assert sending.wait(120) == 0
    wait_while_it_goes_on("the flows", lambda: stored(run) == FLOWS, lambda: stored(run))
    for by in ("src_addr", "src_addr,dst_addr,src_port,dst_port,proto"):
        assert ask(run, "top", "--by", by, "--last", "1h").returncode == 0
    taken = {pid: memory_mb_of(pid) for pid in [run.process.pid, *run.pids().values()]}
    assert sum(taken.values()) < RUN_MB_MAX, taken


def test_a_question_over_its_limit_fails_alone(running):
    """With a message that says why and what to do; flows go on being stored, other questions are answered, and no role ends."""
    run = running(memory_max="1G")
    pids = run.pids()
    sending = send(run)
    heavy = "SELECT length(groupArray(toString(number))) FROM numbers(100000000)"
    failed = 0
    while sending.poll() is None or failed < 3:
        done = ask(run, "sql", heavy)
        assert done.returncode == 1 and "memory" in done.stderr.lower(), done
        assert done.stderr.count("\n") == 1 and "store.memory_max" in done.stderr, done.stderr
        failed += 1
        assert ask(run, "sql", "-f", "TSV", "SELECT 1").stdout == "1\n"
    assert sending.returncode == 0
    wait_while_it_goes_on("the flows", lambda: stored(run) == FLOWS, lambda: stored(run))
    assert run.pids() == pids
    sink = (run.data / "run/sink.prom").read_text()
    assert "weir_sink_retries_total 0\n" in sink, sink
