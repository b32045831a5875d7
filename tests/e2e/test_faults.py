"""What can go wrong around weir: nothing crashes, memory stays bounded, the rest goes on, what is lost is counted and shown by
`weir status`, and recovery needs nobody.

Elsewhere: a store that is down, hangs, refuses or is killed, damaged answers (test_sink.py, client_test.c), one exporter's flood
(test_flood.py), kills of everything (test_storm.py), exporters that start again (the wire
module's tests)."""
import errno
import json
import os
import pathlib
import re
import signal
import socket
import struct
import subprocess
import time
import urllib.error

import pytest

import flood
from conftest import wait_until
from test_sink import FakeStore, System

ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small file system")
COLLECT_MB_MAX = 96
FULL_COLLECT_MB_MAX = 256  # with all the exporters and templates that it takes by default


def memory_mb(process, what="VmHWM"):
    text = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    return int(re.search(rf"^{what}:\s+(\d+) kB", text, re.M).group(1)) / 1024


class Faulty(System):
    def __init__(self, weir, folder, more="", **options):
        super().__init__(weir, folder, **options)
        for name, value in json.loads(more or "{}").items():
            section, key = name.split(".")
            text = self.config.read_text()
            assert f"{section}:\n" in text
            self.config.write_text(text.replace(f"{section}:\n", f"{section}:\n  {key}: {value}\n"))

    def start_collect(self):
        collect = self.start("collect")
        wait_until("collect", lambda: collect.poll() is None and "listening" in self.log("collect"))
        return collect

    def status(self):
        done = subprocess.run([self.weir, "status", "--config", self.config, "--format", "json"], capture_output=True,
                              text=True, timeout=60)
        return json.loads(done.stdout)

    def has_problem(self, words):
        return any(words in problem for problem in self.status()["problems"])

    def count(self, role, name):
        return self.metrics(role).get(name, 0)


@pytest.fixture
def made():
    """Things to end: systems, and stores."""
    systems, stores = [], []
    yield systems, stores
    for system in systems:
        system.end_all()
    for store in stores:
        store.hang.set()
        store.shutdown()


@pytest.fixture
def system(weir, tmp_path, made):
    def one(**options):
        made[0].append(Faulty(weir, tmp_path, **options))
        return made[0][-1]

    return one


@pytest.fixture
def fake(made):
    def one(**options):
        made[1].append(FakeStore(**options))
        return made[1][-1]

    return one


@pytest.fixture
def small_disk():
    """Mounts a tmpfs of so many bytes."""
    mounted = []

    def mount(folder, size):
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=0755", "weir-test", folder], check=True)
        mounted.append(folder)

    yield mount
    for folder in mounted:
        subprocess.run(["umount", "-l", folder], check=False)


def resize(folder, size):
    subprocess.run(["mount", "-o", f"remount,size={size}", folder], check=True)


def fill_up(folder):
    """A file that takes all the room of a disk."""
    filler = folder / "filler"
    descriptor = os.open(filler, os.O_WRONLY | os.O_CREAT)
    try:
        while True:
            os.write(descriptor, bytes(1 << 16))
    except OSError as full:
        assert full.errno == errno.ENOSPC
    finally:
        os.close(descriptor)
    return filler


@ROOT_ONLY
def test_full_disk_under_the_spool(system, small_disk):
    s = system()
    small_disk(s.data / "spool", "1M")
    collect = s.start_collect()
    sent = s.generate(60000, 60000)["flows"]
    wait_until("the loss", lambda: s.count("collect", "weir_spool_lost_rows_total") > 0)
    wait_until("the flows", lambda: s.count("collect", "weir_collect_flows_total") == sent)
    assert s.has_problem("flows were lost because the spool could not be written")
    assert s.log("collect").count("No space left") == 1, s.log("collect")
    resize(s.data / "spool", "64M")
    wait_until("all to be written or lost", lambda: s.count("collect", "weir_spool_lost_rows_total") +
               s.count("collect", "weir_spool_rows_total") == sent)
    lost = s.count("collect", "weir_spool_lost_rows_total")
    more = s.generate(5000, 20000)["flows"]
    wait_until("the flows after that", lambda: s.count("collect", "weir_collect_flows_total") == sent + more)
    assert collect.poll() is None and memory_mb(collect) < COLLECT_MB_MAX
    assert s.end("collect") == 0
    metrics = s.metrics("collect")
    assert metrics["weir_spool_rows_total"] + metrics["weir_spool_lost_rows_total"] == sent + more
    assert metrics["weir_spool_lost_rows_total"] - lost < 2000  # what was open when there was room again
    assert s.spooled()[0] == metrics["weir_spool_rows_total"]


