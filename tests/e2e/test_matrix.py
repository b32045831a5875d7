"""The flow matrix: `weir run` takes a made network's flows, and the matrix is held against sums that are made of the flows
themselves; what is new, approved and split; graphs; capacity."""
import collections
import csv
import datetime
import json
import re
import subprocess
import urllib.error
import urllib.parse
import urllib.request
import xml.etree.ElementTree as xml

import pytest

from conftest import TOP, free_port, wait_until
from running import Running

FLOWS = 4000
UTC = datetime.timezone.utc
# Of interface 1 all that can be known is known, of each further one less; many more interfaces are known than are asked for.
AGREED = ["192.0.2.20/1=1k", "192.0.2.20/2=2M", "old-office to old-servers=700", "2001:DB8:0::1/1=3M"]
SPEEDS = [f"192.0.2.20/{n}=1G" for n in (1, 2)] + ["192.0.2.20/2=2G", "192.0.2.20/3=3G"] + [f"198.18.{n // 250}.{n % 250}/1=1G" for n in range(3000)]
KEYS = "src_zone src_subnet dst_zone dst_subnet protocol dst_port".split()


class Matrix(Running):
    def __init__(self, weir, folder):
        subprocess.run([weir, "generate", "--exporters", "10", "--write-networks", folder / "networks.csv"], check=True, capture_output=True)
        self.page = free_port()
        super().__init__(weir, folder, collect="workers: 1, sync: 100ms", networks=f"{{file: {folder}/networks.csv}}",
                         capacity=f"{{limits: {json.dumps(AGREED)}}}", exporters=f"{{speeds: {json.dumps(SPEEDS)}}}",
                         web=f"{{listen: ['127.0.0.1:{self.page}']}}")

    def api(self, path, body=None, **parameters):
        """Status and answer of the page's interface."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.page}/api/v1/{path}?" + urllib.parse.urlencode(parameters),
                                         json.dumps(body).encode() if body else None, {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                text = answer.read().decode()
                return answer.status, json.loads(text) if "json" in answer.headers["Content-Type"] else text
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())

    def ask(self, *arguments):
        done = self.run(*arguments)
        assert done.returncode == 0 and not done.stderr, (arguments, done)
        return done.stdout

    def play(self, *options):
        """How many flows were sent."""
        return self.send("--exporters", "10", *options)["flows"]

    def insert(self, *flows, **columns):
        """Flows of no exporter, of the same columns, or one."""
        flows = flows or (columns,)
        values = ", ".join("(" + ", ".join(repr(value) for value in flow.values()) + ")" for flow in flows)
        self.ask("sql", "--write", f"INSERT INTO flows ({', '.join(flows[0])}) VALUES {values}")


@pytest.fixture(scope="module")
def system(weir, embedded_store, tmp_path_factory):
    with Matrix(weir, tmp_path_factory.mktemp("matrix")) as system:
        wait_until("the tables", lambda: system.stored() == 0, 120)
        sent = system.play("--flows", str(FLOWS), "--rate", "4000", "--sampling", "10")
        # A minute of unwelcome traffic, within seconds.
        sent += system.play("--start", "2026-01-31T10:00:00Z", "--for", "1m", "--rate", "50", "--pace", "3000", "--seed", "3", "--scenario",
                            "rogue-dns,bastion-bypass,rogue-vtep,snmp-stranger")
        wait_until("the flows", lambda: system.stored() == sent, 120)
        # Days ago, at the hour's turn: the window's ends lie in flows, its middle in the tables of hours and days.
        start = datetime.datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - datetime.timedelta(days=3)
        old = []
        for hours in range(0, 60, 4):
            moment = start + datetime.timedelta(hours=hours, minutes=59, seconds=hours % 60)
            for turned in (False, True):
                zones = [("old-office", "10.90.0.0/16"), ("old-servers", "10.91.0.0/16")][::-1 if turned else 1]
                old.append(dict(time_received=moment.strftime("%Y-%m-%d %H:%M:%S"), src_zone=zones[0][0], dst_zone=zones[1][0],
                                src_subnet=zones[0][1], dst_subnet=zones[1][1], initiator=1 + turned, service_port=443, proto=6,
                                service="https", traffic_direction="outbound" if turned else "inbound", bytes=1000 + hours, packets=2,
                                sampling_rate=hours % 3, src_addr="10.90.0.1", dst_addr="10.91.0.1"))
        system.insert(*old)
        system.start = start
        yield system


def expected(system, frm, to, subnets=True):
    """Sums by edge, of the flows as the store has them."""
    flows = [json.loads(line) for line in system.ask(
        "sql", "-f", "ndjson", "SELECT src_zone, dst_zone, src_subnet, dst_subnet, initiator, proto, service_port, bytes, packets, "
        f"sampling_rate FROM flows WHERE time_received >= toDateTime64('{frm}', 3, 'UTC') "
        f"AND time_received < toDateTime64('{to}', 3, 'UTC')").splitlines()]
    sums = collections.defaultdict(lambda: [0, 0, 0])
    for f in flows:
        ends = [(f["src_zone"], f["src_subnet"] if subnets else ""), (f["dst_zone"], f["dst_subnet"] if subnets else "")]
        if f["initiator"] == 2:
            ends.reverse()
        total = sums[(*ends[0], *ends[1], f["proto"], f["service_port"])]
        for i, value in enumerate((1, f["bytes"] * max(f["sampling_rate"], 1), f["packets"] * max(f["sampling_rate"], 1))):
            total[i] += value
    return dict(sums)


def number(text):
    names = {"icmp": 1, "tcp": 6, "udp": 17, "ipv6-icmp": 58}
    return names[text] if text in names else int(text)


def sums_of(edges):
    sums = collections.defaultdict(lambda: [0, 0, 0])
    for edge in edges:
        total = sums[(*(edge[k] for k in KEYS[:4]), number(edge["protocol"]), int(edge["dst_port"]))]
        for i, name in enumerate(("hits", "bytes", "packets")):
            total[i] += int(edge[name])
    return dict(sums)


@pytest.mark.parametrize("ends", [(0, 96), (0.99, 50.98), (3.5, 3.9), (0, 24), (4.99, 9.5)])
def test_the_sums_are_those_of_the_flows(system, ends):
    frm, to = (system.start + datetime.timedelta(hours=hours) for hours in ends)
    window = ["--from", frm.isoformat().replace("+00:00", "Z"), "--to", to.isoformat().replace("+00:00", "Z")]
    sql = [moment.strftime("%Y-%m-%d %H:%M:%S") for moment in (frm, to)]
    edges = system.rows("matrix", *window)
    assert sums_of(edges) == expected(system, *sql)
    assert sums_of(system.rows("matrix", *window, "--by", "zone")) == expected(system, *sql, subnets=False)
    by_address = system.rows("matrix", *window, "--by", "address")
    assert sum(int(e["bytes"]) for e in by_address) == sum(int(e["bytes"]) for e in edges)
    old = [e for e in edges if e["src_zone"] == "old-office"]
    assert {e["direction"] for e in old} <= {"inbound"} and not [e for e in edges if e["src_zone"] == "old-servers"]


def test_filter_and_descriptions(system):
    edges = system.rows("matrix", "--last", "1h")
    known = {row["prefix"]: row["description"] for row in csv.DictReader(open(system.folder / "networks.csv"))}
    assert len(edges) > 20 and any(e["src_descr"] for e in edges)
    assert all(e["src_descr"] == known.get(e["src_subnet"], "") for e in edges)
    some = next(e for e in edges if int(e["dst_port"]) == 53 and e["src_zone"])
    chosen = system.rows("matrix", "--last", "1h", f"src zone {some['src_zone']} and port 53")
    assert chosen and all(e["src_zone"] == some["src_zone"] and int(e["dst_port"]) == 53 for e in chosen)
    refused = system.run("matrix", "src ip 10.1.1.1")
    assert refused.returncode == 2 and "--by address" in refused.stderr


def test_graphs(system):
    edges = system.rows("matrix", "--last", "1h", "--by", "zone")
    dot = system.ask("matrix", "--last", "1h", "--by", "zone", "-f", "dot")
    assert len(re.findall(r'^  n\d+ -> n\d+ \[label="(?:[^"\\]|\\.)*"(?:, color=\w+)?\];$', dot, re.M)) == len(edges)
    graph = xml.fromstring(system.ask("matrix", "--last", "1h", "--by", "zone", "-f", "graphml").encode())
    space = "{http://graphml.graphdrawing.org/xmlns}"
    assert len(list(graph.iter(space + "edge"))) == len(edges)
    nodes = {node.get("id") for node in graph.iter(space + "node")}
    assert {edge.get(end) for edge in graph.iter(space + "edge") for end in ("source", "target")} == nodes
    cypher = system.ask("matrix", "--last", "1h", "--by", "zone", "-f", "neo4j")
    assert len(re.findall(r"^MATCH .* CREATE \(a\)-\[:TALKS_TO \{.*\}\]->\(b\);$", cypher, re.M)) == len(edges)


QUESTIONS = {"service dns": "dns/rogue-resolver", "bypass": "remote-administration/bypass", "vtep": "overlays/rogue-vtep",
             "snmp": "snmp/stranger"}


@pytest.mark.parametrize("question", QUESTIONS)
def test_the_four_questions_of_the_documentation(system, question):
    text = (TOP / "doc/matrix.md").read_text().split("## Four questions")[1].split("## ")[0]
    command = next(line.split() for line in text.splitlines() if line.startswith("    weir matrix") and question in line)
    edges = system.rows(*command[1:])
    assert QUESTIONS[question] in {e["rule"] for e in edges} and {e["action"] for e in edges} <= {"alert", "deny"}
    of_flows = system.ask("sql", f"SELECT count(), sum(bytes * greatest(sampling_rate, 1)) FROM flows WHERE rule = '{QUESTIONS[question]}'").split()
    named = [e for e in edges if e["rule"] == QUESTIONS[question]]
    assert [sum(int(e[n]) for e in named) for n in ("hits", "bytes")] == [int(n) for n in of_flows]


def test_diff(system):
    day = [(system.start + datetime.timedelta(days=d)).date().isoformat() for d in range(2)]
    assert system.rows("matrix", "diff", day[0], day[1]) == []
    rows = system.rows("matrix", "diff", "--factor", "1", day[0], day[1])
    assert [(row["change"], row["src_zone"]) for row in rows] == [("changed", "old-office")]
    kept = system.folder / "kept.csv"
    kept.write_text(system.ask("matrix", "--from", day[0], "--to", day[1], "-f", "csv"))
    assert system.rows("matrix", "diff", "--factor", "1", str(kept), day[0]) == []
    rows = system.rows("matrix", "diff", str(kept), "1h")
    assert collections.Counter(row["change"] for row in rows)["gone"] == 1 and {row["change"] for row in rows} == {"gone", "new"}


def test_split(system):
    summary = system.rows("matrix", "split", "--last", "1h", "-o", "parts")
    edges = system.rows("matrix", "--last", "1h")
    assert {row["name"] for row in summary} == {e[end] for e in edges for end in ("src_zone", "dst_zone")}
    for row in summary:
        part = list(csv.DictReader(open(system.folder / "parts" / row["file"])))
        wanted = [e for e in edges if row["name"] in (e["src_zone"], e["dst_zone"])]
        assert sums_of(part) == sums_of(wanted) and len(part) == int(row["edges"])
    assert [r["file"] for r in csv.DictReader(open(system.folder / "parts/summary.csv"))] == [r["file"] for r in summary]


def test_an_edge_that_was_not_approved_is_an_event(system):
    def events():
        return system.rows("events", "--rule", "matrix/new-edge", "--last", "1h")

    now = {"time_received": datetime.datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S"), "proto": 6, "initiator": 1, "sampling_rate": 1,
           "bytes": 10, "packets": 1}
    new = {**now, "src_zone": "old-office", "src_subnet": "10.90.0.0/16", "dst_zone": "old-servers", "dst_subnet": "10.91.0.0/16"}
    system.insert(**new, service_port=3389)
    assert events() == []  # nothing was approved yet
    assert "the baseline has" in system.ask("matrix", "approve", "--last", "7d", "-m", "reviewed")
    system.insert(**new, service_port=443)
    system.insert(**new, service_port=3389)
    assert events() == []
    system.insert(**new, service_port=22)
    system.insert(**{**new, "bytes": 11}, service_port=22)  # the very same rows would be taken for a repetition
    found = events()
    assert [(e["subject"], int(e["flows"]), e["level"]) for e in found] == [("10.90.0.0/16 to 10.91.0.0/16 tcp/22", 2, "warning")]
    assert len(system.rows("flows", "--last", "1h", found[0]["filter"])) == 2
    # Whole zones: any of their subnets.
    system.ask("matrix", "approve", "--by", "zone", "--last", "1h", "src zone old-office and port 22")
    system.insert(**{**new, "src_subnet": "10.90.7.0/24"}, service_port=22)
    assert [int(e["flows"]) for e in events()] == [2]


def test_capacity_of_interfaces(system):
    """A link whose days' 95th percentiles rise unevenly, from one day to the next by what they are made of here."""
    end = datetime.datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    days = [100, 112, 119, 131, 138, 153, 161, 170]  # Mbit/s
    rows = []
    for number, rate in enumerate(days):
        for step in range(288):
            # 18 of 288 steps are busy, so that the 95th percentile is what the busy ones have.
            share = 1 if step >= 270 else 0.25
            minute = end - datetime.timedelta(days=len(days) - number) + datetime.timedelta(minutes=5 * step)
            rows.append(f"('{minute:%Y-%m-%d %H:%M:%S}', '192.0.2.9', 7, 0, {round(rate * share * 1e6 / 8 * 300)})")
    system.ask("sql", "--write", "INSERT INTO flows_1m (minute, exporter_addr, in_if, out_if, bytes) VALUES " + ", ".join(rows))
    system.ask("sql", "--write", "INSERT INTO counters (time, exporter_addr, kind, source, name, value) VALUES "
               f"('{end:%Y-%m-%d %H:%M:%S}', '192.0.2.9', 'interface', 7, 'if_speed', 400000000)")
    row = next(r for r in system.rows("capacity", "--to", end.isoformat().replace("+00:00", "Z"), "--last", "30d") if r["what"] == "192.0.2.9/7")
    x = [number - len(days) + 0.5 for number in range(len(days))]
    mean_x, mean_y = sum(x) / len(x), sum(days) / len(days)
    sxx = sum((v - mean_x) ** 2 for v in x)
    slope = sum((u - mean_x) * (v - mean_y) for u, v in zip(x, days)) / sxx
    level = mean_y - slope * mean_x
    rest = sum((v - level - slope * u) ** 2 for u, v in zip(x, days))
    error = 2.45 * (rest / (len(x) - 2) / sxx) ** 0.5  # Student's of six degrees of freedom

    def day(rate):
        return (end + datetime.timedelta(days=(400 - level) / rate)).date().isoformat()

    assert row["limit_bps"] == 400000000 and row["way"] == "in" and abs(row["peak_bps"] - 170e6) < 100
    assert abs(row["trend_bps_day"] - slope * 1e6) < 100 and abs(row["trend_error"] - error * 1e6) < 100
    assert [row["reached"], row["reached_earliest"], row["reached_latest"]] == [day(slope), day(slope + error), day(slope - error)]
    # An agreed limit that is passed already.
    agreed = system.rows("capacity", "--to", end.isoformat().replace("+00:00", "Z"), "--last", "30d", "--limit", "192.0.2.9/7=0.1G")
    assert agreed[0]["what"] == "192.0.2.9/7" and agreed[0]["utilisation"] > 1 and agreed[0]["reached"] == end.date().isoformat()


