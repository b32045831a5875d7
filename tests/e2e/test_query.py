"""`weir top`, `weir flows` and `weir sql` against the embedded store: flows are inserted by SQL, and what the commands
say of them is compared with sums that Python makes of the same flows."""
import collections
import csv
import datetime
import io
import ipaddress
import json
import os
import pty
import random
import signal
import subprocess

import pytest

from conftest import free_port, wait_until

UTC = datetime.timezone.utc
# Within the retention, and on a full hour: the window's ends are chosen from it.
BASE = datetime.datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - datetime.timedelta(hours=12)
MINUTES = 150
FLOWS = 6000


def rfc3339(moment):
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def at(**after):
    return BASE + datetime.timedelta(**after)


def make_flows():
    random.seed(7)
    flows = []
    for number in range(FLOWS):
        v6 = number % 5 == 0
        received = BASE + datetime.timedelta(milliseconds=random.randrange(MINUTES * 60000))
        length = random.choice([0, 1, 250, 60000])
        flows.append({
            "time_received": received,
            "time_start": received - datetime.timedelta(milliseconds=length + 500),
            "time_end": received - datetime.timedelta(milliseconds=500),
            "exporter_addr": f"192.0.2.{1 + number % 3}",
            "src_addr": (f"2001:db8:{number % 4:x}::{1 + number % 9:x}" if v6
                         else f"10.{number % 3}.{number % 7}.{number % 11}").replace(":0::", "::"),
            "dst_addr": "2001:db8:ffff::1" if v6 else f"198.51.100.{number % 13}",
            "src_port": 1024 + random.randrange(60000),
            "dst_port": random.choice([22, 53, 80, 443, 8080, 40000]),
            "proto": random.choice([1, 6, 6, 6, 17]),
            "tcp_flags": random.randrange(256),
            "bytes": random.randrange(40, 1 << random.choice([8, 16, 40])),
            "packets": random.randrange(1, 10000),
            "sampling_rate": [0, 1, 100, 1000][number % 4],
            "in_if": number % 4,
            "out_if": number % 6,
            "src_as": [0, 64512, 4200000000][number % 3],
            "src_mac": number * 0x10001 % (1 << 48),
            "user_name": random.choice(["", "alice", "O'Brien", "a\"b,c\\d\n", "\x1b[31mred\u202e"]),
        })
    return flows


def quoted(value):
    if isinstance(value, datetime.datetime):
        return f"'{value.strftime('%Y-%m-%d %H:%M:%S.%f')[:-3]}'"
    if isinstance(value, str):
        return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
    return str(value)


class Store:
    def __init__(self, weir, folder):
        self.weir = weir
        self.folder = folder
        self.port = free_port()
        (folder / "weir.yaml").write_text(f"data_dir: {folder}/var\nstore: {{listen: '127.0.0.1:{self.port}'}}\n")
        self.environment = {**{k: v for k, v in os.environ.items() if k != "WEIR_CONFIG"}, "TZ": "UTC"}
        self.process = subprocess.Popen([weir, "store", "-c", "weir.yaml"], cwd=folder,
                                        stderr=open(folder / "store.log", "w"))

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)

    def run(self, *arguments, stdin="", **environment):
        return subprocess.run([self.weir, *arguments], cwd=self.folder, capture_output=True, input=stdin.encode(),
                              env={**self.environment, **environment})

    def ask(self, *arguments, stdin="", **environment):
        done = self.run(*arguments, stdin=stdin, **environment)
        assert done.returncode == 0 and done.stderr == b"", (arguments, done)
        return done.stdout.decode()

    def rows(self, *arguments):
        return json.loads(self.ask(*arguments, "--format", "json"))

    def on_terminal(self, *arguments, **environment):
        """What the command writes when its standard output is a terminal."""
        master, slave = pty.openpty()
        process = subprocess.Popen([self.weir, *arguments], cwd=self.folder, stdout=slave, stdin=subprocess.DEVNULL,
                                   env={**self.environment, **environment})
        os.close(slave)
        out = b""
        while True:
            try:
                got = os.read(master, 65536)
            except OSError:
                break
            if not got:
                break
            out += got
        os.close(master)
        assert process.wait(60) == 0, out
        return out.decode().replace("\r\n", "\n")


