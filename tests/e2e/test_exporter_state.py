"""What weir knows of each exporter: the accounts close, `weir status --exporters` says what is wrong."""
import json
import re
import signal
import socket
import subprocess
import time

import pytest

from conftest import free_port, wait_until
from lab import free_udp_port, send_all


class Collect:
    """`weir collect` on a data folder of its own."""

    def __init__(self, weir, folder, workers=2):
        self.weir, self.folder, self.port = weir, folder, free_udp_port()
        self.config = folder / "weir.yaml"
        self.config.write_text(f"data_dir: {folder}/var\n"
                               f"collect:\n  listen: 127.0.0.1:{self.port}\n  workers: {workers}\n  sync: 100ms\n"
                               f"store: {{embedded: false, url: 'http://127.0.0.1:{free_port()}'}}\n")
        self.process = None
        self.starts = 0

    def start(self):
        self.starts += 1
        with open(self.folder / "collect.log", "ab") as log:
            self.process = subprocess.Popen([self.weir, "collect", "--config", self.config], stderr=log)
        wait_until("collect", lambda: self.log().count("listening") == self.starts)
        return self

    def log(self):
        return (self.folder / "collect.log").read_text()

    def end(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        return self.process.wait(60)

    def metrics(self):
        path = self.folder / "var/run/collect.prom"
        lines = path.read_text().splitlines() if path.exists() else []
        return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines if line[:1] != "#")}

    def exporters(self):
        """(exit status, exporters as JSON)."""
        done = subprocess.run([self.weir, "status", "--exporters", "--format", "json", "--config", self.config],
                              capture_output=True, text=True, timeout=60)
        assert done.stderr == "", done.stderr
        return done.returncode, json.loads(done.stdout)["exporters"]

    def table(self):
        return subprocess.run([self.weir, "status", "--exporters", "--config", self.config], capture_output=True,
                              text=True, timeout=60).stdout

    def wait_for(self, what, n):
        wait_until(f"{n} {what}", lambda: self.metrics().get(f"weir_collect_{what}_total") == n)

    def generate(self, flows, *more):
        done = subprocess.run([self.weir, "generate", "--to", f"127.0.0.1:{self.port}", "--flows", str(flows), "--rate",
                               "20000", "--summary", "json", *more], capture_output=True, text=True, check=True)
        return json.loads(done.stdout)


@pytest.fixture
def collect(weir, tmp_path):
    made = Collect(weir, tmp_path)
    yield made
    if made.process and made.process.poll() is None:
        made.end(signal.SIGKILL)


def v9(sequence, sets, domain=7, seconds=None):
    """A message of NetFlow v9 with sets as (id, bytes)."""
    head = b"".join([(9).to_bytes(2), (1).to_bytes(2), (100000).to_bytes(4), int(seconds or time.time()).to_bytes(4),
                     sequence.to_bytes(4), domain.to_bytes(4)])
    return head + b"".join(number.to_bytes(2) + (len(body) + 4).to_bytes(2) + body for number, body in sets)


def words(*numbers):
    return b"".join(n.to_bytes(2) for n in numbers)


TEMPLATE = (0, words(256, 3, 8, 4, 12, 4, 1, 4))
FLOW = (256, bytes([10, 0, 0, 1, 10, 0, 0, 2, 0, 0, 0, 100]))


def test_accounts_close(collect):
    collect.start()
    sent = collect.generate(5000)
    send_all([b"hello", v9(1, [FLOW], domain=1)[:30]], collect.port)
    wait_until("the flows", lambda: collect.metrics().get("weir_collect_flows_total") == sent["flows"] and
               collect.metrics().get('weir_collect_faults_total{fault="version_unknown"}') == 1)
    assert collect.end() == 0
    code, exporters = collect.exporters()
    metrics = collect.metrics()
    assert code == 1 and sum(e["flows"] for e in exporters) == sent["flows"]
    for key, metric in (("messages", "messages"), ("lost", "lost"), ("template_records", "templates"),
                        ("option_records", "option_records")):
        assert sum(e[key] for e in exporters) == metrics[f"weir_collect_{metric}_total"], key
    for e in exporters:
        assert sum(e[key] for key in e if key.startswith("bytes_")) == e["bytes"]
        assert e["bytes_unread"] == 0 or e["faults"]
    faults = {}
    for e in exporters:
        for name, n in e["faults"].items():
            faults[name] = faults.get(name, 0) + n
    assert faults == {name.split('"')[1]: n for name, n in metrics.items()
                      if name.startswith("weir_collect_faults_total{") and n}
    others = [e for e in exporters if "exporter_addr" not in e]
    assert len(others) == 1 and others[0]["faults"]["version_unknown"] == 1
    assert "1 datagrams were no flow export; see who sends them" in others[0]["problems"][0]