def test_whose_word_a_limit_is(system):
    """Each source counts where no better one is known, and none is passed over."""
    end = datetime.datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    moment = f"'{end - datetime.timedelta(minutes=30):%Y-%m-%d %H:%M:%S}'"
    interfaces = [("192.0.2.20", n) for n in range(1, 7)] + [("2001:db8::1", 1)]
    system.ask("sql", "--write", "INSERT INTO flows_1m (minute, exporter_addr, in_if, out_if, bytes) VALUES " +
               ", ".join(f"({moment}, '{exporter}', {n}, 0, 1000)" for exporter, n in interfaces))
    system.ask("sql", "--write", "INSERT INTO counters (time, exporter_addr, kind, source, name, value) VALUES " +
               ", ".join(f"({moment}, '192.0.2.20', 'interface', {n}, 'if_speed', 5000000000)" for n in range(1, 6)))
    system.ask("sql", "--write", "INSERT INTO exporter_options (time, exporter_addr, kind, id, name, value) VALUES " +
               ", ".join(f"({moment}, '192.0.2.20', 'interface', '{n}', 'ifSpeed', '4000000000')" for n in range(1, 5)))

    def found(*options):
        rows = system.rows("capacity", "--to", end.isoformat().replace("+00:00", "Z"), "--last", "1h", *options)
        return {(r["what"].rsplit("/")[0], int(r["what"].rsplit("/")[1])): (r["limit_from"], r["limit_bps"]) for r in rows}

    known = found("--limit", "192.0.2.20/1=9G", "--limit", "6G")
    assert [known[i] for i in interfaces] == [("asked", 9000000000), ("agreed", 2000000), ("configured", 3000000000), ("snmp", 4000000000),
                                              ("counters", 5000000000), ("others", 6000000000), ("agreed", 3000000)]
    known = found()
    assert known[interfaces[0]] == ("agreed", 1000) and known[interfaces[5]] == ("", None)