def make_tables(store):
    """The sink makes them, when the store is there."""
    sink = subprocess.Popen([store.weir, "sink", "-c", "weir.yaml"], cwd=store.folder, stderr=subprocess.DEVNULL)
    try:
        wait_until("the tables", lambda: store.run("sql", "SELECT 1 FROM flows_1h_by_view LIMIT 1").returncode == 0, 60)
    finally:
        sink.send_signal(signal.SIGTERM)
        sink.wait(60)


def make_rare_columns(store):
    """Those that the sink would make with the first flow that has one: what is inserted by hand finds them made."""
    names = store.ask("sql", "-f", "TSV", "SELECT name FROM system.columns WHERE database = 'weir' AND table = 'flows' AND "
                      "default_kind = 'ALIAS'").split()
    assert "src_mac" in names and "src_addr" not in names
    store.ask("sql", "--write", "ALTER TABLE flows " + ", ".join(f"MODIFY COLUMN {name} REMOVE ALIAS" for name in names))


@pytest.fixture(scope="module")
def flows():
    return make_flows()


@pytest.fixture(scope="module")
def store(weir, embedded_store, flows, tmp_path_factory):
    store = Store(weir, tmp_path_factory.mktemp("query"))
    try:
        make_tables(store)
        make_rare_columns(store)
        names = list(flows[0])
        values = ",\n".join("(" + ", ".join(quoted(flow[name]) for name in names) + ")" for flow in flows)
        store.ask("sql", "--write", "-", stdin=f"INSERT INTO flows ({', '.join(names)}) VALUES {values}")
        yield store
    finally:
        store.stop()


def scaled(flow, name):
    return flow[name] * max(flow["sampling_rate"], 1)


def sums(flows, key, scale=scaled):
    out = collections.defaultdict(lambda: [0, 0, 0])
    for flow in flows:
        row = out[key(flow)]
        row[0] += scale(flow, "bytes")
        row[1] += scale(flow, "packets")
        row[2] += 1
    return out


def service_port(flow):
    low = min(flow["src_port"], flow["dst_port"])
    return low if flow["proto"] in (6, 17, 132) and low < 32768 else 0


WHOLE = ("--from", rfc3339(BASE), "--to", rfc3339(at(minutes=MINUTES)))


def as_sums(rows, *names):
    return {tuple(row[name] for name in names): [row["bytes"], row["packets"], row["flows"]] for row in rows}


def test_top_has_the_sums(store, flows):
    rows = store.rows("top", *WHOLE, "--by", "src_addr,dst_port", "-n", "100000")
    assert as_sums(rows, "src_addr", "dst_port") == dict(sums(flows, lambda f: (f["src_addr"], f["dst_port"])))
    assert [row["bytes"] for row in rows] == sorted((row["bytes"] for row in rows), reverse=True)
    assert abs(sum(row["share"] for row in rows) - 1) < 0.001


@pytest.mark.parametrize("rows", [1, 7, 100000])
def test_top_of_pairs_of_both_versions_has_the_sums(store, flows, rows):
    """Grouped by version in the store: IPv4's keys are short. The shares are of all flows, though few rows come."""
    names = ("src_addr", "dst_addr", "dst_port")
    expected = sums(flows, lambda f: tuple(f[name] for name in names))
    got = store.rows("top", *WHOLE, "--by", ",".join(names), "-n", str(rows))
    assert len(got) == min(rows, len(expected))
    assert [row["bytes"] for row in got] == sorted((row[0] for row in expected.values()), reverse=True)[:rows]
    assert as_sums(got, *names) == {key: expected[key] for key in as_sums(got, *names)}
    whole = sum(row[0] for row in expected.values())
    for row in got:
        assert abs(row["share"] - row["bytes"] / whole) < 1e-5
    one = store.rows("top", *WHOLE, "--by", ",".join(names), "src port 1 and src port 2")
    assert one == []


@pytest.mark.parametrize("metric", ["bytes", "packets", "flows"])
def test_top_sorts_by_the_metric_and_cuts(store, flows, metric):
    index = ["bytes", "packets", "flows"].index(metric)
    expected = sums(flows, lambda f: f["dst_port"])
    order = sorted(expected, key=lambda port: (-expected[port][index], port))[:3]
    rows = store.rows("top", *WHOLE, "--by", "dst_port", "--metric", metric, "-n", "3")
    assert [row["dst_port"] for row in rows] == order
    whole = sum(row[index] for row in expected.values())
    for row in rows:
        assert abs(row["share"] - row[metric] / whole) < 1e-5


