"""From the spool to the store: exactly once, whatever is killed; and the sink's manners when the store has none."""
import http.server
import json
import pathlib
import random
import shutil
import signal
import subprocess
import threading
import time
import urllib.parse
import urllib.request

import pytest

import native
from conftest import free_port, wait_until, wait_while_it_goes_on

KILLS = 36


class System:
    """The roles of one data folder as processes of their own."""

    def __init__(self, weir, folder, url="", embedded=True, sync="100ms", segment="64K"):
        self.weir, self.folder = weir, folder
        self.data = folder / "var"
        self.collect_port, self.store_port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.store_port}"
        self.config = folder / "weir.yaml"
        self.config.write_text(f"data_dir: {self.data}\nweb: {{listen: []}}\n"
                               f"collect:\n  listen: 127.0.0.1:{self.collect_port}\n  sync: {sync}\n  workers: 1\n"
                               f"spool:\n  segment: {segment}\n"
                               f"store:\n  listen: 127.0.0.1:{self.store_port}\n  embedded: {str(embedded).lower()}\n"
                               + (f"  url: {url}\n" if url else ""))
        self.running = {}

    def start(self, role):
        with open(self.folder / f"{role}.log", "ab") as log:
            self.running[role] = subprocess.Popen([self.weir, role, "--config", self.config], stderr=log, stdout=log)
        return self.running[role]

    def end(self, role, how=signal.SIGTERM, seconds=60):
        process = self.running.pop(role)
        process.send_signal(how)
        return process.wait(seconds)

    def end_all(self):
        for role in list(self.running):
            self.end(role, signal.SIGKILL)

    def log(self, role):
        return (self.folder / f"{role}.log").read_text()

    def metrics(self, role):
        path = self.data / "run" / f"{role}.prom"
        lines = path.read_text().splitlines() if path.exists() else []
        return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines if line[:1] != "#")}

    def generate(self, flows, rate, wait=True):
        """Sends to collect; the summary, or the process when it shall not be waited for."""
        command = [self.weir, "generate", "--to", f"127.0.0.1:{self.collect_port}", "--flows", str(flows),
                   "--rate", str(rate), "--summary", "json"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        return json.loads(process.communicate(timeout=120)[0]) if wait else process

    def ask(self, sql):
        with urllib.request.urlopen(f"{self.url}/?database=weir", sql.encode(), timeout=60) as answer:
            return [int(field) for field in answer.read().split()]

    def stored(self):
        """Flows and bytes in the table and in the rollup, or None while the store cannot say."""
        try:
            return (self.ask("SELECT count(), sum(bytes) FROM flows"),
                    self.ask("SELECT sum(flows), sum(exported_bytes) FROM flows_1m"))
        except OSError:
            return None

    def matrix(self):
        """Flows and bytes in the matrix's tables; each is made of the one before it."""
        return [self.ask(f"SELECT sum(hits), sum(bytes) FROM {table}") for table in ("matrix_1h", "matrix_1d")]

    def coarser(self):
        """Flows and bytes in the sums that are made of the rollup: an hour's, and of each of seven dimensions a minute's and an hour's."""
        by = [self.ask(f"SELECT sum(flows), sum(exported_bytes) FROM {table} GROUP BY dimension") for table in ("flows_1m_by", "flows_1h_by")]
        return [self.ask("SELECT sum(flows), sum(exported_bytes) FROM flows_1h")] + [sums[i:i + 2] for sums in by for i in range(0, len(sums), 2)]

    def spooled(self):
        """Flows and bytes of the segments that lie in the spool."""
        both = [native.sums(path) for path in sorted((self.data / "spool").glob("w*/*.native.lz4"))]
        return [sum(flows for flows, _ in both), sum(total for _, total in both)]

    def fill(self, flows):
        """A spool with so many flows, and nobody running."""
        collect = self.start("collect")
        wait_until("collect", lambda: collect.poll() is None and "listening" in self.log("collect"))
        summary = self.generate(flows, 100000)
        wait_until("the flows", lambda: self.metrics("collect").get("weir_collect_flows_total") == flows)
        assert self.end("collect") == 0
        return summary

    def expect_stored(self, expected):
        """Wait for the number of flows, then all sums must be right and stay so."""
        wait_while_it_goes_on(f"{expected[0]} flows in the store", lambda: stored_rows(self) >= expected[0], self.stored)
        wait_until("the spool's end", lambda: self.metrics("sink").get("weir_sink_backlog_segments") == 0)
        assert self.stored() == (expected, expected)
        assert self.matrix() == [expected, expected]
        assert self.coarser() == [expected] * 15


@pytest.fixture
def system(weir, tmp_path):
    made = System(weir, tmp_path)
    yield made
    made.end_all()


def stored_rows(system):
    """0 while the store cannot say."""
    stored = system.stored()
    return stored[0][0] if stored else 0


def kill_at_random(system, roles, seed, until):
    """kill -9 of one role or the other, at moments that the seed decides, and start it again."""
    dice = random.Random(seed)
    kills = 0
    while kills < KILLS or not until():
        time.sleep(dice.choice((0.02, 0.1, 0.3)) * dice.random() * 2)
        role = dice.choice(roles)
        system.end(role, signal.SIGKILL)
        system.start(role)
        kills += 1
        if kills % 6 == 0:
            time.sleep(0.5)  # some inserts shall come through between two kills
    return kills


@pytest.mark.promise
def test_every_flow_is_stored_once_though_sink_and_store_are_killed(system, embedded_store):
    for role in ("collect", "store", "sink"):
        system.start(role)
    wait_until("collect", lambda: "listening" in system.log("collect"))
    sending = system.generate(100000, 10000, wait=False)
    kill_at_random(system, ("store", "sink"), 20261124, lambda: sending.poll() is not None)
    sent = json.loads(sending.communicate(timeout=60)[0])
    wait_until("the flows", lambda: system.metrics("collect").get("weir_spool_rows_total") == sent["flows"])
    system.expect_stored([sent["flows"], sent["bytes"]])
    assert system.metrics("sink")["weir_sink_damaged_segments_total"] == 0
    assert system.metrics("sink")["weir_sink_missing_segments_total"] == 0


def repeat_frames(segments, times):
    """Makes the one segment so many times as long: it is a run of LZ4 frames."""
    path, = segments
    rows = int(path.name.split("-")[1].split(".")[0])
    path.with_name(path.name.replace(f"-{rows}.", f"-{rows * times}.")).write_bytes(path.read_bytes() * times)
    path.unlink()


def kill_within_an_insert(system, expected):
    """kill -9 of store and sink whenever there are more rows, until all are there; how often only a part was."""
    partly, had = 0, 0
    while had < expected:
        system.start("store")
        system.start("sink")
        had = wait_until("more rows", lambda: stored_rows(system) if stored_rows(system) > had else 0, 60)
        partly += had < expected
        system.end("store", signal.SIGKILL)
        system.end("sink", signal.SIGKILL)
    return partly


@pytest.mark.promise
def test_a_segment_of_several_parts_is_stored_once_though_the_store_is_killed_within_it(weir, tmp_path, embedded_store):
    system = System(weir, tmp_path, sync="1h", segment="1G")
    try:
        system.start("collect")
        wait_until("collect", lambda: "listening" in system.log("collect"))
        system.generate(100000, 50000)
        assert system.end("collect", seconds=60) == 0
        repeat_frames((system.data / "spool/w0").iterdir(), 10)
        expected = system.spooled()
        assert expected[0] > 600000 and len(list((system.data / "spool/w0").iterdir())) == 1
        # On a busy machine the last part may be there before the first was seen: then all over again.
        for _ in range(8):
            if kill_within_an_insert(system, expected[0]):
                break
            shutil.rmtree(system.data / "store")
            (system.data / "spool/position/clickhouse").unlink()
        else:
            pytest.fail("no kill hit the insert")
        system.start("store")
        system.start("sink")
        system.expect_stored(expected)
    finally:
        system.end_all()


@pytest.mark.promise
def test_what_a_killed_collect_synced_is_stored_once(system, embedded_store):
    system.start("collect")
    sending = system.generate(60000, 20000, wait=False)
    dice = random.Random(7)
    while sending.poll() is None:
        time.sleep(0.3 * dice.random())
        system.end("collect", signal.SIGKILL)
        system.start("collect")
    system.end("collect")
    expected = system.spooled()
    assert expected[0] > 1000
    system.start("store")
    system.start("sink")
    system.expect_stored(expected)
    assert system.end("sink") == 0 and system.end("store") == 0


def test_the_same_segments_again_change_nothing(system, embedded_store):
    """A consumer that lost its position sends everything again."""
    sent = system.fill(20000)
    system.start("store")
    system.start("sink")
    system.expect_stored([20000, sent["bytes"]])
    assert system.end("sink") == 0
    (system.data / "spool/position/clickhouse").unlink()
    system.start("sink")
    wait_until("all again", lambda: system.metrics("sink").get("weir_sink_rows_total") == 20000)
    assert system.stored() == ([20000, sent["bytes"]], [20000, sent["bytes"]])
    assert system.matrix() == [[20000, sent["bytes"]]] * 2
    assert system.coarser() == [[20000, sent["bytes"]]] * 15


class FakeStore(http.server.ThreadingHTTPServer):
    """Takes migrations; what it says to inserts is the test's: a list of (status, code) used up one by one."""

    def __init__(self, answers=(), hang=False):
        self.answers, self.hang = list(answers), threading.Event()
        if not hang:
            self.hang.set()
        self.inserts = []
        super().__init__(("127.0.0.1", 0), FakeHandler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def url(self):
        return f"http://127.0.0.1:{self.server_port}"


class FakeHandler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        asked = {k: v[0] for k, v in urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query).items()}
        status, code = 200, 0
        if asked.get("query", "").startswith("INSERT INTO flows"):
            self.server.hang.wait(60)
            asked["encoding"], asked["body"] = self.headers["Content-Encoding"], body
            self.server.inserts.append(asked)
            if self.server.answers:
                status, code = self.server.answers.pop(0)
        text = f"Code: {code}. DB::Exception: it said no (FAKE)".encode() if code else b""
        self.send_response(status)
        self.send_header("X-ClickHouse-Summary", "{}")
        if code:
            self.send_header("X-ClickHouse-Exception-Code", str(code))
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


@pytest.fixture
def against(weir, tmp_path):
    """A system whose store is a fake one: against(answers)."""
    made = []

    def make(**arguments):
        store = FakeStore(**arguments)
        system = System(weir, tmp_path, store.url(), embedded=False)
        made.append((system, store))
        return system, store

    yield make
    for system, store in made:
        system.end_all()
        store.hang.set()
        store.shutdown()


def test_an_insert_names_its_segment(against, tmp_path):
    system, store = against()
    sent = system.fill(3000)
    names = {path.name for path in (system.data / "spool").glob("w*/*.native.lz4")}
    spool_id = (system.data / "spool/id").read_text().strip()
    system.start("sink")
    wait_until("all segments", lambda: system.metrics("sink").get("weir_sink_rows_total") == 3000)
    assert len(store.inserts) == len(names)
    assert len({insert["insert_deduplication_token"] for insert in store.inserts}) == len(names)
    total = 0
    for insert in store.inserts:
        assert insert["insert_deduplication_token"].startswith(f"{spool_id}-w")
        assert insert["deduplicate_blocks_in_dependent_materialized_views"] == "1"
        assert insert["encoding"] == "lz4" and insert["database"] == "weir"
        path = tmp_path / "segment"
        path.write_bytes(insert["body"])
        total += native.sums(path)[1]
    assert total == sent["bytes"]


def test_a_segment_that_the_store_cannot_read_is_set_aside(against):
    system, store = against(answers=[(400, 33)] * 3)
    system.fill(20000)
    first = min((system.data / "spool").glob("w*/*.native.lz4"))
    system.start("sink")
    wait_until("the rest", lambda: system.metrics("sink").get("weir_sink_backlog_segments") == 0)
    metrics = system.metrics("sink")
    assert metrics["weir_sink_set_aside_segments_total"] == 1
    assert metrics["weir_sink_rows_total"] + metrics["weir_sink_set_aside_rows_total"] == 20000
    assert metrics["weir_sink_up"] == 1
    damaged = list((system.data / "spool/damaged").iterdir())
    assert [path.name for path in damaged] == [f"{first.parent.name}-{first.name}"]
    assert "cannot read the segment" in system.log("sink") and "it said no" in system.log("sink")
    assert len({insert["insert_deduplication_token"] for insert in store.inserts[:3]}) == 1


def test_trouble_of_the_store_is_told_once_and_waited_out(against):
    system, store = against(answers=[(500, 241)] * 6)
    system.fill(500)
    system.start("sink")
    wait_until("trouble", lambda: system.metrics("sink").get("weir_sink_up") == 0)
    wait_until("the flows", lambda: system.metrics("sink").get("weir_sink_rows_total") == 500)
    assert system.metrics("sink")["weir_sink_up"] == 1
    assert system.log("sink").count("not storing") == 1
    assert system.log("sink").count("storing again") == 1
    assert len({insert["insert_deduplication_token"] for insert in store.inserts[:7]}) == 1


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_ends_at_once_though_the_store_hangs(against, how):
    system, _ = against(hang=True)
    system.fill(500)
    system.start("sink")
    wait_until("an insert", lambda: system.metrics("sink").get("weir_sink_lag_seconds", 0) > 0)
    began = time.monotonic()
    assert system.end("sink", how) == 0
    assert time.monotonic() - began < 15, "it waited for the store, which answers after 30 s"
    assert "0 flows stored, 500 wait in the spool" in system.log("sink")


def test_a_spool_that_cannot_be_used_is_one_clear_line(weir, tmp_path):
    (tmp_path / "var").mkdir()
    (tmp_path / "var/spool").write_text("")
    done = subprocess.run([weir, "sink", "--data", tmp_path / "var"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1 and str(pathlib.Path(tmp_path, "var/spool")) in done.stderr


def test_a_second_sink_is_refused(against):
    system, _ = against()
    sink = system.start("sink")
    wait_until("the sink", lambda: system.metrics("sink"))
    done = subprocess.run([system.weir, "sink", "--config", system.config], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "another process reads the spool" in done.stderr
    assert sink.poll() is None