def test_capacity_of_edges(system):
    to = (system.start + datetime.timedelta(days=4)).isoformat().replace("+00:00", "Z")
    rows = system.rows("capacity", "--by", "zone", "--to", to, "--last", "5d", "--limit", "old-office to old-servers=1k")
    row = next(r for r in rows if r["what"] == "old-office to old-servers")
    hours = [2 * (1000 + h) * max(h % 3, 1) for h in range(0, 60, 4)]  # both ways, scaled
    assert row["peak_bps"] == round(max(hours) * 8 / 3600) and row["limit_bps"] == 1000
    assert row["average_bps"] == round(sum(hours) * 8 / 3600 / 96)
    assert row["utilisation"] == round(row["p95_bps"] / 1000, 4) or abs(row["utilisation"] * 1000 - row["p95_bps"]) <= 0.5
    assert row["limit_from"] == "asked"
    assert system.run("capacity", "--limit", "fast").returncode == 2
    agreed = system.rows("capacity", "--by", "zone", "--to", to, "--last", "5d")
    assert [(r["limit_from"], r["limit_bps"]) for r in agreed if r["what"] == "old-office to old-servers"] == [("agreed", 700)]


# --- the page's interface ----------------------------------------------------------------------------------------------

def pairs_of(edges, by, services):
    """What `weir matrix --by GRAIN` tells, as the interface tells it: sums by pair of nodes, or by service between them."""
    node = "zone" if by == "zone" else "subnet"
    sums = collections.defaultdict(lambda: [0, 0, 0])
    for edge in edges:
        key = (edge[f"src_{node}"], edge[f"dst_{node}"], *((number(edge["protocol"]), int(edge["dst_port"])) if services else ()))
        for i, name in enumerate(("hits", "bytes", "packets")):
            sums[key][i] += int(edge[name])
    return dict(sums)