@ROOT_ONLY
def test_full_disk_under_the_store(system, small_disk, embedded_store):
    s = system()
    small_disk(s.data / "store", "300M")
    s.start("store")
    wait_until("the store", lambda: "answers HTTP" in s.log("store"))
    s.start("sink")
    wait_until("the tables", lambda: "tables are up to date" in s.log("sink"))
    filler = fill_up(s.data / "store")
    sent = s.fill(50000)
    wait_until("trouble", lambda: s.metrics("sink").get("weir_sink_up") == 0, 60)
    assert s.running["store"].poll() is None
    filler.unlink()
    s.expect_stored([sent["flows"], sent["bytes"]])
    assert s.count("sink", "weir_sink_set_aside_segments_total") == 0


@ROOT_ONLY
def test_disk_under_the_store_that_is_full_before_there_are_tables(system, small_disk, embedded_store):
    """The engine by itself would make tables whose definitions are empty files, and never start again."""
    s = system()
    small_disk(s.data / "store", "200M")
    s.start("store")
    wait_until("the store", lambda: "answers HTTP" in s.log("store"))
    filler = fill_up(s.data / "store")
    s.start("sink")
    wait_until("the refusal", lambda: "disk of the store is almost full" in s.log("sink"), 60)
    assert s.count("sink", "weir_sink_up") == 0
    assert [path for path in (s.data / "store").rglob("*.sql") if not path.stat().st_size] == []
    filler.unlink()
    sent = s.fill(3000)
    s.expect_stored([sent["flows"], sent["bytes"]])
    # Nor does an upgrade on a full disk harm the tables that there are, and reading goes on.
    filler = fill_up(s.data / "store")
    with pytest.raises(urllib.error.HTTPError, match="500"):
        s.ask("ALTER TABLE flows ADD COLUMN another UInt8")
    assert s.stored()[0] == [sent["flows"], sent["bytes"]]
    s.end("store", signal.SIGKILL)
    filler.unlink()
    s.start("store")
    s.expect_stored([sent["flows"], sent["bytes"]])


@ROOT_ONLY
def test_disk_that_is_full_at_the_start(system, small_disk, embedded_store):
    """Of all that `weir run` starts nothing stays down for it."""
    s = system()
    for folder in ("spool", "store"):
        small_disk(s.data / folder, "200M")
    fillers = [fill_up(s.data / folder) for folder in ("spool", "store")]
    s.start("run")
    for role in ("collect", "store"):
        wait_until(f"{role} to try again", lambda: s.log("run").count(f"{role} ended with status 1; it starts again") > 1)
    for filler in fillers:
        filler.unlink()
    wait_until("all to be up", lambda: "tables are up to date" in s.log("run") and "collect: listening" in s.log("run"), 90)
    sent = s.generate(2000, 10000)
    s.expect_stored([sent["flows"], sent["bytes"]])
    assert s.end("run", signal.SIGINT, 60) == 0


def test_damaged_segments(system, fake):
    store = fake()
    s = system(url=store.url(), embedded=False)
    s.fill(20000)
    first, second, *rest = sorted((s.data / "spool/w0").glob("*.native.lz4"))
    rows = {path: int(path.name.split("-")[1].split(".")[0]) for path in (first, second, *rest)}
    os.truncate(first, first.stat().st_size * 2 // 3)
    with open(second, "r+b") as file:
        file.seek(second.stat().st_size // 2)
        byte = file.read(1)[0]
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte ^ 0x10]))
    sink = s.start("sink")
    expected = 20000 - rows[first] - rows[second]
    wait_until("the rest", lambda: s.count("sink", "weir_sink_rows_total") == expected)
    wait_until("the count", lambda: s.count("sink", "weir_sink_damaged_segments_total") == 2)
    assert sorted(path.name for path in (s.data / "spool/damaged").iterdir()) == [f"w0-{p.name}" for p in (first, second)]
    assert s.has_problem("segments of the spool failed their checksum")
    assert "failed their checksum" in s.log("sink") and sink.poll() is None


@pytest.mark.parametrize("code", [252, 241, 243, 159])
def test_store_that_refuses_for_a_while(system, fake, code):
    """Too many parts, memory, disk, time."""
    store = fake(answers=[(500, code)] * 3)
    s = system(url=store.url(), embedded=False)
    s.fill(500)
    s.start("sink")
    wait_until("the flows", lambda: s.count("sink", "weir_sink_rows_total") == 500)
    assert len({insert["insert_deduplication_token"] for insert in store.inserts[:4]}) == 1
    assert s.count("sink", "weir_sink_set_aside_segments_total") == 0


def test_slow_store_hinders_nobody(system, fake):
    store = fake(hang=True)
    s = system(url=store.url(), embedded=False)
    collect, sink = s.start_collect(), s.start("sink")
    sent = s.generate(60000, 30000)["flows"]
    wait_until("the flows", lambda: s.count("collect", "weir_spool_rows_total") == sent)
    assert s.count("collect", "weir_collect_kernel_drops_total") == 0
    assert s.count("sink", "weir_sink_rows_total") == 0
    wait_until("the backlog", lambda: s.status()["spool"]["waiting_flows"] >= sent)
    assert memory_mb(collect) < COLLECT_MB_MAX and memory_mb(sink) < 64
    store.hang.set()
    wait_until("all", lambda: s.count("sink", "weir_sink_rows_total") == sent)