def test_top_exported_is_not_scaled(store, flows):
    rows = store.rows("top", *WHOLE, "--exported", "--by", "exporter_addr")
    expected = sums(flows, lambda f: (f["exporter_addr"],), lambda f, name: f[name])
    assert as_sums(rows, "exporter_addr") == dict(expected)


def test_top_cuts_addresses_to_prefixes(store, flows):
    def net(flow):
        bits = 24 if "." in flow["src_addr"] else 48
        return (str(ipaddress.ip_network(f"{flow['src_addr']}/{bits}", strict=False)),)
    rows = store.rows("top", *WHOLE, "--by", "src_addr/24/48", "-n", "1000")
    assert as_sums(rows, "src_addr/24/48") == dict(sums(flows, net))


WINDOWS = [
    (0, MINUTES * 60000),
    (1, MINUTES * 60000 - 1),
    (17123, 90 * 60000 + 42001),
    (60000, 75 * 60000 + 1),
    (59999, 61 * 60000),
    (5000, 65000),
    (5000, 125000),
]
FILTERS = [
    ("", lambda f: True),
    ("proto tcp and (in if 2 or src as 64512)",
     lambda f: f["proto"] == 6 and (f["in_if"] == 2 or f["src_as"] == 64512)),
    ("service_port in [53 443] and exporter 192.0.2.2",
     lambda f: service_port(f) in (53, 443) and f["exporter_addr"] == "192.0.2.2"),
]


@pytest.mark.parametrize("window", WINDOWS, ids=str)
def test_the_rollup_gives_the_same_sums(store, flows, window):
    begin, end = (BASE + datetime.timedelta(milliseconds=ms) for ms in window)
    for text, matches in FILTERS:
        for more in ([], ["--exported"]):
            arguments = ["top", "--from", rfc3339(begin), "--to", rfc3339(end), "-n", "100000", "--by",
                         "proto,service_port,minute", *more, text]
            raw = store.rows(*arguments, "--rollup", "never")
            scale = (lambda f, name: f[name]) if more else scaled
            key = lambda f: (f["proto"], service_port(f), rfc3339(f["time_received"].replace(second=0, microsecond=0))
                             .replace(".000", ""))
            expected = sums([f for f in flows if begin <= f["time_received"] < end and matches(f)], key, scale)
            assert as_sums(raw, "proto", "service_port", "minute") == dict(expected), text
            if window == (5000, 65000):  # no whole minute lies in it
                done = store.run(*arguments, "--rollup", "always")
                assert done.returncode == 2 and b"no whole minute" in done.stderr
            else:
                assert store.rows(*arguments, "--rollup", "always") == raw, text


# Each is read from other sums: of all dimensions or of one, a minute or an hour.
SUMS = [
    ("flows_1h", "proto,service_port", ""),
    ("flows_1h", "proto", "service_port = 53"),
    ("flows_1h_by", "proto", "proto tcp"),
    ("flows_1h_by", "hour,service_port", ""),
    ("flows_1h_by", "service_port", "service_port in [53 443]"),
    ("flows_1h_by", "exporter_addr,in_if", "in if 1-2"),
    ("flows_1h_by", "out_if", ""),
    ("flows_1h_by", "exporter_addr/24", ""),
    ("flows_1h_by", "day,src_as", "src as > 0"),
    ("flows_1h_by", "dst_as", ""),
    ("flows_1h_by", "day", ""),
    ("flows_1m_by", "minute,in_if", ""),
    ("flows_1m_by", "minute", "exporter 192.0.2.2"),
]


@pytest.mark.parametrize("table, by, text", SUMS)
def test_all_sums_give_the_same(store, table, by, text):
    for window in (0, 150 * 60000), (1, 150 * 60000 - 1), (17123, 140 * 60000 + 42001), (59 * 60000 + 1, 121 * 60000):
        begin, end = (rfc3339(BASE + datetime.timedelta(milliseconds=ms)) for ms in window)
        arguments = ["top", "--from", begin, "--to", end, "-n", "100000", "--by", by, text]
        assert f"FROM {table}\n" in store.ask(*arguments, "--explain")
        raw = store.rows(*arguments, "--rollup", "never")
        assert raw and store.rows(*arguments) == raw, window


def test_the_rollup_is_used_by_itself(store):
    long = store.ask("top", *WHOLE, "--by", "proto", "--explain")
    assert "FROM flows_1m" in long
    assert "FROM flows_1m" not in store.ask("top", *WHOLE, "--by", "src_addr", "--explain")
    assert "FROM flows_1m" not in store.ask("top", *WHOLE, "--by", "proto", "--explain", "bytes > 1")
    assert "FROM flows_1m" not in store.ask("top", "--last", "4m", "--by", "proto", "--explain")


