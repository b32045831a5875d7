"""The page's server: its interface against doc/openapi.yaml, its numbers against `weir sql`, and who may come in."""
import collections
import concurrent.futures
import csv
import gzip
import http.client
import io
import json
import re
import socket
import ssl
import subprocess
import urllib.parse

import pytest
import yaml

from conftest import TOP, free_port, wait_until

jsonschema = pytest.importorskip("jsonschema", reason="python3-jsonschema is not installed: tools/setup test")

CONTRACT = yaml.safe_load((TOP / "doc/openapi.yaml").read_text())
FLOWS = 20000
Answer = collections.namedtuple("Answer", "status headers body")


class Answered(Answer):
    def json(self):
        return json.loads(self.body)

    def code(self):
        return self.json()["error"]["code"]


class System:
    """`weir run` with a page, and some flows in its store."""

    def __init__(self, weir, folder, web="", scheme="http", listen="127.0.0.1", more=""):
        self.weir, self.folder, self.scheme = weir, folder, scheme
        self.data = folder / "var"
        self.port, self.collect, self.store, self.tcp = free_port(), free_port(socket.SOCK_DGRAM), free_port(), free_port()
        self.config = folder / "weir.yaml"
        self.config.write_text(f"data_dir: {self.data}\n"
                               f"collect: {{listen: ['127.0.0.1:{self.collect}'], tcp_listen: ['127.0.0.1:{self.tcp}'], sync: 100ms}}\n"
                               f"store: {{listen: '127.0.0.1:{self.store}'}}\n"
                               f"{more}web:\n  listen: ['{listen}:{self.port}']\n{web}")
        self.log = folder / "log"
        self.process = None

    def start(self):
        self.process = subprocess.Popen([self.weir, "run", "--config", self.config], stdout=open(self.log, "w"),
                                        stderr=subprocess.STDOUT)
        wait_until("the page", lambda: "the page is at" in self.log.read_text() or self.process.poll() is not None, 60)
        return self

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait(60)

    def command(self, *arguments, stdin=""):
        return subprocess.run([self.weir, *arguments, "--config", self.config], input=stdin, capture_output=True, text=True,
                              timeout=60)

    def sql(self, statement):
        done = self.command("sql", "-f", "JSONCompactEachRow", statement)
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    def connection(self, timeout=90):
        if self.scheme == "https":
            context = ssl.create_default_context(cafile=self.folder / "ca.pem")
            return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=timeout, context=context)
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)

    def ask(self, path, method="GET", body=None, headers=None, **parameters):
        if parameters:
            path += "?" + urllib.parse.urlencode({name.rstrip("_"): value for name, value in parameters.items()})
        sent = dict(headers or {})
        if body is not None and not isinstance(body, (bytes, str)):
            body = json.dumps(body)
            sent.setdefault("Content-Type", "application/json")
        connection = self.connection()
        try:
            connection.request(method, path, body, sent)
            answer = connection.getresponse()
            return Answered(answer.status, answer.headers, answer.read())
        finally:
            connection.close()

    def api(self, path, **parameters):
        answer = self.ask(f"/api/v1/{path}", **parameters)
        assert answer.status == 200, (path, answer)
        return answer.json()

    def generate(self, flows):
        """Over TCP, which loses none however slow the machine is."""
        done = subprocess.run([self.weir, "generate", "--to", f"127.0.0.1:{self.tcp}", "--transport", "tcp", "--flows", str(flows),
                               "--rate", "5000", "--sampling", "10"],
                              capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        wait_until("the flows in the store",
                   lambda: self.command("sql", "SELECT count() FROM flows").stdout.strip() == str(flows), 60)


@pytest.fixture(scope="module")
def system(weir, tmp_path_factory, embedded_store):
    s = System(weir, tmp_path_factory.mktemp("web")).start()
    try:
        s.generate(FLOWS)
        yield s
    finally:
        s.stop()


@pytest.fixture(scope="module")
def window(system):
    """All flows, and an end that does not move."""
    (first, last), = system.sql("SELECT toUnixTimestamp(min(time_received)), toUnixTimestamp(max(time_received)) + 1 FROM flows")
    return {"from_": f"@{first}", "to": f"@{last}"}


# --- against the contract ----------------------------------------------------------------------------------------------

def resolve(node):
    while isinstance(node, dict) and "$ref" in node:
        found = CONTRACT
        for part in node["$ref"][2:].split("/"):
            found = found[part]
        node = found
    return node


def check_contract(path, answer, method="get"):
    """Is the answer's JSON what the contract has for this status?"""
    response = resolve(CONTRACT["paths"][path][method]["responses"][str(answer.status)])
    schema = {**response["content"]["application/json"]["schema"], "components": CONTRACT["components"]}
    jsonschema.Draft202012Validator(schema).validate(answer.json())


READS = [
    ("/api/v1/session", {}), ("/api/v1/columns", {}), ("/api/v1/status", {}), ("/api/v1/exporters", {}), ("/api/v1/devices", {}),
    ("/api/v1/audit", {}), ("/api/v1/queries", {}),
    ("/api/v1/graph", {"dimensions": "proto,src_addr/24", "limit": 3, "compare": "previous"}), ("/api/v1/graph", {}),
    ("/api/v1/top", {"dimensions": "src_addr", "compare": "day"}), ("/api/v1/flows", {"columns": "all", "count": "true"}),
    ("/api/v1/flow-conversation", {"src_addr": "10.0.0.1", "dst_addr": "10.0.0.2"}),
    ("/api/v1/filter/check", {"filter": "src port 80"}), ("/api/v1/filter/check", {"filter": "src prt 80"}),
    ("/api/v1/filter/complete", {"filter": "src ip 10."}), ("/api/v1/filter/complete", {"filter": ""}),
    ("/api/v1/events", {}), ("/api/v1/matrix", {}), ("/api/v1/matrix", {"by": "subnet", "services": "true", "filter": "dst port 53"}), ("/api/v1/matrix/diff", {}),
]


@pytest.mark.parametrize("path, parameters", READS)
def test_answers_are_as_the_contract_says(system, path, parameters):
    answer = system.ask(path, **parameters)
    assert answer.status == 200, answer
    check_contract(path, answer)


def test_host_and_sql_are_as_the_contract_says(system):
    check_contract("/api/v1/host/{addr}", system.ask("/api/v1/host/10.0.0.1", last="100d"))
    check_contract("/api/v1/sql", system.ask("/api/v1/sql", "POST", {"sql": "SELECT 1 AS a, 'x' AS b, NULL, [1]"}), "post")
    check_contract("/api/v1/sql", system.ask("/api/v1/sql", "POST", {"sql": "SELECT FROM"}), "post")


def parameters_of(path, method):
    operation = CONTRACT["paths"][path][method]
    shared = CONTRACT["paths"][path].get("parameters", [])
    return [resolve(p) for p in [*shared, *operation.get("parameters", [])]]


BAD_TEXTS = ["'", "\x00", "\xff", "' OR 1=1 --", "1); DROP TABLE flows; --", "a" * 70000]


def bad_values(schema):
    """Values that a parameter of this schema must not take."""
    if "enum" in schema:
        return ["", "nonsense", f"{schema['enum'][0]}'", f"{schema['enum'][0]} "]
    if schema.get("type") == "integer":
        return ["", "x", "-1", "1.5", "0x10", " 1", "1'", str(schema["maximum"] + 1), "99999999999999999999",
                *([str(schema["minimum"] - 1)] if schema["minimum"] else [])]
    if schema.get("type") == "boolean":
        return ["", "1", "yes", "TRUE"]
    if "pattern" in schema:
        return ["short", "has blank in it", "quote'quote", "x" * 65, ""]
    return ["a" * (schema["maxLength"] + 1), "\x01"]


CASES = [(path, parameter["name"], parameter["schema"]) for path, methods in CONTRACT["paths"].items() if "get" in methods
         for parameter in parameters_of(path, "get") if parameter["in"] == "query"]


@pytest.mark.parametrize("path, name, schema", CASES, ids=[f"{p}-{n}" for p, n, _ in CASES])
def test_bad_values_are_refused(system, path, name, schema):
    needed = {p["name"]: {"dimensions": "proto", "filter": "", "src_addr": "10.0.0.1", "dst_addr": "10.0.0.2"}[p["name"]]
              for p in parameters_of(path, "get") if p.get("required") and p["in"] == "query"}
    for value in bad_values(schema):
        answer = system.ask(path.replace("{addr}", "10.0.0.1").replace("{id}", "abcdefgh"), **{**needed, name: value})
        assert answer.status in (400, 414, 431), (value[:40], answer)
        if answer.status == 400:
            check_contract(path, answer)
            assert answer.json()["error"]["where"] == name, answer


MEANINGS = [
    ("top", "dimensions", "nonsense"), ("top", "dimensions", "src_addr/40"), ("top", "dimensions", "src_addr;SELECT 1"),
    ("top", "dimensions", "src_addr) FROM system.one --"), ("top", "dimensions", ",".join(["proto"] * 20)), ("top", "dimensions", ""),
    ("graph", "dimensions", "proto/24"), ("graph", "interval", "1ms"), ("graph", "interval", "1"), ("graph", "interval", "-1m"),
    ("flows", "columns", "bytes,(SELECT 1)"), ("flows", "order", "bytes DESC, 1"), ("flows", "order", "rand()"),
    ("flows", "cursor", "d.time_received.1 OR 1=1.1."), ("flows", "cursor", "d.bytes.1.1.31"), ("flows", "cursor", "x"),
    ("graph", "from", "yesterdayish"), ("graph", "from", "2026-01-31' OR '1'='1"), ("graph", "last", "-1h"), ("graph", "last", "1x"),
    ("graph", "to", "now)"), ("graph", "from", "1800-01-01"), ("graph", "filter", "proto ="), ("graph", "filter", "' OR 1=1 --"),
    ("graph", "filter", "1); DROP TABLE flows"), ("flows", "filter", "bytes > 1 UNION ALL SELECT 1"), ("top", "filter", "(" * 1000),
    ("devices", "collector", "a b"), ("devices", "collector", "<script>"),
]


@pytest.mark.parametrize("path, name, value", MEANINGS)
def test_values_without_a_meaning_are_refused(system, path, name, value):
    parameters = {"dimensions": "proto"} if path == "top" else {}
    answer = system.ask(f"/api/v1/{path}", **{**parameters, name: value})
    assert answer.status in (400, 413), answer
    assert answer.json()["error"]["where"] in (name, "filter", "window"), answer
    assert len(system.sql("SELECT 1 FROM flows LIMIT 1")) == 1


def test_unknown_and_doubled_parameters_are_refused(system):
    assert system.ask("/api/v1/graph?dimension=proto").json()["error"]["where"] == "dimension"
    assert system.ask("/api/v1/graph?limit=1&limit=2").json()["error"]["where"] == "limit"
    assert system.ask("/api/v1/top").json()["error"]["where"] == "dimensions"
    assert system.ask("/api/v1/nothing").code() == "not_found"
    assert system.ask("/api/v1/query/%00%00%00%00%00%00%00%00").status == 400
    assert system.ask("/api/v1/host/%27%20OR%201").status == 400
    assert system.ask("/api/v1/graph", "DELETE").code() == "method_not_allowed"
    assert system.ask("/api/v1/sql", "GET").code() == "method_not_allowed"


def test_filter_mistakes_have_a_place_in_utf16(system):
    bad = system.ask("/api/v1/graph", filter="user_name = \"\U0001f40d\" and prt 1").json()["error"]
    assert (bad["code"], bad["at"], bad["len"]) == ("bad_filter", len("user_name = \"") + 2 + len("\" and "), 3)
    check = system.api("filter/check", filter="src port 80 and byts > 1")
    assert check["ok"] is False and check["error"]["at"] == 16 and "bytes" in check["error"]["next"]
    assert "src_port = 80" in system.api("filter/check", filter="src port 80")["sql"]


# --- numbers -----------------------------------------------------------------------------------------------------------

SCALED = "sum(bytes * greatest(sampling_rate, 1)), sum(packets * greatest(sampling_rate, 1)), count()"


def test_top_is_what_sql_says(system, window):
    got = system.api("top", dimensions="proto,service_port", limit=1000, **window)
    want = system.sql(f"SELECT proto, service_port, {SCALED} FROM flows GROUP BY ALL ORDER BY 3 DESC, 1, 2")
    assert [row[:5] for row in got["rows"]] == [[a, b, int(c), int(d), int(e)] for a, b, c, d, e in want]
    (total,) = system.sql(f"SELECT {SCALED} FROM flows")
    assert [got["total"][k] for k in ("bytes", "packets", "flows")] == [int(n) for n in total]
    assert sum(row[5] for row in got["rows"]) == pytest.approx(1, abs=0.001)
    for statement in got["query"]["sql"]:
        assert system.command("sql", statement).returncode == 0
    as_file = list(csv.DictReader(io.StringIO(system.ask("/api/v1/top", dimensions="proto,service_port", limit=1000, format="csv",
                                                         **window).body.decode())))
    assert [(r["proto"], r["service_port"], r["bytes"]) for r in as_file] == [(str(r[0]), str(r[1]), str(r[2])) for r in got["rows"]]


@pytest.mark.parametrize("interval", ["1s", "60s", "1h"])
def test_graph_sums_to_what_sql_says(system, window, interval):
    got = system.api("graph", dimensions="proto", limit=2, metric="bytes", interval=interval, **window)
    per_key = {r[0]: int(r[1]) for r in system.sql(f"SELECT proto, {SCALED} FROM flows GROUP BY proto ORDER BY 2 DESC, 1")}
    largest = list(per_key)[:2]
    assert [s["key"] for s in got["series"]] == [[k] for k in largest] + [None]
    for series, want in zip(got["series"], [per_key[k] for k in largest] + [sum(list(per_key.values())[2:])]):
        assert series["sum"]["bytes"] == want == sum(series["values"])
    assert got["total"]["sum"] == dict(zip(("bytes", "packets", "flows"), map(int, system.sql(f"SELECT {SCALED} FROM flows")[0])))
    seconds = {"1s": 1, "60s": 60, "1h": 3600}[interval]
    buckets = {int(t): int(b) for t, b in system.sql(f"SELECT intDiv(toUnixTimestamp(time_received), {seconds}) * {seconds} AS t, "
                                                      f"sum(bytes * greatest(sampling_rate, 1)) FROM flows GROUP BY t")}
    assert {t // 1000: v for t, v in zip(got["times_ms"], got["total"]["values"]) if v} == buckets


def test_rates_are_over_the_part_that_lies_in_the_window(system, window):
    got = system.api("graph", metric="bps", interval="1h", **window)
    seconds = (got["window"]["to_ms"] - got["window"]["from_ms"]) / 1000
    if len(got["times_ms"]) == 1:
        assert got["total"]["values"][0] == pytest.approx(got["total"]["sum"]["bytes"] * 8 / seconds)
    assert got["total"]["average"] == pytest.approx(got["total"]["sum"]["bytes"] * 8 / seconds, rel=1e-6)


def test_rollup_and_flows_agree(system, window):
    """A window of more than an hour around the flows, whose first and last minutes are not whole."""
    around = {"from_": f"@{int(window['from_'][1:]) - 4000}", "to": f"@{int(window['to'][1:]) + 17}"}
    for path, more in (("top", {"dimensions": "proto,in_if", "limit": 500}),
                       ("graph", {"dimensions": "exporter_addr", "interval": "60s", "limit": 3, "metric": "packets"})):
        rolled = system.api(path, **more, **around)
        single = system.api(path, rollup="never", **more, **around)
        assert rolled["query"]["rollup"] is True and single["query"]["rollup"] is False
        assert rolled.get("rows", rolled.get("series")) == single.get("rows", single.get("series"))
        assert rolled["total"] == single["total"]


def test_compare_has_the_same_keys_of_the_time_before(system, window):
    length = int(window["to"][1:]) - int(window["from_"][1:])
    later = {"from_": f"@{int(window['from_'][1:]) + length // 2}", "to": window["to"]}
    top = system.api("top", dimensions="src_addr", limit=20, compare="previous", **later)
    middle = int(later["from_"][1:])
    want = {r[0]: int(r[1]) for r in system.sql(
        f"SELECT replaceOne(toString(src_addr), '::ffff:', ''), sum(bytes * greatest(sampling_rate, 1)) FROM flows WHERE time_received < "
        f"fromUnixTimestamp({middle}) AND time_received >= fromUnixTimestamp({2 * middle - int(later['to'][1:])}) GROUP BY 1")}
    assert [s["bytes"] for s in top["compare"]["sums"]] == [want.get(row[0], 0) for row in top["rows"]]
    assert top["compare"]["total"]["bytes"] == sum(want.values())
    graph = system.api("graph", dimensions="src_addr", limit=20, compare="previous", **later)
    assert [s["key"] for s in graph["series"]] == [s["key"] for s in graph["compare"]["series"]]
    assert [s["sum"]["bytes"] for s in graph["compare"]["series"] if s["key"]] == [want.get(s["key"][0], 0) for s in graph["series"] if s["key"]]


COLUMNS = "time_received,src_addr,dst_addr,src_port,dst_port,proto,bytes,packets,sequence_num,time_start"


@pytest.mark.parametrize("order, direction", [("time_received", "desc"), ("time_received", "asc"), ("bytes", "desc"),
                                              ("src_addr", "asc"), ("duration", "desc"), ("proto", "desc"), ("time_start", "asc")])
def test_pages_hold_every_row_once(system, window, order, direction):
    few = {"filter": "src port 443", "columns": COLUMNS, "order": order, "direction": direction, **window}
    whole = [json.loads(line) for line in
             system.ask("/api/v1/flows", limit=1000000, format="ndjson", **few).body.decode().splitlines()]
    rows, cursor, pages = [], None, 0
    while True:
        page = system.api("flows", limit=173, count="true", **few, **({"cursor": cursor} if cursor else {}))
        rows += page["rows"]
        cursor = page["next_cursor"]
        pages += 1
        if not cursor:
            break
    (count,), = system.sql("SELECT count() FROM flows WHERE src_port = 443")
    assert pages > 3 and len(rows) == page["count"] == int(count) == len(whole)
    assert rows == [[row[name] for name in COLUMNS.split(",")] for row in whole]
    # A jump, and on from there.
    jump = system.api("flows", limit=50, offset=311, **few)
    assert jump["rows"] == rows[311:361]
    assert system.api("flows", limit=50, cursor=jump["next_cursor"], **few)["rows"] == rows[361:411]


def test_conversation_and_host(system, window):
    src, dst, sport, dport, proto = system.sql("SELECT replaceOne(toString(src_addr), '::ffff:', ''), replaceOne(toString(dst_addr), "
                                               "'::ffff:', ''), src_port, dst_port, proto FROM flows WHERE proto = 6 ORDER BY bytes DESC LIMIT 1")[0]
    got = system.api("flow-conversation", src_addr=src, dst_addr=dst, src_port=sport, dst_port=dport, proto=proto, **window)
    want = system.sql(f"SELECT countIf(src_port = {sport}), countIf(src_port != {sport}) FROM flows WHERE proto = {proto} AND "
                      f"((src_addr = toIPv6('{src}') AND dst_addr = toIPv6('{dst}') AND src_port = {sport} AND dst_port = {dport}) OR "
                      f"(dst_addr = toIPv6('{src}') AND src_addr = toIPv6('{dst}') AND dst_port = {sport} AND src_port = {dport}))")
    assert [got["forward"]["flows"], got["back"]["flows"]] == [int(n) for n in want[0]]
    assert [row[0] for row in got["rows"]].count("forward") == got["forward"]["flows"] > 0
    host = system.api(f"host/{src}", **window)
    want = system.sql(f"SELECT countIf(src_addr = toIPv6('{src}')), countIf(dst_addr = toIPv6('{src}')), sumIf(bytes * sampling_rate, src_addr = "
                      f"toIPv6('{src}')) FROM flows")[0]
    assert [host["as_source"]["flows"], host["as_destination"]["flows"], host["as_source"]["bytes"]] == [int(n) for n in want]
    assert dst in [row[0] for row in system.api(f"host/{src}", limit=1000, **window)["peers"]["rows"]]


def test_sql_is_read_only_and_limited(system):
    def run(sql, **more):
        return system.ask("/api/v1/sql", "POST", {"sql": sql, **more})
    answer = run("SELECT number, toString(number) FROM numbers(10)", limit=3).json()
    assert answer["rows"] == [[0, "0"], [1, "1"], [2, "2"]] and answer["truncated"] is True
    for sql in ("DROP TABLE flows", "INSERT INTO flows (bytes) VALUES (1)", "CREATE TABLE x (a Int8) ENGINE = Memory", "SET readonly = 0",
                "SELECT * FROM url('http://127.0.0.1:1/', 'CSV', 'a String')", "SELECT * FROM file('/etc/passwd', 'LineAsString')",
                "SELECT 1 INTO OUTFILE '/tmp/x'", "SELECT 1; DROP TABLE flows", "SELECT count() FROM numbers(10) SETTINGS max_execution_time = 0",
                "SYSTEM SHUTDOWN", "KILL QUERY WHERE 1", "/* x */ -- y\n KILL QUERY WHERE 1", "SELECT 1 SETTINGS readonly = 0", "SELECT file('/etc/passwd')"):
        answer = run(sql)
        assert answer.status == 422 and answer.code() == "store_refused", (sql, answer)
    assert run("SELECT 1 FORMAT CSV").status == 400
    mistake = run("SELECT 1 +").json()["error"]
    assert mistake["at"] >= 9
    assert run("SELECT '9' FROM numbers(3)", format="csv").body == b"'9'\n9\n9\n9\n"
    (count,), = system.sql("SELECT count() FROM flows")
    assert int(count) == FLOWS
    memory = run("SELECT groupArray(number) FROM numbers(1000000000)")
    assert memory.status in (422, 504), memory
    log = system.api("audit", limit=50)["entries"]
    assert any(e["action"] == "sql" and "DROP TABLE flows" in e["detail"] and e["result"] == "failed" for e in log)


def test_a_filter_narrows_the_matrix(system, window):
    def edges(**parameters):
        return system.api("matrix", by="zone", services="true", **parameters, **window)["edges"]

    names = [e for e in edges() if e["dst_port"] == 53]
    assert names and sorted(edges(filter="dst port 53"), key=str) == sorted(names, key=str)
    one = (names[0]["src"], names[0]["dst"])
    assert edges(filter="dst port 53 or dst port 53", src=one[0], dst=one[1]) == [e for e in names if (e["src"], e["dst"]) == one]
    for wrong, word in (("dst port 53) or (dst port 443", "parenthesis"), ("in if 3", "in_if")):
        refused = system.ask("/api/v1/matrix", filter=wrong, **window)
        assert refused.status == 400 and word in refused.json()["error"]["message"], refused.json()


def test_numbers_that_javascript_would_round_are_texts(system):
    rows = system.ask("/api/v1/sql", "POST", {"sql": "SELECT 9007199254740991, 9007199254740992, toUInt64(-1), -9007199254740993, 0.5"}).json()["rows"]
    assert rows == [[9007199254740991, "9007199254740992", "18446744073709551615", "-9007199254740993", 0.5]]


# --- running queries ---------------------------------------------------------------------------------------------------

SLOW = "SELECT sum(sipHash64(number)) FROM numbers(100000000000)"


def begin_slow(system, pool, name):
    slow = pool.submit(system.ask, "/api/v1/sql", "POST", {"sql": SLOW, "query_id": name})
    wait_until("the query to run and to tell how far it is",
               lambda: system.ask(f"/api/v1/query/{name}").json().get("read_rows", 0) > 0, 30)
    return slow


def test_a_query_shows_its_progress_and_can_be_ended(system):
    with concurrent.futures.ThreadPoolExecutor() as pool:
        slow = begin_slow(system, pool, "slow-query-1")
        shown = system.ask("/api/v1/query/slow-query-1")
        check_contract("/api/v1/query/{id}", shown)
        assert shown.json()["total_rows"] == 100000000000 and shown.json()["state"] == "running"
        listed = {q["id"]: q for q in system.api("queries")["queries"]}["slow-query-1"]
        assert listed["read_rows"] > 0 and listed["total_rows"] == 100000000000, "the page's progress is of the list"
        again = system.ask("/api/v1/sql", "POST", {"sql": "SELECT 1", "query_id": "slow-query-1"})
        assert again.json()["error"]["where"] == "query_id"
        ended = system.ask("/api/v1/query/slow-query-1", "DELETE")
        assert ended.json()["state"] == "cancelled"
        answer = slow.result(30)
        assert answer.status == 409 and answer.code() == "cancelled" and answer.json()["query"]["sql"] == [SLOW]
    assert system.ask("/api/v1/query/slow-query-1").status == 404
    no_more_in_the_store(system)


def no_more_in_the_store(system):
    wait_until("the store to give the query up", lambda: system.sql(
        "SELECT count() FROM system.processes WHERE query LIKE '%numbers(100000000000)%' AND query NOT LIKE '%processes%'") == [["0"]]
        or system.sql("SELECT count() FROM system.processes WHERE query LIKE '%numbers(100000000000)%' AND query NOT LIKE '%processes%'") == [[0]], 30)


def test_a_query_ends_when_its_client_goes_away(system):
    connection = system.connection()
    connection.request("POST", "/api/v1/sql", json.dumps({"sql": SLOW, "query_id": "slow-query-2"}), {"Content-Type": "application/json"})
    wait_until("the query to run", lambda: system.ask("/api/v1/query/slow-query-2").status == 200)
    connection.sock.shutdown(socket.SHUT_RDWR)
    connection.close()
    wait_until("the query to end", lambda: system.ask("/api/v1/query/slow-query-2").status == 404)
    no_more_in_the_store(system)


# --- the page, and what every answer has -------------------------------------------------------------------------------

def test_every_answer_has_its_safety_headers(system):
    for path in ("/", "/api/v1/session", "/api/v1/nothing", "/metrics"):
        headers = system.ask(path).headers
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy and "script-src 'self';" in policy and "frame-ancestors 'none'" in policy
        assert headers["X-Content-Type-Options"] == "nosniff" and headers["X-Frame-Options"] == "DENY"
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin" and "Access-Control-Allow-Origin" not in headers
    assert system.ask("/api/v1/session").headers["Cache-Control"] == "no-store"


def test_page_has_etags_and_is_compressed(system):
    page = system.ask("/")
    assert page.status == 200 and page.headers["Content-Type"].startswith("text/html")
    if "was built without its page" in page.body.decode():
        pytest.skip("the page was not built into the program: npm is missing")
    assert system.ask("/", headers={"If-None-Match": page.headers["ETag"]}).status == 304
    script, = set(re.findall(r'src="\.?(/assets/[^"]+\.js)"', page.body.decode()))
    plain = system.ask(script)
    packed = system.ask(script, headers={"Accept-Encoding": "gzip, br"})
    assert "immutable" in plain.headers["Cache-Control"] and packed.headers["Content-Encoding"] == "gzip"
    assert len(packed.body) < len(plain.body) / 2
    assert system.ask("/explore").body == page.body and system.ask("/nothing.js").status == 404
    assert system.ask("/../../etc/passwd").status in (200, 404) and b"root:" not in system.ask("/../../etc/passwd").body


def test_answers_are_compressed_where_that_is_asked_for(system):
    plain = system.ask("/api/v1/flows", last="7d", limit=200, to="now")
    packed = system.ask("/api/v1/flows", last="7d", limit=200, to="now", headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in plain.headers and packed.headers["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in packed.headers["Vary"] and int(packed.headers["Content-Length"]) == len(packed.body)
    assert len(packed.body) < len(plain.body) / 2
    assert json.loads(gzip.decompress(packed.body))["rows"] == plain.json()["rows"]
    for taken in ("br, gzip", "GZIP;q=0.5", "identity;q=0, gzip ; q=0.001"):
        assert system.ask("/api/v1/flows", last="7d", headers={"Accept-Encoding": taken}).headers["Content-Encoding"] == "gzip", taken
    for refused in ("gzip;q=0", "gzip; q=0.0, br", "x-gzip", "br", "identity", "*"):
        assert "Content-Encoding" not in system.ask("/api/v1/flows", last="7d", headers={"Accept-Encoding": refused}).headers
    # What is short, and what has a session's secret, is sent as it is.
    for path in ("/healthz", "/api/v1/session"):
        assert "Content-Encoding" not in system.ask(path, headers={"Accept-Encoding": "gzip"}).headers


@pytest.mark.parametrize("headers", [
    {"Host": "evil.example"}, {"Host": "evil.example:8055"}, {"Host": "127.0.0.1.evil.example"}, {"Origin": "http://evil.example"},
    {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}])
def test_pages_of_other_sites_are_kept_out(system, headers):
    for path in ("/api/v1/status", "/metrics", "/api/v1/session"):
        answer = system.ask(path, headers=headers)
        assert answer.status == 403 and answer.code() == "forbidden", (path, answer)


def test_bodies_must_be_json(system):
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        answer = system.ask("/api/v1/sql", "POST", '{"sql": "SELECT 1"}', {"Content-Type": kind})
        assert answer.status == 415, answer
    for body in ("", "{", "[]", '{"sql": 1, "sql": 2}', '{"sql": {}}', '{"sql": "SELECT 1", "more": 1}'):
        assert system.ask("/api/v1/sql", "POST", body, {"Content-Type": "application/json"}).status == 400, body
    large = system.ask("/api/v1/sql", "POST", {"sql": "x" * 300000})
    assert large.status == 413
    check_contract("/api/v1/graph", system.ask("/api/v1/graph", "POST", {"dimensions": ["proto", "in_if"], "limit": 2, "filter": "proto tcp"}), "post")


def test_health_metrics_and_status(system):
    assert system.ask("/healthz").body == b"ok\n" and system.ask("/readyz").body == b"ok\n"
    metrics = system.ask("/metrics").body.decode()
    for name in ("weir_collect_flows_total", "weir_sink_rows_total", "weir_store_queries_total", "weir_web_queries_total", "weir_run_pid"):
        assert re.search(rf"^{name}\b", metrics, re.M), name
    families = re.findall(r"^# TYPE (\S+)", metrics, re.M)
    assert len(families) == len(set(families)), "a family stands twice"
    samples = [line.rsplit(" ", 1)[0] for line in metrics.splitlines() if not line.startswith("#")]
    assert len(samples) == len(set(samples)), "a sample stands twice"
    status = system.api("status")
    assert status["roles"]["web"]["state"] == "up" and status["store"]["flows"] == FLOWS
    # An exporter whose connection has ended is counted among the others; the store still knows which they were.
    wait_until("collect's count of the flows", lambda: sum(e["flows"] for e in system.api("exporters")["exporters"]) == FLOWS)


def test_devices_have_this_collectors_address_and_port(system):
    devices = system.api("devices", collector="192.0.2.9")
    assert len(devices["devices"]) > 10
    for device in devices["devices"]:
        assert "@" not in device["text"].replace("@weir", "") or "@COLLECTOR@" not in device["text"], device
        assert "192.0.2.9" in device["text"], device["id"]
    assert any(str(system.collect) in device["text"] for device in devices["devices"])


def test_completion_proposes_what_goes_on(system):
    def texts(filter_, **more):
        return [s["text"] for s in system.api("filter/complete", filter=filter_, **more)["suggestions"]]
    assert "src" in texts("sr") and "port" in texts("src po")
    assert texts("proto = tc") == ["tcp"]
    seen = texts("dst port 4", limit=100)
    real = {str(r[0]) for r in system.sql("SELECT DISTINCT dst_port FROM flows")}
    assert seen and set(seen) <= real
    assert "and" in texts("src port 443 ")


# --- who may come in ---------------------------------------------------------------------------------------------------

USERS = {"ada": "administrator", "olga": "operator", "vic": "viewer"}
PASSWORD = "correct horse battery"


@pytest.fixture(scope="module")
def guarded(weir, tmp_path_factory, embedded_store):
    """A system with users, a token, a trusted proxy, and TLS."""
    folder = tmp_path_factory.mktemp("guarded")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=weir",
                    "-addext", "subjectAltName=IP:127.0.0.1,DNS:weir.example.org", "-keyout", folder / "key.pem", "-out", folder / "ca.pem"],
                   check=True, capture_output=True)
    s = System(weir, folder, f"  certificate: {folder}/ca.pem\n  key: {folder}/key.pem\n  names: [weir.example.org]\n"
               "  proxy_user_header: X-Forwarded-User\n  proxy_from: [127.0.0.9]\n", "https")
    s.data.mkdir()
    for name, role in USERS.items():
        done = s.command("web", "user", "add", name, "--role", role, stdin=PASSWORD + "\n")
        assert done.returncode == 0, done.stderr
    done = s.command("web", "token", "add", "grafana")
    s.token = done.stdout.strip()
    assert done.returncode == 0 and len(s.token) == 64
    s.start()
    try:
        yield s
    finally:
        s.stop()


class Person:
    def __init__(self, system, name, password=PASSWORD):
        self.system = system
        self.answer = system.ask("/api/v1/session", "POST", {"name": name, "password": password})
        self.cookie = (self.answer.headers["Set-Cookie"] or "").split(";")[0]
        self.csrf = self.answer.json().get("csrf", "") if self.answer.status == 200 else ""

    def ask(self, path, method="GET", body=None, csrf=None, headers=None):
        sent = {"Cookie": self.cookie, **({"X-Weir-CSRF": self.csrf if csrf is None else csrf} if method != "GET" else {}), **(headers or {})}
        return self.system.ask(path, method, body, sent)


def test_no_secret_is_kept_or_readable(guarded):
    file = guarded.data / "web/users"
    text = file.read_text()
    assert PASSWORD not in text and guarded.token not in text and "scrypt:15:8:1:" in text
    assert file.stat().st_mode & 0o077 == 0 and (guarded.data / "web/audit/log").stat().st_mode & 0o077 == 0
    assert PASSWORD not in guarded.log.read_text()


def test_without_a_user_there_is_nothing_but_health_and_the_page(guarded):
    for path in CONTRACT["paths"]:
        real = path.replace("{addr}", "10.0.0.1").replace("{id}", "abcdefgh")
        for method in CONTRACT["paths"][path]:
            if method == "parameters" or path == "/api/v1/session":
                continue
            answer = guarded.ask(real, method.upper(), {} if method == "post" else None)
            assert answer.status == (200 if path in ("/healthz", "/readyz") else 401), (path, method, answer)
    assert guarded.ask("/").status == 200
    session = guarded.ask("/api/v1/session").json()
    assert session["authenticated"] is False and session["role"] == "none" and session["login"] == "password" and "csrf" not in session


def test_log_in_and_out(guarded):
    person = Person(guarded, "vic")
    cookie = person.answer.headers["Set-Cookie"]
    assert person.answer.json()["role"] == "viewer"
    for part in ("HttpOnly", "SameSite=Strict", "Secure", "Path=/"):
        assert part in cookie
    assert guarded.ask("/").headers["Strict-Transport-Security"]
    assert person.ask("/api/v1/columns").status == 200
    assert person.ask("/api/v1/session", "DELETE", csrf="wrong").status == 403
    assert person.ask("/api/v1/session", "DELETE").json()["authenticated"] is False
    assert person.ask("/api/v1/columns").status == 401


@pytest.mark.parametrize("name, sql, audit", [("vic", 403, 403), ("olga", 200, 403), ("ada", 200, 200)])
def test_roles(guarded, name, sql, audit):
    person = Person(guarded, name)
    assert person.ask("/api/v1/graph").status == 200
    assert person.ask("/api/v1/sql", "POST", {"sql": "SELECT 1"}).status == sql
    assert person.ask("/api/v1/audit").status == audit
    assert person.ask("/api/v1/events/1/acknowledge", "POST", {"comment": "x"}).status == (403 if name == "vic" else 404)
    assert person.ask("/api/v1/events/1/silence", "POST", {"for": "1h"}).status == (403 if name == "vic" else 404)
    assert person.ask("/api/v1/matrix/approve", "POST", {"by": "zone", "src": "a", "dst": "b"}).status == (403 if name == "vic" else 200)


# --- events ------------------------------------------------------------------------------------------------------------

RULES = """rules:
  - {name: it's web, over: port 443, action: alert, level: notice}
  - {name: names, over: port 53, action: deny, level: critical}
"""


@pytest.fixture(scope="module")
def judging(weir, tmp_path_factory, embedded_store):
    """A system with users and rules that raise events, all of which are told."""
    folder = tmp_path_factory.mktemp("judging")
    (folder / "policy.yaml").write_text(RULES)
    s = System(weir, folder, more=f"policy: {{file: {folder}/policy.yaml, packs: []}}\n")
    s.data.mkdir()
    for name in ("olga", "vic"):
        assert s.command("web", "user", "add", name, "--role", USERS[name], stdin=PASSWORD + "\n").returncode == 0
    s.start()
    try:
        s.generate(2000)
        told = "SELECT (SELECT sum(flows) FROM events), (SELECT count() FROM flows WHERE action IN ('alert', 'deny'))"
        wait_until("all events to be told", lambda: (lambda row: int(row[0] or 0) == int(row[1]) > 0)(s.sql(told)[0]), 60)
        s.olga, s.vic = Person(s, "olga"), Person(s, "vic")
        yield s
    finally:
        s.stop()


def events_of(person, **parameters):
    answer = person.ask("/api/v1/events?" + urllib.parse.urlencode({"last": "7d", "limit": 1000, **parameters}))
    assert answer.status == 200, answer
    check_contract("/api/v1/events", answer)
    return answer.json()


def of_a_subject(events):
    """One that is not what a rule finds about too many."""
    return next(e for e in events if "more than" not in e["what"])


def tell(person, event, what, body):
    answer = person.ask(f"/api/v1/events/{event}/{what}", "POST", body)
    check_contract("/api/v1/events/{id}/" + what, answer, "post")
    return answer


def test_events_are_what_the_command_lists(judging):
    assert judging.vic.ask("/api/v1/session").json()["features"]["events"] is True
    got = events_of(judging.vic, state="all")
    want = json.loads(judging.command("events", "--state", "all", "-n", "100000", "--last", "7d", "--format", "json").stdout)
    assert got["count"] == len(want) and len(want) > 3
    assert [(e["id"], e["rule"], e["severity"], e["count"], e["what"], e["filter"], e["src"], e["dst"]) for e in got["events"]] == [
        (e["event_id"], e["rule"], e["level"], int(e["flows"]), e["message"], e["filter"], e["client"].removeprefix("::ffff:"), e["server"].removeprefix("::ffff:"))
        for e in want][:1000]
    for statement in got["query"]["sql"]:
        assert judging.command("sql", statement).returncode == 0, statement
    event = of_a_subject(got["events"])
    behind = judging.vic.ask("/api/v1/flows?" + urllib.parse.urlencode({"last": "7d", "filter": event["filter"], "count": "true"})).json()
    assert behind["count"] >= event["count"]  # flows about a subject may also be among those of too many


def test_events_are_chosen_and_paged(judging):
    everything = events_of(judging.vic, state="all")
    assert {e["severity"] for e in everything["events"]} == {"notice", "critical"}
    for severity, left in (("info", {"notice", "critical"}), ("notice", {"notice", "critical"}), ("warning", {"critical"}), ("critical", {"critical"})):
        assert {e["severity"] for e in events_of(judging.vic, state="all", severity=severity)["events"]} == left
    assert {e["rule"] for e in events_of(judging.vic, state="all", rule="it's web")["events"]} == {"it's web"}
    assert events_of(judging.vic, state="all", rule="' OR 1=1 --")["count"] == 0
    early = judging.vic.ask("/api/v1/events?state=all&from=2001-01-01&to=2001-01-02").json()
    assert (early["events"], early["count"]) == ([], 0)
    page = events_of(judging.vic, state="all", limit=2, offset=1)
    assert page["events"] == everything["events"][1:3] and page["count"] == everything["count"]
    behind = events_of(judging.vic, state="all", offset=100000)
    assert behind["events"] == [] and behind["count"] == everything["count"]


def test_an_event_is_acknowledged(judging):
    event = of_a_subject(events_of(judging.olga, rule="it's web")["events"])
    assert tell(judging.vic, event["id"], "acknowledge", {"comment": "x"}).status == 403
    answer = tell(judging.olga, event["id"], "acknowledge", {"comment": "it's \\ known: 100%\n{id:String}"})
    assert answer.status == 200, answer
    said = answer.json()
    assert (said["id"], said["rule"], said["state"], said["by"]) == (event["id"], event["rule"], "acknowledged", "olga")
    assert said["comment"] == "it's \\ known: 100%\n{id:String}" and said["count"] == event["count"] and "until_ms" not in said
    assert event["id"] not in {e["id"] for e in events_of(judging.olga)["events"]}
    assert [e["by"] for e in events_of(judging.olga, state="acknowledged")["events"] if e["id"] == event["id"]] == ["olga"]
    listed = json.loads(judging.command("events", "--state", "acknowledged", "--format", "json").stdout)
    assert [(e["acknowledged_by"], e["rule"]) for e in listed] == [("olga", event["rule"])]
    log = [json.loads(line) for line in (judging.data / "web/audit/log").read_text().splitlines()]
    assert [(e["user"], e["result"]) for e in log if e["action"] == "acknowledge"] == [("vic", "refused"), ("olga", "ok")]


def test_an_event_is_silenced(judging):
    event = of_a_subject(events_of(judging.olga, rule="names")["events"])
    assert tell(judging.vic, event["id"], "silence", {"for": "1h"}).status == 403
    before = judging.olga.ask("/api/v1/session").json()["now_ms"]
    said = tell(judging.olga, event["id"], "silence", {"for": "2h", "comment": "a test"}).json()
    after = judging.olga.ask("/api/v1/session").json()["now_ms"]
    assert (said["state"], said["by"], said["comment"]) == ("silenced", "olga", "a test")
    assert before + 7200000 <= said["until_ms"] <= after + 7200000
    assert [e["id"] for e in events_of(judging.olga, state="silenced")["events"]] == [event["id"]]
    # Of the rule as a whole: from the command line, which the page shows as well.
    assert judging.command("events", "silence", "--rule", "names", "--for", "1d", "-m", "all of them").returncode == 0
    quiet = events_of(judging.olga, state="silenced", rule="names")["events"]
    assert len(quiet) == events_of(judging.olga, state="all", rule="names")["count"]
    assert {e["comment"] for e in quiet} == {"all of them"}


@pytest.mark.parametrize("event, what, body, status, where", [
    ("ffffffffffffffff", "acknowledge", {}, 404, "id"), ("0", "silence", {"for": "1h"}, 404, "id"), ("XYZ", "acknowledge", {}, 400, "id"),
    ("a" * 17, "acknowledge", {}, 400, "id"), ("%27%20OR%201", "acknowledge", {}, 400, "id"), (None, "silence", {}, 400, "for"),
    (None, "silence", {"for": "soon"}, 400, "for"), (None, "silence", {"for": "0s"}, 400, "for"), (None, "silence", {"for": "-1h"}, 400, "for"),
    (None, "silence", {"for": "99999999999999d"}, 400, "for"), (None, "silence", {"for": "40000d"}, 400, "for"),
    (None, "acknowledge", {"comment": "x" * 1025}, 400, "comment"), (None, "acknowledge", {"user": "ada"}, 400, "user")])
def test_bad_notes_are_refused(judging, event, what, body, status, where):
    notes = judging.sql("SELECT count() FROM event_notes")
    event = event or events_of(judging.olga, state="all")["events"][0]["id"]
    answer = tell(judging.olga, event, what, body)
    assert answer.status == status and answer.json()["error"]["where"] == where, answer
    assert judging.sql("SELECT count() FROM event_notes") == notes


def test_a_viewer_sees_and_ends_no_query_of_others(guarded):
    ada, vic, olga = Person(guarded, "ada"), Person(guarded, "vic"), Person(guarded, "olga")
    with concurrent.futures.ThreadPoolExecutor() as pool:
        slow = pool.submit(ada.ask, "/api/v1/sql", "POST", {"sql": SLOW, "query_id": "adas-query"})
        wait_until("the query to run", lambda: ada.ask("/api/v1/query/adas-query").status == 200)
        assert vic.ask("/api/v1/query/adas-query").status == 404 and vic.ask("/api/v1/query/adas-query", "DELETE").status == 404
        assert vic.ask("/api/v1/queries").json()["queries"] == []
        assert olga.ask("/api/v1/query/adas-query", "DELETE").status == 200
        assert slow.result(30).status == 409


def test_csrf(guarded):
    ada = Person(guarded, "ada")
    for wrong in ("", "0" * 64, Person(guarded, "ada").csrf):
        answer = ada.ask("/api/v1/sql", "POST", {"sql": "SELECT 1"}, csrf=wrong)
        assert answer.status == 403 and answer.json()["error"]["where"] == "X-Weir-CSRF"
    assert ada.ask("/api/v1/sql", "POST", {"sql": "SELECT 1"}).status == 200
    assert ada.ask("/api/v1/sql", "POST", {"sql": "SELECT 1"}, headers={"Origin": "https://evil.example"}).status == 403
    assert ada.ask("/api/v1/sql", "POST", {"sql": "SELECT 1"}, headers={"Origin": f"https://127.0.0.1:{guarded.port}"}).status == 200


def test_tokens(guarded):
    def by(token, path="/metrics"):
        return guarded.ask(path, headers={"Authorization": f"Bearer {token}"})
    assert by(guarded.token).status == 200 and by(guarded.token, "/api/v1/audit").status == 403
    for wrong in ("", "x", guarded.token[:-1] + ("0" if guarded.token[-1] != "0" else "1"), guarded.token.upper()):
        assert by(wrong).status == 401, wrong
    # The file's own line is no token.
    kept = re.search(r"^token\tgrafana\tviewer\t(\S+)", (guarded.data / "web/users").read_text(), re.M).group(1)
    assert by(kept).status == 401
    more = guarded.command("web", "token", "add", "short-lived", "--role", "operator").stdout.strip()
    wait_until("the new token to count", lambda: by(more).status == 200)
    assert guarded.command("web", "token", "remove", "short-lived").returncode == 0
    wait_until("the removed token not to count", lambda: by(more).status == 401)


def test_a_changed_password_ends_sessions(guarded):
    assert guarded.command("web", "user", "add", "temp", stdin="first password\n").returncode == 0
    person = wait_until("temp may log in", lambda: (lambda p: p if p.answer.status == 200 else None)(Person(guarded, "temp", "first password")))
    assert guarded.command("web", "user", "add", "temp", stdin="second password\n").returncode == 0
    wait_until("the session to end", lambda: person.ask("/api/v1/columns").status == 401)
    assert guarded.command("web", "user", "remove", "temp").returncode == 0
    listed = guarded.command("web", "user", "list").stdout
    assert "temp" not in listed and re.search(r"^ada +administrator", listed, re.M)


@pytest.mark.parametrize("arguments, stdin", [(("user", "add", "x"), "short\n"), (("user", "add", "a b"), "long enough pw\n"), (("user", "add"), ""),
                                              (("user", "remove", "nobody"), ""), (("thing", "list"), ""), (("user", "add", "x"), "")])
def test_commands_refuse(guarded, arguments, stdin):
    done = guarded.command("web", *arguments, stdin=stdin)
    assert done.returncode == 2 and done.stderr.startswith("weir"), done


def test_guessing_is_slowed_down(guarded):
    answers = [Person(guarded, "mallory", f"guess {i} of many").answer for i in range(7)]
    assert [a.status for a in answers][:5] == [401] * 5
    limited = next(a for a in answers if a.status == 429)
    assert int(limited.headers["Retry-After"]) >= 1 and limited.json()["error"]["code"] == "too_many"
    # One who knows the password waits as well, but not long.
    wait_until("ada to be let in again", lambda: Person(guarded, "ada").answer.status == 200)
    log = Person(guarded, "ada").ask("/api/v1/audit?limit=100").json()["entries"]
    assert any(e["action"] == "log-in" and e["result"] == "refused" and e["detail"] == "mallory" for e in log)
    assert not any("guess" in json.dumps(e) for e in log)


def from_proxy(system, headers, source="127.0.0.9", method="GET", path="/api/v1/session", body=None):
    context = ssl.create_default_context(cafile=system.folder / "ca.pem")
    connection = http.client.HTTPSConnection("127.0.0.1", system.port, timeout=30, context=context, source_address=(source, 0))
    connection.request(method, path, json.dumps(body) if body else None, {**headers, **({"Content-Type": "application/json"} if body else {})})
    answer = connection.getresponse()
    return Answered(answer.status, answer.headers, answer.read())


def test_single_sign_on_through_a_proxy(guarded):
    session = from_proxy(guarded, {"X-Forwarded-User": "olga"}).json()
    assert (session["user"], session["role"], session["login"]) == ("olga", "operator", "proxy")
    assert from_proxy(guarded, {"X-Forwarded-User": "someone.else"}).json()["role"] == "viewer"
    assert from_proxy(guarded, {"X-Forwarded-User": "bad name\t"}).json()["role"] == "none"
    assert from_proxy(guarded, {"X-Forwarded-User": "ada"}, source="127.0.0.1").json()["role"] == "none"
    sql = {"method": "POST", "path": "/api/v1/sql", "body": {"sql": "SELECT 1"}}
    assert from_proxy(guarded, {"X-Forwarded-User": "olga"}, **sql).status == 403
    assert from_proxy(guarded, {"X-Forwarded-User": "olga", "X-Weir-CSRF": session["csrf"]}, **sql).status == 200
    assert from_proxy(guarded, {"X-Forwarded-User": "ada", "X-Weir-CSRF": session["csrf"]}, **sql).status == 403


def test_tls_is_modern_and_names_are_known(guarded):
    assert guarded.ask("/healthz", headers={"Host": "weir.example.org"}).status == 200
    assert guarded.ask("/healthz", headers={"Host": "other.example.org"}).status == 403
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises((ssl.SSLError, OSError)):
        with socket.create_connection(("127.0.0.1", guarded.port), 10) as raw, context.wrap_socket(raw):
            pass
    plain = http.client.HTTPConnection("127.0.0.1", guarded.port, timeout=20)
    with pytest.raises((http.client.HTTPException, OSError)):
        plain.request("GET", "/healthz")
        plain.getresponse()


def test_an_open_address_needs_users(weir, tmp_path):
    s = System(weir, tmp_path, listen="0.0.0.0")
    done = subprocess.run([weir, "web", "--config", s.config], capture_output=True, text=True, timeout=30)
    assert done.returncode == 2
    assert "there are no users" in done.stderr and "weir web user add" in done.stderr, done.stderr


def test_a_busy_port_is_said(system, weir, tmp_path):
    s = System(weir, tmp_path)
    s.config.write_text(s.config.read_text().replace(str(s.port), str(system.port)))
    done = subprocess.run([weir, "web", "--config", s.config], capture_output=True, text=True, timeout=30)
    assert done.returncode == 2 and "another program has this port" in done.stderr


def test_many_connections_and_slow_ones_do_not_stop_it(system):
    """A client that sends its request a byte at a time, and many that send nothing, leave the others alone."""
    idle = [socket.create_connection(("127.0.0.1", system.port), 10) for _ in range(60)]
    try:
        for s in idle[:5]:
            s.sendall(b"GET /healthz HTTP/1.1\r\nHos")
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            answers = list(pool.map(lambda _: system.ask("/api/v1/top", dimensions="proto").status, range(32)))
        assert set(answers) <= {200, 503} and answers.count(200) >= 16
    finally:
        for s in idle:
            s.close()