def test_store_that_is_down_until_the_spool_is_full(system, fake):
    """The oldest go, counted; the newest are stored when it is back."""
    store = fake()
    s = system(more='{"spool.size_max": "1M"}', url=store.url(), embedded=False)
    collect = s.start_collect()
    sent = s.generate(120000, 60000)["flows"]
    wait_until("the flows", lambda: s.count("collect", "weir_spool_rows_total") == sent)
    wait_until("room", lambda: s.count("collect", "weir_spool_dropped_rows_total") > 0)
    wait_until("the word", lambda: s.has_problem("removed from the spool before the store had them"))
    assert memory_mb(collect) < COLLECT_MB_MAX
    wait_until("the limit", lambda: sum(p.stat().st_size for p in (s.data / "spool/w0").iterdir()) <= 1 << 20)
    s.start("sink")
    wait_until("the newest", lambda: s.count("sink", "weir_sink_rows_total") +
               s.count("collect", "weir_spool_dropped_rows_total") == sent)


def template_message(sequence, first, templates=40):
    """NetFlow v9 with templates of 20 fields each; none of them is sent data for."""
    fields = b"".join(struct.pack("!HH", 1 + n, 4) for n in range(20))
    records = b"".join(struct.pack("!HH", 256 + first + n, 20) + fields for n in range(templates))
    body = struct.pack("!HH", 0, 4 + len(records)) + records
    return struct.pack("!HHIIII", 9, templates, 1000, int(time.time()), sequence, 0) + body


def test_template_storm_from_thousands_of_forged_exporters(system):
    s = system(more='{"collect.exporters_max": 1000}')
    collect = s.start_collect()
    quiet = flood.Exporter("127.200.0.1", s.collect_port, flows=1)
    quiet.send()
    for n in range(6000):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as forged:
            forged.bind((f"127.10.{n // 256}.{n % 256}", 0))
            forged.sendto(template_message(n, n % 7), ("127.0.0.1", s.collect_port))
    wait_until("all", lambda: s.count("collect", "weir_collect_datagrams_total") +
               s.count("collect", "weir_collect_kernel_drops_total") == 6001)
    # Each was decoded, refused by name, or more than its share.
    metrics = s.metrics("collect")
    decoded = metrics["weir_collect_datagrams_total"] - metrics["weir_collect_over_share_total"]
    assert metrics['weir_collect_faults_total{fault="exporters_limit"}'] == decoded - 1000

    def all_come():
        before, end = s.count("collect", "weir_collect_flows_total"), time.monotonic() + 4
        for _ in range(50):
            quiet.send()
            time.sleep(0.002)
        while time.monotonic() < end and s.count("collect", "weir_collect_flows_total") < before + 50:
            time.sleep(0.05)
        return s.count("collect", "weir_collect_flows_total") == before + 50

    # A limit, if there was one, is lifted when nothing comes any more.
    wait_until("the flows after the storm", all_come)
    assert collect.poll() is None and memory_mb(collect) < FULL_COLLECT_MB_MAX
    assert s.end("collect", seconds=60) == 0


def test_receive_queue_overrun_is_counted_to_the_last_datagram(system):
    s = system(more='{"collect.receive_buffer": "64K"}')
    collect = s.start_collect()
    exporter = flood.Exporter("127.0.0.1", s.collect_port)
    exporter.send()
    wait_until("one", lambda: s.count("collect", "weir_collect_datagrams_total") == 1)
    collect.send_signal(signal.SIGSTOP)
    wait_until("it to stand still", lambda: all(stat.read_text().rsplit(")", 1)[1].split()[0] == "T"
                                                for stat in pathlib.Path(f"/proc/{collect.pid}/task").glob("*/stat")))
    for _ in range(500):
        exporter.send()
    collect.send_signal(signal.SIGCONT)
    wait_until("those that had room", lambda: s.count("collect", "weir_collect_datagrams_total") > 1)
    wait_until("the count", lambda: s.count("collect", "weir_collect_datagrams_total") +
               s.count("collect", "weir_collect_kernel_drops_total") == exporter.sent)
    assert s.count("collect", "weir_collect_kernel_drops_total") > 300
    exporter.send()  # and its sequence number says the same
    wait_until("the flows that they held", lambda: s.count("collect", "weir_collect_lost_total") ==
               30 * s.count("collect", "weir_collect_kernel_drops_total"))


def test_the_loss_of_a_killed_collector_is_said(system):
    s = system(sync="30s", segment="64M")
    s.start_collect()
    s.generate(200000, 0)  # more than a block: some of it is in an unfinished segment
    wait_until("the flows", lambda: s.count("collect", "weir_collect_flows_total") > 100000)
    wait_until("an unfinished segment", lambda: list((s.data / "spool/w0").glob("tmp-*")))
    s.end("collect", signal.SIGKILL)
    s.start_collect()
    wait_until("a word", lambda: "unfinished segments of a process that died were removed" in s.log("collect"))
    assert s.count("collect", "weir_spool_abandoned_segments_total") == 1