def told(edges, services, sums=lambda edge: edge):
    return {(e["src"], e["dst"], *((e["protocol"], e["dst_port"]) if services else ())):
            [sums(e)[name] for name in ("flows", "bytes", "packets")] for e in edges}


def iso(moment):
    return moment.isoformat().replace("+00:00", "Z")


def insert_edge(system, src, dst, hours):
    moment = system.start + datetime.timedelta(hours=hours)
    system.insert(time_received=moment.strftime("%Y-%m-%d %H:%M:%S"), src_zone=src, dst_zone=dst, src_subnet=f"10.{90 + hours}.0.0/16",
                  dst_subnet=f"10.{91 + hours}.0.0/16", initiator=1, service_port=443, proto=6, service="https", bytes=1000, packets=2, sampling_rate=1)


@pytest.mark.parametrize("by", ["zone", "subnet", "address"])
@pytest.mark.parametrize("services", [False, True])
def test_the_page_has_the_commands_sums(system, by, services):
    window = {"from": iso(system.start), "to": iso(system.start + datetime.timedelta(days=8))}
    status, answer = system.api("matrix", **window, by=by, services=str(services).lower(), limit=10000)
    assert status == 200 and not answer["truncated"], answer
    edges = system.rows("matrix", "--from", window["from"], "--to", window["to"], "--by", by)
    assert edges and told(answer["edges"], services) == pairs_of(edges, by, services)
    assert all(edge["first_ms"] > 1.6e12 for edge in answer["edges"])