def flags(letters):
    return sum(1 << "FSRPAUEC".index(letter) for letter in letters)


def in_net(text, net):
    address, network = ipaddress.ip_address(text), ipaddress.ip_network(net)
    return address.version == network.version and address in network


def duration(flow):
    return (flow["time_end"] - flow["time_start"]) // datetime.timedelta(milliseconds=1)


# Each filter with what it means, said in Python.
MEANINGS = [
    ("src ip 10.0.0.0/8 and (dst port 53 or proto icmp) and not bytes < 1k",
     lambda f: in_net(f["src_addr"], "10.0.0.0/8") and (f["dst_port"] == 53 or f["proto"] == 1) and f["bytes"] >= 1000),
    ("src net 10.1.0.0/16", lambda f: in_net(f["src_addr"], "10.1.0.0/16")),
    ("ip in [2001:db8:1::/48 198.51.100.3]",
     lambda f: in_net(f["src_addr"], "2001:db8:1::/48") or f["dst_addr"] == "198.51.100.3"),
    ("src ip 10.0.0.1-10.0.3.0",
     lambda f: "." in f["src_addr"] and ipaddress.ip_address("10.0.0.1") <= ipaddress.ip_address(f["src_addr"])
     <= ipaddress.ip_address("10.0.3.0")),
    ("port in [22 443 8000-9000]",
     lambda f: any(p in (22, 443) or 8000 <= p <= 9000 for p in (f["src_port"], f["dst_port"]))),
    ("port != 443", lambda f: 443 not in (f["src_port"], f["dst_port"])),
    ("src and dst port > 8000", lambda f: f["src_port"] > 8000 and f["dst_port"] > 8000),
    ("udp port 53", lambda f: f["proto"] == 17 and 53 in (f["src_port"], f["dst_port"])),
    ("flags SA", lambda f: f["tcp_flags"] & flags("SA") == flags("SA")),
    ("flags S and not flags AFRPU",
     lambda f: f["tcp_flags"] & flags("S") and not f["tcp_flags"] & flags("AFRPU")),
    ("flags = SA", lambda f: f["tcp_flags"] == flags("SA")),
    ("ipv4", lambda f: "." in f["src_addr"]),
    ("ipv6", lambda f: ":" in f["src_addr"]),
    ("if 3 and not out if 5", lambda f: 3 in (f["in_if"], f["out_if"]) and f["out_if"] != 5),
    ("as 4200000000", lambda f: f["src_as"] == 4200000000),
    ("mac 00:00:00:01:00:01", lambda f: f["src_mac"] == 0x10001),
    ("packets 5k-10k", lambda f: 5000 <= f["packets"] <= 10000),
    ("duration >= 250ms", lambda f: duration(f) >= 250),
    ("duration = 0", lambda f: duration(f) == 0),
    ("bps > 1M", lambda f: duration(f) and f["bytes"] * 8000 / duration(f) > 1000000),
    ("pps <= 100", lambda f: not duration(f) or f["packets"] * 1000 / duration(f) <= 100),
    ("user_name = \"O'Brien\"", lambda f: f["user_name"] == "O'Brien"),
    (r'''user_name = 'a\"b,c\\d''' + "\n'", lambda f: f["user_name"] == "a\"b,c\\d\n"),
    ("user_name != '' and user_name != alice", lambda f: f["user_name"] not in ("", "alice")),
    ("flow_type = unknown and not flow_type in [ipfix sflow_v5]", lambda f: True),
    (f"time_end < {rfc3339(at(minutes=30))}", lambda f: f["time_end"] < at(minutes=30)),
    ("sampling_rate in (100, 1000)", lambda f: f["sampling_rate"] in (100, 1000)),
    ("user_name = \"' OR 1 = 1 --\"", lambda f: False),
]


@pytest.mark.parametrize("text,matches", MEANINGS, ids=[text for text, _ in MEANINGS])
def test_filters_mean_what_they_say(store, flows, text, matches):
    rows = store.rows("flows", *WHOLE, "-n", "0", "--columns", "time_received,src_port,bytes", text)
    expected = sorted((rfc3339(f["time_received"]), f["src_port"], f["bytes"]) for f in flows if matches(f))
    assert sorted((row["time_received"], row["src_port"], row["bytes"]) for row in rows) == expected


