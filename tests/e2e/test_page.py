"""The page in a real Chromium (page.mjs): `weir run` with generated traffic; the numbers of each view are the store's; there is no error on
the console, no violation of accessibility, and nothing wider than the window."""
import datetime
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import urllib.request

import pytest

from conftest import TOP, free_port, wait_until

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"


PASSWORD = "four words are better"
VIEWS = ["overview", "explore", "filter", "flows", "exporters", "host", "events", "keys"]


class Page:
    """A running weir with all its traffic stored, and what the browser saw."""

    def __init__(self, weir, folder, users=None, more=""):
        self.weir, self.folder = weir, folder
        self.wrong, self.seen = [], {}
        self.store, self.web = free_port(), free_port()
        self.collect = free_port(socket.SOCK_DGRAM)
        self.base = f"http://127.0.0.1:{self.web}"
        subprocess.run([weir, "generate", "--exporters", "2", "--write-networks", folder / "networks.csv"], check=True, capture_output=True)
        (folder / "weir.yaml").write_text(
            f"networks: {{file: {folder}/networks.csv}}\n"
            f"{more}data_dir: {folder}/data\ncollect: {{listen: ['127.0.0.1:{self.collect}'], user: ''}}\n"
            f"store: {{listen: '127.0.0.1:{self.store}'}}\nweb: {{listen: '127.0.0.1:{self.web}'}}\n")
        for name, role in (users or {}).items():
            (folder / "data").mkdir(exist_ok=True)
            done = subprocess.run([weir, "web", "user", "add", name, "--role", role, "--config", "weir.yaml"], cwd=folder, input=PASSWORD + "\n",
                                  capture_output=True, text=True)
            assert done.returncode == 0, done.stderr
        self.log = open(folder / "run.log", "w", encoding="utf-8")
        self.run = subprocess.Popen([weir, "run", "--config", "weir.yaml"], cwd=folder, stdout=self.log, stderr=self.log,
                                    start_new_session=True)

    def sql(self, statement):
        done = subprocess.run([self.weir, "sql", "--config", "weir.yaml", "--format", "json", statement], cwd=self.folder,
                              capture_output=True, text=True)
        return [list(row.values()) for row in json.loads(done.stdout)] if done.returncode == 0 else None

    def answers(self, path):
        try:
            with urllib.request.urlopen(self.base + path, timeout=5) as answer:
                return answer.status, answer.read()
        except OSError as error:
            return getattr(error, "code", 0), b""

    def fill(self):
        """Two kinds of exporters, one of them sampling; all of their flows in the store."""
        sent = 0
        for i, version in enumerate(("9", "sflow")):
            done = subprocess.run([self.weir, "generate", "--to", f"127.0.0.1:{self.collect}", "--version", version, "--flows", "3000",
                                   "--rate", "3000", "--exporters", "2", "--seed", str(i), "--source", f"127.{i + 1}.0.1",
                                   "--sampling", str(1 + 511 * i)], capture_output=True, text=True)
            assert done.returncode == 0, done.stderr
            sent += int(re.search(r"(\d+) flows of", done.stdout + done.stderr).group(1))
        wait_until("all flows in the store", lambda: self.sql("SELECT count() FROM flows") == [[sent]], 60)
        low, high = self.sql("SELECT toUnixTimestamp(min(time_received)), toUnixTimestamp(max(time_received)) FROM flows")[0]
        self.since, self.until = int(low), int(high) + 1

    def write(self, statement):
        done = subprocess.run([self.weir, "sql", "--write", "--config", "weir.yaml", statement], cwd=self.folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr

    def look_at_the_matrix(self):
        """With an edge of a day ago, which is gone; what came now is new beside it. The flow of that edge is no other view's."""
        old = datetime.datetime.fromtimestamp(self.since, datetime.timezone.utc) - datetime.timedelta(days=1)
        self.write("INSERT INTO flows (time_received, src_zone, dst_zone, initiator, service_port, proto, service, bytes, packets) "
                   f"VALUES ('{old:%Y-%m-%d %H:%M:%S}', 'attic', 'cellar', 1, 443, 6, 'https', 1000, 1)")
        self.look(["matrix"])
        self.write("ALTER TABLE flows DELETE WHERE src_zone = 'attic' SETTINGS mutations_sync = 2")

    def matrix(self, *options):
        done = subprocess.run([self.weir, "matrix", "--config", "weir.yaml", "--format", "json", "--from", f"@{self.since - 20}", "--to",
                               f"@{self.until + 20}", *options], cwd=self.folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def look(self, views):
        moment = lambda s: datetime.datetime.fromtimestamp(s, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        self.host = self.sql("SELECT src_addr FROM flows GROUP BY 1 ORDER BY sum(bytes * greatest(sampling_rate, 1)) DESC LIMIT 1")[0][0]
        what = {"base": self.base, "from": moment(self.since - 20), "to": moment(self.until + 20), "host": self.host, "chromium": CHROMIUM, "password": PASSWORD,
                "modules": str(TOP / "web/package.json"), "pictures": os.environ.get("WEIR_PICTURES", "")}
        what["views"] = [v for v in views if v in os.environ.get("WEIR_VIEWS", v).split(",")]
        (self.folder / "what.json").write_text(json.dumps(what))
        done = subprocess.run(["node", str(TOP / "tests/e2e/page.mjs"), "what.json"], cwd=self.folder, capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, done.stderr[-3000:]
        answer = json.loads(done.stdout)
        self.wrong += answer["wrong"]
        self.seen |= answer["seen"]

    def stop(self):
        self.run.send_signal(signal.SIGINT)
        try:
            self.run.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(self.run.pid, signal.SIGKILL)
            self.run.wait()
        self.log.close()


def check_browser(weir):
    for module in ("playwright-core", "axe-core"):
        if not (TOP / "web/node_modules" / module).is_dir():
            pytest.skip(f"web/node_modules has no {module}: make build installs it, with node and the network there")
    if not os.path.exists(CHROMIUM):
        pytest.skip("chromium is not here: tools/setup test installs it")
    if subprocess.run([weir, "web", "--help"], capture_output=True).returncode:
        pytest.skip("this weir has no web role")


def wait_for_page(running):
    wait_until("the page's server", lambda: running.answers("/readyz")[0] == 200, 60)
    if b"<div id=\"page\">" not in running.answers("/")[1]:
        pytest.skip("weir was built without its page: node or npm was missing")


@pytest.fixture(scope="module")
def page(weir, embedded_store, tmp_path_factory):
    check_browser(weir)
    running = Page(weir, tmp_path_factory.mktemp("page"))
    try:
        wait_for_page(running)
        running.fill()
        running.look(VIEWS)
        running.look_at_the_matrix()
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="module")
def guarded(weir, embedded_store, tmp_path_factory):
    """A server with users, and with a policy that raises events."""
    check_browser(weir)
    folder = tmp_path_factory.mktemp("guarded")
    (folder / "policy.yaml").write_text("rules:\n  - {name: web, over: port 443, action: alert, level: notice}\n"
                                        "  - {name: names, over: port 53, action: deny, level: critical}\n")
    running = Page(weir, folder, {"vic": "viewer", "olga": "operator", "ada": "administrator"},
                   f"policy: {{file: {folder}/policy.yaml, packs: []}}\n")
    try:
        wait_for_page(running)
        running.fill()
        wait_until("events", lambda: (running.sql("SELECT uniqExact(rule, subject) FROM events") or [[0]])[0][0] >= 2, 60)
        running.look(["people"])
        yield running
    finally:
        running.stop()


BYTES = "sum(bytes * greatest(sampling_rate, 1))"


def rows(found):
    """Rows of the page with their exact numbers: the digits of "1 234 567"."""
    return [[name, int(re.sub(r"\D", "", number))] for name, number in found]


def whole(found):
    return [[*row[:-1], int(row[-1])] for row in found]


def test_nothing_is_wrong_in_any_view(page):
    assert page.wrong == []


def test_overview_has_the_stores_numbers(page):
    seen = page.seen["overview"]
    assert rows(seen["sources"]) == whole(page.sql(f"SELECT src_addr, {BYTES} AS b FROM flows GROUP BY 1 ORDER BY b DESC, src_addr LIMIT 8"))
    assert rows(seen["by_flows"]) == whole(page.sql("SELECT src_addr, count() AS n FROM flows GROUP BY 1 ORDER BY n DESC, src_addr LIMIT 8"))
    assert seen["stored"] == int(page.sql("SELECT count() FROM flows")[0][0])
    assert seen["exporters"] == int(page.sql("SELECT uniqExact(exporter_addr, flow_type, observation_domain) FROM flows")[0][0])


def test_explore_has_the_stores_numbers(page):
    seen = page.seen["explore"]
    sums = [int(n) for n, in page.sql(f"SELECT {BYTES} AS b FROM flows GROUP BY proto ORDER BY b DESC")]
    shown = [number for _, number in rows(seen["proto"])]
    assert shown[:min(8, len(sums))] == sums[:8] and shown[-1] == sum(sums)
    top = page.sql(f"SELECT src_addr, service_port, {BYTES} AS b, "
                   "sum(packets * greatest(sampling_rate, 1)), count() FROM flows GROUP BY 1, 2 ORDER BY b DESC LIMIT 1")[0]
    first = seen["table"][0]
    assert first[0] == top[0] and [int(re.sub(r"\D", "", cell)) for cell in first[3:6]] == [int(n) for n in top[2:]]
    assert seen["sql"].lstrip().upper().startswith(("SELECT", "WITH")) and "FROM flows" in seen["sql"]
    assert seen["zoomed"], "a drag over the chart did not narrow the span"
    assert seen["progress"] == 0.25 and seen["cancelled"]
    assert "," in seen["files"][0].splitlines()[0] and json.loads(seen["files"][1])
    assert seen["only"] == f"src ip {top[0]} and service_port = {top[1]}"


def test_flows_to_the_last_row_and_both_ways(page):
    seen = page.seen["flows"]
    assert seen["count"] == int(page.sql("SELECT count() FROM flows")[0][0])
    oldest = page.sql("SELECT toUnixTimestamp64Milli(min(time_received)) FROM flows")[0][0]
    moment = datetime.datetime.fromtimestamp(int(oldest) / 1000, datetime.timezone.utc)
    assert seen["last"][0].endswith(moment.strftime("%H:%M:%S.") + f"{int(oldest) % 1000:03d}")
    assert seen["both"] >= 1


def test_filter_is_completed_marked_and_applied(page):
    assert page.seen["completed"].strip() == "dst port"
    assert page.seen["marked"] == "nonsense"
    assert page.seen["filtered"] == int(page.sql("SELECT count() FROM flows WHERE proto = 17 AND dst_port = 53")[0][0])


def test_exporters_and_a_device_to_copy(page):
    shown = {(row["Exporter"], int(re.sub(r"\D", "", row["Flows"]))) for row in page.seen["exporters"]}
    assert shown == {(addr, int(n)) for addr, n in page.sql("SELECT exporter_addr, count() FROM flows GROUP BY 1")}
    assert "/ip traffic-flow target add dst-address=192.0.2.77" in page.seen["device"]


def test_host_has_the_stores_numbers(page):
    received, sent = page.sql(f"SELECT sumIf(bytes * greatest(sampling_rate, 1), dst_addr = toIPv6('{page.host}')), "
                              f"sumIf(bytes * greatest(sampling_rate, 1), src_addr = toIPv6('{page.host}')) FROM flows")[0]
    assert page.seen["host"] == {"received": int(received), "sent": int(sent)}


def pairs(edges):
    sums = {}
    for e in edges:
        key = (e["src_zone"] or "unknown", e["dst_zone"] or "unknown")
        sums[key] = sums.get(key, 0) + int(e["bytes"])
    return sums


def test_matrix_has_the_commands_numbers(page):
    seen = page.seen["matrix"]
    expected = pairs(page.matrix("--by", "zone"))
    assert len(expected) > 3
    assert {(src, dst): number for src, dst, number in seen["cells"]} == expected
    filtered = pairs(page.matrix("--by", "zone", "dst port 53"))
    assert {(src, dst): number for src, dst, number in seen["filtered"]} == filtered != expected
    first = {}
    for e in page.matrix("--by", "zone"):
        first.setdefault((e["src_zone"], e["dst_zone"]), []).append(datetime.datetime.fromisoformat(e["first_seen"].replace("Z", "+00:00")))
    frm = datetime.datetime.fromtimestamp(page.since - 20, datetime.timezone.utc)
    fresh = sum(min(moments).replace(tzinfo=datetime.timezone.utc) >= frm for moments in first.values())
    assert seen["new"] == fresh > 0
    src, dst = seen["chosen"]
    edges = [e for e in page.matrix("--by", "zone") if (e["src_zone"] or "unknown", e["dst_zone"] or "unknown") == (src, dst)]
    services = {}
    for e in edges:
        key = (e["protocol"], int(e["dst_port"]))
        services[key] = services.get(key, 0) + int(e["bytes"])
    assert sum(seen["services"]) == sum(services.values()) and len(seen["services"]) == len(services)
    assert seen["flows"] == sum(int(e["hits"]) for e in edges)


def test_matrix_is_compared_and_approved(page):
    seen = page.seen["matrix"]
    assert seen["gone"], "the edge of a day ago is not shown as gone"
    kept = page.sql("SELECT DISTINCT src_zone, dst_zone, src_subnet, comment FROM matrix_baseline FINAL")
    src, dst = ("" if name == "unknown" else name for name in seen["chosen"])
    assert seen["kept"] and kept == [[src, dst, "*", "it's \\ looked at"]]
    assert seen["taken"]


def test_keyboard(page):
    assert page.seen["first"] == "Skip to the view"
    assert page.seen["skipped"] == "main"
    assert page.seen["theme"] == "dark"


def test_people_see_what_they_may(guarded):
    assert guarded.wrong == []
    seen = guarded.seen["people"]
    assert seen["refused"]
    acknowledges, says_so, approves = seen["viewer"]
    assert (acknowledges, says_so, approves) == (0, 1, 0)
    assert seen["administrator"] == 200
    assert "try again in" in seen["limited"]


def test_an_operator_acknowledges_and_silences(guarded):
    notes = {(kind, user, comment) for kind, user, comment in guarded.sql("SELECT kind, user, comment FROM event_notes")}
    assert notes == {("ack", "olga", "Acknowledge: it's \"seen\" \\ 100%"), ("silence", "olga", "Silence: it's \"seen\" \\ 100%")}
    (_, acknowledged), (_, silenced) = guarded.seen["people"]["told"]
    assert "acknowledged by olga" in acknowledged and "silenced by olga until" in silenced
    assert all("it's \"seen\" \\ 100%" in text for text in (acknowledged, silenced))