def test_what_is_new_and_the_flows_behind_an_edge(system):
    frm = system.start + datetime.timedelta(days=2, hours=20)
    window = {"from": iso(frm), "to": iso(frm + datetime.timedelta(days=8))}
    edges = system.api("matrix", **window)[1]["edges"]
    assert edges[0]["new"], edges
    old = system.api("matrix", **{**window, "from": iso(system.start + datetime.timedelta(hours=30))}, src="old-office")[1]["edges"]
    (edge,) = old
    assert not edge["new"] and edge["first_ms"] == int((system.start + datetime.timedelta(minutes=59)).timestamp() * 1000)
    for edge in [edges[0], edge]:
        flows = system.rows("top", "--by", "proto", "--from", iso(system.start + datetime.timedelta(hours=30)), "--to", window["to"], "-n", "99",
                            edge["filter"])
        assert sum(int(row["bytes"]) for row in flows) == edge["bytes"], edge["filter"]


def test_the_page_compares_with_the_period_before(system):
    span = datetime.timedelta(hours=48)
    frm = system.start + datetime.timedelta(hours=60)
    window = {"from": iso(frm), "to": iso(frm + span)}
    insert_edge(system, "left", "behind", 50)
    status, answer = system.api("matrix/diff", **window, compare="previous", services="true", limit=10000)
    assert status == 200, answer
    now, before = (pairs_of(system.rows("matrix", "--by", "zone", "--from", iso(frm - shift), "--to", iso(frm - shift + span)), "zone", True)
                   for shift in (0 * span, span))
    nothing = [0, 0, 0]
    assert told(answer["edges"], True) == {key: now.get(key, nothing) for key in now | before}
    assert told(answer["edges"], True, lambda e: e["before"]) == {key: before.get(key, nothing) for key in now | before}
    changes = {key: e["change"] for e in answer["edges"] for key in told([e], True)}
    assert {key for key, change in changes.items() if change == "new"} == set(now) - set(before) != set()
    assert {key for key, change in changes.items() if change == "gone"} == set(before) - set(now) != set()