def test_flows_has_every_value(store, flows):
    names = list(flows[0])
    lines = store.ask("flows", *WHOLE, "-n", "0", "--order", "oldest", "--columns", ",".join(names), "-f", "ndjson")
    rows = [json.loads(line) for line in lines.splitlines()]

    def shown(flow):
        mac = f"{flow['src_mac']:012x}"
        return {**{name: rfc3339(value) if isinstance(value, datetime.datetime) else value for name, value in flow.items()},
                "src_mac": ":".join(mac[i:i + 2] for i in range(0, 12, 2))}
    key = lambda row: (row["time_received"], row["src_port"], row["bytes"])
    assert sorted(rows, key=key) == sorted(map(shown, flows), key=key)
    times = [row["time_received"] for row in rows]
    assert times == sorted(times)


def test_flows_lists_the_newest_first(store, flows):
    rows = store.rows("flows", *WHOLE, "-n", "5")
    assert [row["time_received"] for row in rows] == sorted((rfc3339(f["time_received"]) for f in flows), reverse=True)[:5]


def test_csv_is_rfc_4180(store, flows):
    text = store.ask("flows", *WHOLE, "-n", "0", "--columns", "time_received,user_name", "-f", "csv")
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert rows[0] == ["time_received", "user_name"]
    assert sorted(map(tuple, rows[1:])) == sorted((rfc3339(f["time_received"]), f["user_name"]) for f in flows)


def test_a_window_without_flows(store):
    window = ("--from", rfc3339(at(days=-20)), "--to", rfc3339(at(days=-19)))
    assert store.rows("top", *window) == []
    assert store.rows("flows", *window) == []
    assert store.ask("top", *window).splitlines() == ["src_addr  bytes  packets  flows  share"]
    assert "no flow matches" in store.on_terminal("flows", *window)


def test_times_without_a_zone_are_local(store):
    zone = datetime.timezone(datetime.timedelta(hours=2))
    local = [moment.astimezone(zone).strftime("%Y-%m-%d %H:%M") for moment in (BASE, at(minutes=MINUTES))]
    utc = store.ask("top", *WHOLE, "--by", "proto", "-f", "json")
    assert store.ask("top", "--from", local[0], "--to", local[1], "--by", "proto", "-f", "json", TZ="XXX-2") == utc
    shown = store.ask("flows", *WHOLE, "-n", "1", "--order", "oldest", "--columns", "time_received", TZ="XXX-2")
    exact = store.rows("flows", *WHOLE, "-n", "1", "--order", "oldest", "--columns", "time_received")
    moment = datetime.datetime.fromisoformat(exact[0]["time_received"].replace("Z", "+00:00"))
    assert shown.splitlines()[1] == moment.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]


def test_tables_are_aligned_and_human(store):
    lines = store.ask("top", *WHOLE, "--by", "proto,dst_addr").splitlines()
    assert lines[0].split() == ["proto", "dst_addr", "bytes", "packets", "flows", "share"]
    assert len(lines) == 11
    assert {len(line) for line in lines} == {len(lines[0])}
    assert {line.split()[0] for line in lines[1:]} <= {"tcp", "udp", "icmp"}
    assert all(line.endswith(" %") for line in lines[1:])
    listed = store.ask("flows", *WHOLE, "--columns", "tcp_flags,bytes", "flags = SA").splitlines()
    assert listed[1].split()[0] == "...A..S."


def test_a_terminal_gets_colour_and_a_footer_and_nothing_hostile(store):
    shown = store.on_terminal("top", *WHOLE)
    assert shown.startswith("\x1b[1m") and "flows, " in shown.splitlines()[-1] and "UTC" in shown.splitlines()[-1]
    assert "\x1b" not in store.on_terminal("top", *WHOLE, NO_COLOR="1")
    hostile = ("--columns", "user_name", "-n", "0")
    for more in (["flows", *WHOLE, *hostile], ["flows", *WHOLE, *hostile, "-f", "csv"],
                 ["flows", *WHOLE, *hostile, "-f", "json"], ["flows", *WHOLE, *hostile, "-f", "ndjson"],
                 ["sql", "SELECT DISTINCT user_name FROM flows"],
                 ["sql", "SELECT DISTINCT user_name FROM flows FORMAT TSVRaw"],
                 ["sql", "-f", "JSONEachRow", "SELECT DISTINCT user_name FROM flows"]):
        shown = store.on_terminal(*more, NO_COLOR="1")
        assert "red" in shown
        assert all(c == "\n" or c == "\t" or c >= " " for c in shown), more
        assert "\u202e" not in shown, more