def test_well(collect):
    collect.start()
    collect.generate(500)
    collect.wait_for("flows", 500)
    wait_until("the exporters", lambda: sum(e["flows"] for e in collect.exporters()[1]) == 500)
    code, exporters = collect.exporters()
    assert code == 0 and all(e["problems"] == [] and e["clock_skew_ms"] < 2000 for e in exporters)
    table = collect.table()
    assert table.startswith("all is well\n\nexporter ")
    assert len(re.findall(r"^127\.1\.0\.\d ", table, re.M)) == len(exporters)
    assert sum(n for name, n in collect.metrics().items() if name.startswith("weir_exporter_flows_total{")) == 500


def test_what_is_wrong_is_told(collect):
    """A clock of yesterday, data before its template, lost messages: each with the next step."""
    collect.start()
    yesterday = time.time() - 86400 * 3.5
    send_all([v9(1, [TEMPLATE, FLOW], 1, yesterday), v9(5, [FLOW], 1, yesterday), v9(1, [FLOW], 2)], collect.port)
    collect.wait_for("messages", 3)
    wait_until("the exporters", lambda: sum(e["messages"] for e in collect.exporters()[1]) == 3)
    code, exporters = collect.exporters()
    problems = {e["observation_domain"]: " ".join(e["problems"]) for e in exporters}
    assert code == 1
    assert "its clock is 3 d behind" in problems[1] and "let it use NTP" in problems[1]
    assert re.search(r"60.0 % of its messages were lost", problems[1])
    assert "data waits for a template that has not come yet; let it send its templates more often" in problems[2]
    assert "problem: 127.0.0.1, domain 2: data waits" in collect.table()


def test_two_exporters_behind_one_address(collect):
    collect.start()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as two:
        for i in range(10):
            one.sendto(v9(100 + i, [TEMPLATE, FLOW]), ("127.0.0.1", collect.port))
            two.sendto(v9(500000 + i, [TEMPLATE, FLOW]), ("127.0.0.1", collect.port))
    collect.wait_for("flows", 20)
    wait_until("the exporters", lambda: sum(e["messages"] for e in collect.exporters()[1]) == 20)
    (e,) = collect.exporters()[1]
    assert e["lost"] == 0 and e["restarts"] == 19
    assert "two exporters seem to share this address and domain; give each" in e["problems"][0]


def data_of(port, sequence, domain=7):
    """A flow without its template, from an address of the exporter's own."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind((f"127.0.1.{domain}", 0))
        s.sendto(v9(sequence, [FLOW], domain), ("127.0.0.1", port))


def learn(collect, exporters=8):
    """Templates of exporters that differ in address, and therefore in worker."""
    for domain in range(1, exporters + 1):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.bind((f"127.0.1.{domain}", 0))
            s.sendto(v9(1, [TEMPLATE], domain), ("127.0.0.1", collect.port))
    collect.wait_for("templates", exporters)
    state = collect.folder / "var/run/exporters.state"
    wait_until("the state", lambda: state.exists() and state.read_bytes().count(bytes([127, 0, 1])) == exporters)
    return state


@pytest.mark.parametrize("workers", [1, 3])
def test_templates_survive_a_kill(collect, workers):
    """Data that comes before any new template is decoded at once, also by another number of workers."""
    collect.start()
    learn(collect)
    collect.end(signal.SIGKILL)
    collect.config.write_text(collect.config.read_text().replace("workers: 2", f"workers: {workers}"))
    collect.start()
    for domain in range(1, 9):
        data_of(collect.port, 2, domain)
    collect.wait_for("flows", 8)
    metrics = collect.metrics()
    assert metrics["weir_collect_state_exporters_total"] == 8 and metrics["weir_collect_state_ignored_total"] == 0
    assert metrics["weir_collect_templates_total"] == 0
    # And again, though the second process has not heard a template at all.
    assert collect.end() == 0
    collect.start()
    for domain in range(1, 9):
        data_of(collect.port, 3, domain)
    collect.wait_for("flows", 8)


def test_a_worker_without_news_keeps_what_it_took_over(collect):
    collect.start()
    state = learn(collect)
    collect.end(signal.SIGKILL)
    collect.start()
    send_all([v9(1, [TEMPLATE], 99)], collect.port)
    wait_until("the state", lambda: state.read_bytes().count(bytes([127, 0, 0, 1])) == 1)
    assert state.read_bytes().count(bytes([127, 0, 1])) == 8


@pytest.mark.parametrize("damage", [lambda b: b[:-1], lambda b: b[:100] + b"!" + b[101:], lambda b: bytes(range(256)) * 1000])
def test_damaged_state_is_told_and_ignored(collect, damage):
    collect.start()
    state = learn(collect, 2)
    collect.end(signal.SIGKILL)
    state.write_bytes(damage(state.read_bytes()))
    collect.start()
    assert collect.log().count("what exporters told before cannot be used: ") == 1
    data_of(collect.port, 2, 1)
    collect.wait_for("messages", 1)
    metrics = collect.metrics()
    assert metrics["weir_collect_state_ignored_total"] == 1 and metrics["weir_collect_flows_total"] == 0
    learn(collect, 2)
    collect.wait_for("flows", 1)


def test_no_collector(weir, tmp_path):
    done = subprocess.run([weir, "status", "--exporters", "--data", tmp_path], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1 and "no collector has run with this data folder; start it with" in done.stderr