def test_approving_and_taking_back(system):
    window = {"from": iso(system.start), "to": iso(system.start + datetime.timedelta(days=8))}
    count = lambda: int(system.rows("sql", "SELECT count() AS n FROM matrix_baseline FINAL")[0]["n"])
    approved = lambda **more: {(e["src"], e["dst"], e.get("dst_port")) for e in system.api("matrix", **window, **more, limit=10000)[1]["edges"]
                               if e["approved"]}
    insert_edge(system, "north", "south", 10)
    before = count()
    comment = "it's \"fine\" \\ 100% \t {x:String}\nnext"
    service = {"by": "zone", "src": "north", "dst": "south", "protocol": 6, "dst_port": 443}
    assert ("north", "south", 443) not in approved(services="true")
    status, answer = system.api("matrix/approve", {**window, **service, "comment": comment})
    assert status == 200 and answer["baseline"] == before + 1 == count(), answer
    kept = system.rows("sql", "SELECT src_subnet, dst_port, comment FROM matrix_baseline FINAL WHERE src_zone = 'north'")
    assert kept == [{"src_subnet": "*", "dst_port": 443, "comment": comment}]
    assert ("north", "south", 443) in approved(services="true")
    assert ("10.100.0.0/16", "10.101.0.0/16", 443) in approved(by="subnet", services="true")
    status, answer = system.api("matrix/approve", {**window, **service, "approved": False})
    assert status == 200 and answer["baseline"] == before == count(), answer
    assert ("north", "south", 443) not in approved(services="true")
    whole = {**window, "by": "subnet", "src": "10.100.0.0/16", "dst": "10.101.0.0/16"}
    assert system.api("matrix/approve", whole)[0] == 200
    assert ("north", "south", None) in approved() and count() == before + 1
    assert system.api("matrix/approve", {**whole, "approved": False})[0] == 200
    assert ("north", "south", None) not in approved() and count() == before


@pytest.mark.parametrize("wrong", [{"by": "address"}, {"by": "role"}, {"protocol": 6}, {"dst_port": 443}, {"protocol": 300, "dst_port": 1},
                                   {"src": None}, {"src": "a" * 65}, {"last": "soon"}])
def test_what_cannot_be_approved(system, wrong):
    body = {"by": "zone", "src": "a", "dst": "b", **wrong}
    status, answer = system.api("matrix/approve", {name: value for name, value in body.items() if value is not None})
    assert status == 400 and answer["error"]["message"], answer


@pytest.mark.parametrize("name", ["' OR 1=1 --", '" or any or src_zone = "', "\\", '\\"', "'; DROP TABLE flows; --"])
def test_a_name_is_a_name_whatever_is_in_it(system, name):
    for by in ("zone", "subnet"):
        status, answer = system.api("matrix", by=by, src=name, last="30d")
        assert status == 200 and answer["edges"] == [], answer


def test_edges_as_a_file(system):
    window = {"from": iso(system.start), "to": iso(system.start + datetime.timedelta(days=8))}
    status, text = system.api("matrix", **window, format="csv")
    edges = system.api("matrix", **window)[1]["edges"]
    assert status == 200
    assert [(row["src"], row["dst"], int(row["bytes"])) for row in csv.DictReader(text.splitlines())] == [(e["src"], e["dst"], e["bytes"]) for e in edges]