def test_sql_formats(store, flows):
    question = "SELECT toUInt64(18446744073709551615) AS n, toIPv6('::ffff:10.0.0.1') AS a, 'x\ty' AS t, NULL AS z"
    assert store.ask("sql", question) == "18446744073709551615\t::ffff:10.0.0.1\tx\\ty\t\\N\n"
    assert store.rows("sql", question) == [{"n": 18446744073709551615, "a": "10.0.0.1", "t": "x\ty", "z": None}]
    assert store.ask("sql", "-f", "csv", question) == "n,a,t,z\n18446744073709551615,10.0.0.1,x\ty,\n"
    assert store.ask("sql", "-f", "table", "SELECT 1 AS one, 'b' AS two").splitlines() == ["one  two", "  1  b"]
    assert json.loads(store.ask("sql", "-f", "JSONEachRow", "SELECT 1 AS x")) == {"x": 1}
    assert store.ask("sql", "-f", "json", "SELECT 1 AS x FORMAT CSV") == "1\n"
    assert store.ask("sql", "-", stdin="SELECT count() FROM flows") == f"{len(flows)}\n"
    assert store.run("sql", "-f", "Parquet", "SELECT 1 AS x").stdout.startswith(b"PAR1")


def test_sql_only_reads_unless_told(store):
    done = store.run("sql", "CREATE TABLE notes (x UInt8) ENGINE = Memory")
    assert done.returncode == 1 and done.stderr.startswith(b"weir: store: "), done
    assert store.ask("sql", "EXISTS TABLE notes") == "0\n"
    store.ask("sql", "--write", "CREATE TABLE notes (x UInt8) ENGINE = Memory")
    assert store.ask("sql", "EXISTS TABLE notes") == "1\n"
    store.ask("sql", "--write", "DROP TABLE notes")


def test_sql_says_what_is_wrong(store):
    done = store.run("sql", "SELECT nothing FROM flows")
    assert done.returncode == 1 and done.stdout == b""
    assert len(done.stderr.splitlines()) == 1 and b"nothing" in done.stderr
    done = store.run("sql", "SELECT count() FRM flows WHERE")
    message, line, caret = done.stderr.decode().splitlines()
    assert "Syntax error" in message
    assert line[caret.index("^"):].startswith(("flows", "WHERE")) or caret.index("^") == len(line)


def test_a_long_answer_streams(store):
    rows = 300000
    text = store.ask("sql", "-f", "ndjson", f"SELECT number AS n FROM numbers({rows})")
    assert text.count("\n") == rows and text.endswith('{"n":299999}\n')


def test_a_reader_that_goes_away(store):
    done = subprocess.run(f"{store.weir} sql 'SELECT number FROM numbers(10000000)' | head -n 1", shell=True,
                          cwd=store.folder, capture_output=True, env=store.environment, timeout=60)
    assert done.stdout == b"0\n" and done.stderr == b""


def test_no_store_is_one_clear_line(weir, tmp_path):
    port = free_port()
    for command in (["top"], ["flows"], ["sql", "SELECT 1"]):
        done = subprocess.run([weir, *command, "--store", f"http://127.0.0.1:{port}"], cwd=tmp_path, capture_output=True,
                              text=True)
        assert done.returncode == 1 and done.stdout == ""
        assert len(done.stderr.splitlines()) == 1
        assert f"no store answers at http://127.0.0.1:{port}" in done.stderr and "weir run" in done.stderr


@pytest.mark.parametrize("arguments,said", [
    (["top", "--by", "src_adr"], 'weir: --by: there is no column "src_adr"; did you mean "src_addr"?\n'),
    (["top", "--by", "dst_port/24"], "weir: --by: dst_port cannot be cut to a prefix here\n"),
    (["flows", "--columns", "src_addr,,proto"],
     "weir: --columns: a column's name is missing; write names with commas between them\n"),
    (["top", "--last", "yesterday"],
     'weir: --last: "yesterday" is not a duration; write it as 90s, 15m, 1h30m or 7d\n'),
    (["top", "--rollup", "always"], "weir: --rollup: the sums do not keep src_addr; leave --rollup away\n"),
], ids=lambda value: " ".join(value) if isinstance(value, list) else "")
def test_mistakes_in_the_call(weir, tmp_path, arguments, said):
    done = subprocess.run([weir, *arguments], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 2 and done.stdout == "" and done.stderr == said
