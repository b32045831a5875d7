"""`weir store` with the real engine: ClickHouse's HTTP contract, streaming, limits, exactly once, restarts."""
import concurrent.futures
import contextlib
import gzip
import http.client
import json
import os
import pathlib
import re
import signal
import socket
import stat
import subprocess
import time
import urllib.parse

import pytest

from conftest import TOP, wait_until

pytestmark = pytest.mark.usefixtures("embedded_store")

# What the sink sends with a segment.
INSERT_SETTINGS = {
    "insert_deduplicate": "1", "deduplicate_blocks_in_dependent_materialized_views": "1", "async_insert": "0",
    "max_insert_threads": "1", "max_threads": "1", "max_block_size": "65536", "max_insert_block_size": "65536",
    "min_insert_block_size_rows": "65536", "min_insert_block_size_bytes": "0",
}


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body
        self.text = body.decode(errors="replace")
        self.code = int(headers.get("X-ClickHouse-Exception-Code", 0))


class Store:
    """A running `weir store` on a free port, and a plain HTTP client of it."""

    def __init__(self, weir, folder, *options):
        self.command = [weir, "store", "--data", str(folder), "--listen", "127.0.0.1:0", *options]
        self.folder = folder
        self.start()

    def start(self):
        self.process = subprocess.Popen(self.command, stderr=subprocess.PIPE, text=True)
        said = ""
        found = None
        while not found:
            line = self.process.stderr.readline()
            assert line, f"the store ended: {said}"
            said += line
            found = re.search(r"answers HTTP at 127\.0\.0\.1:(\d+)$", line.strip())
        self.port = int(found.group(1))
        self.url = f"http://127.0.0.1:{self.port}"

    def ask(self, sql="", data=None, method="POST", headers=None, path="/", **settings):
        if data is not None or method == "GET":
            settings["query"] = sql
        body = data if data is not None else sql.encode() if method == "POST" else None
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            target = path + ("?" + urllib.parse.urlencode(settings) if settings else "")
            connection.request(method, target, body=body, headers=headers or {})
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            connection.close()

    def rows(self, sql, **settings):
        answer = self.ask(sql, **settings)
        assert answer.status == 200, answer.text
        return [line.split("\t") for line in answer.text.splitlines()]

    def value(self, sql, **settings):
        return self.rows(sql, **settings)[0][0]

    def do(self, sql, **settings):
        answer = self.ask(sql, **settings)
        assert answer.status == 200, answer.text

    def metric(self, name):
        text = (self.folder / "run/store.prom").read_text() if (self.folder / "run/store.prom").exists() else ""
        found = re.search(rf"^{name} (\S+)$", text, re.M)
        return float(found.group(1)) if found else 0

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
        return self.process.wait(timeout=60)


@pytest.fixture(scope="module")
def store(weir, embedded_store, tmp_path_factory):
    running = Store(weir, tmp_path_factory.mktemp("store"))
    yield running
    assert running.stop() == 0


@pytest.fixture
def own_store(weir, embedded_store, tmp_path):
    """A store that the test may kill."""
    running = Store(weir, tmp_path / "data")
    yield running
    running.kill()


# --- the contract of ClickHouse's HTTP interface ------------------------------------------------------------


def test_it_says_that_it_is_there(store):
    for path in ("/", "/ping", "/replicas_status"):
        answer = store.ask(method="GET", path=path) if path != "/" else store.ask(method="HEAD", path=path)
        assert answer.status == 200
    connection = http.client.HTTPConnection("127.0.0.1", store.port)
    connection.request("GET", "/ping")
    assert connection.getresponse().read() == b"Ok.\n"
    connection.close()
    assert store.ask(method="GET", path="/nowhere").status == 404
    assert store.ask("SELECT 1", method="PUT").status == 501


def test_query_in_the_url_or_the_body_or_both(store):
    assert store.ask("SELECT 1", method="GET").text == "1\n"
    assert store.ask("SELECT 1;").text == "1\n"
    assert store.ask("SELECT", data=b"2").text == "2\n"


def test_formats(store):
    answer = store.ask("SELECT 1 AS a, 'x' AS b")
    assert answer.headers["X-ClickHouse-Format"] == "TabSeparated"
    assert answer.headers["Content-Type"] == "text/tab-separated-values; charset=UTF-8"
    answer = store.ask("SELECT 1 AS a", default_format="JSON")
    assert json.loads(answer.text)["data"] == [{"a": 1}]
    assert answer.headers["Content-Type"].startswith("application/json")
    assert store.ask("SELECT 1 AS a FORMAT CSVWithNames", default_format="JSON").text == '"a"\n1\n'
    assert store.ask("SELECT 1 AS a", headers={"X-ClickHouse-Format": "JSONEachRow"}).text == '{"a":1}\n'
    assert json.loads(store.ask("SELECT 1 AS a WHERE 0 FORMAT JSON").text)["rows"] == 0
    assert store.ask("SELECT 1 WHERE 0").text == ""
    assert store.ask("SELECT 1 AS a FORMAT Parquet").body[:4] == b"PAR1"
    assert store.ask("SHOW DATABASES FORMAT TSV").text.splitlines().count("system") == 1


def test_native_of_a_newer_revision(store):
    """As ClickHouse's Go driver, and with it Grafana, asks for it."""
    sql = ("SELECT number AS a, toString(number) AS b, [1, 2] AS c, map('k', number) AS d, NULL AS e, toLowCardinality('x') AS f, "
           "['p', 'q', NULL]::Array(LowCardinality(Nullable(String))) AS g, (1, 'b')::Tuple(x UInt8, y String) AS h, "
           "toDecimal64(1, 2) AS i, toDateTime64(0, 3, 'UTC') AS j, toFixedString('abc', 3) AS k, toIPv6('::1') AS l, "
           "[[], ['z']] AS m, CAST('(', 'Enum8(\\'(\\' = 1)') AS n, emptyArrayString()::Array(LowCardinality(String)) AS o "
           "FROM numbers(1000)")
    wanted = b"\1\0\2\xff\xff\xff\xff\0" + store.ask(sql, default_format="Native").body
    types = store.ask(f"DESCRIBE ({sql}) FORMAT TSVRaw", print_pretty_type_names="0").text
    for name, kind in (line.split("\t")[:2] for line in types.splitlines()):
        head = b"\1" + name.encode() + bytes([len(kind)]) + kind.encode()
        assert wanted.count(head) == 1, kind
        wanted = wanted.replace(head, head + b"\0")
    answer = store.ask(sql, default_format="Native", client_protocol_version="54483", enable_http_compression="1",
                       headers={"Accept-Encoding": "gzip"})
    assert answer.status == 200, answer.text
    assert answer.body == wanted
    assert store.ask("SELECT sumState(1)", default_format="Native", client_protocol_version="54483").code == 48


def test_headers_of_an_answer(store):
    answer = store.ask("SELECT count() FROM numbers(1000)", query_id="my-id")
    assert answer.headers["X-ClickHouse-Query-Id"] == "my-id"
    assert json.loads(answer.headers["X-ClickHouse-Summary"])["read_rows"] == "1000"
    assert len(store.ask("SELECT 1").headers["X-ClickHouse-Query-Id"]) == 36


@pytest.mark.parametrize("sql, code, status", [
    ("SELECT * FROM no_such_table", 60, 404),
    ("SELECT * FROM no_such_database.t", 81, 404),
    ("SELECT no_such_column", 47, 404),
    ("SELECT no_such_function(1)", 46, 404),
    ("SELECT 1 FORMAT NoSuchFormat", 73, 404),
    ("SELECT 1 +", 62, 400),
    ("", 62, 400),
    ("SELECT 1; SELECT 2", 62, 400),
    ("SELECT 1 SETTINGS no_such_setting = 1", 115, 404),
    ("SELECT throwIf(1)", 395, 500),
    ("SELECT sum(number) FROM numbers(1e12) SETTINGS max_execution_time = 0.1, timeout_overflow_mode = 'throw'", 159, 408),
    ("INSERT INTO no_such_table FORMAT CSV\n1", 60, 404),
    ("CREATE USER u", 497, 403),
    ("SYSTEM SHUTDOWN", 497, 403),
])
def test_errors_have_clickhouses_code_and_status(store, sql, code, status):
    answer = store.ask(sql)
    assert (answer.code, answer.status) == (code, status), answer.text
    assert answer.text.startswith(f"Code: {code}. DB::Exception: ")


def test_settings_of_a_call(store):
    assert store.value("SELECT getSetting('max_threads')", max_threads="3") == "3"
    assert store.value("SELECT getSetting('max_threads') != 3") == "1"
    answer = store.ask("SELECT 1", no_such_setting="1")
    assert (answer.code, answer.status) == (115, 404)
    answer = store.ask("SELECT 1", max_threads="x'y")
    assert answer.status in (400, 500) and answer.code
    assert store.ask("SELECT 1", database="nowhere").code == 81
    assert store.value("SELECT currentDatabase()", database="system") == "system"
    assert store.ask("SELECT currentDatabase()", headers={"X-ClickHouse-Database": "system"}).text == "system\n"


def test_query_parameters(store):
    nasty = "it's; DROP TABLE x -- \\\\ \u00fc"
    assert store.rows("SELECT {a:UInt32} + 1, {b:String}, {c:Array(String)}", param_a="41", param_b="x'y",
                      param_c="['p','q']") == [["42", "x\\'y", "['p','q']"]]
    assert store.ask("SELECT {a:String} FORMAT TSVRaw", param_a=nasty).text == nasty.replace("\\\\", "\\") + "\n"
    assert store.ask("SELECT {a:UInt32}").status >= 400


def test_users_are_accepted_and_ignored(store):
    for headers in ({"X-ClickHouse-User": "u", "X-ClickHouse-Key": "k"}, {"Authorization": "Basic dTpr"}):
        assert store.ask("SELECT 1", headers=headers).text == "1\n"


def test_compressed_answers(store):
    answer = store.ask("SELECT number FROM numbers(1000)", enable_http_compression="1",
                       headers={"Accept-Encoding": "gzip"})
    assert answer.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(answer.body).count(b"\n") == 1000
    assert "Content-Encoding" not in store.ask("SELECT 1", headers={"Accept-Encoding": "gzip"}).headers


# --- inserts --------------------------------------------------------------------------------------------------


@pytest.fixture
def table(store):
    store.do("CREATE OR REPLACE TABLE t (a UInt32, b String DEFAULT 'none') ENGINE = MergeTree ORDER BY a")
    return "t"


def compressed(store, sql, encoding):
    answer = store.ask(sql, enable_http_compression="1", headers={"Accept-Encoding": encoding})
    assert answer.headers["Content-Encoding"] == encoding
    return answer.body


def test_inserts_in_every_shape(store, table):
    store.do("INSERT INTO t VALUES (1, 'one'), (2, 'it''s')")
    store.do("INSERT INTO t (a) VALUES (3);")
    store.do("INSERT INTO t FORMAT CSV\n4,\"four\nlines\"\n")
    store.do("INSERT INTO t FORMAT JSONEachRow", data=b'{"a": 5}\n{"b": "six", "a": 6}')
    store.do("INSERT INTO t (b, a) FORMAT TSV", data=b"seven\t7\n")
    store.do("INSERT INTO t SETTINGS max_threads = 1 FORMAT CSV", data=b"8,eight\n")
    store.do("INSERT INTO t SELECT 9, 'nine'")
    store.do("INSERT INTO t FORMAT CSV", data=b"")
    native = store.ask("SELECT 'ten' AS b, 10::UInt32 AS a FORMAT Native").body
    answer = store.ask("INSERT INTO t FORMAT Native", data=native)
    assert answer.status == 200, answer.text
    assert json.loads(answer.headers["X-ClickHouse-Summary"])["written_rows"] == "1"
    assert store.rows("SELECT a, b FROM t ORDER BY a") == [
        ["1", "one"], ["2", "it\\'s"], ["3", "none"], ["4", "four\\nlines"], ["5", "none"], ["6", "six"],
        ["7", "seven"], ["8", "eight"], ["9", "nine"], ["10", "ten"]]


@pytest.mark.parametrize("encoding", ["lz4", "zstd", "gzip", "deflate"])
def test_compressed_inserts(store, table, encoding):
    sql = "SELECT number::UInt32 AS a FROM numbers(100000) FORMAT Native"
    data = compressed(store, sql, encoding)
    for body in (data, data + data):
        store.do("TRUNCATE TABLE t")
        answer = store.ask("INSERT INTO t FORMAT Native", data=body, headers={"Content-Encoding": encoding})
        if body != data and encoding == "deflate":
            continue  # zlib streams behind each other are not a thing
        assert answer.status == 200, answer.text
        assert int(store.value("SELECT count() FROM t")) == 100000 * (len(body) // len(data))
    inside = gzip.compress(b"INSERT INTO t FORMAT CSV\n1,x\n")
    assert store.ask(headers={"Content-Encoding": "gzip"}, data=inside).status == 200


def test_broken_inserts_insert_nothing(store, table):
    data = compressed(store, "SELECT number::UInt32 AS a FROM numbers(100000) FORMAT Native", "lz4")
    cut = store.ask("INSERT INTO t FORMAT Native", data=data[:len(data) // 2], headers={"Content-Encoding": "lz4"})
    assert cut.status >= 400 and cut.code
    wrong = store.ask("INSERT INTO t FORMAT Native", data=b"no lz4 at all", headers={"Content-Encoding": "lz4"})
    assert wrong.status >= 400 and wrong.code
    assert store.ask("INSERT INTO t FORMAT CSV", data=b"x,y\n").code == 27
    assert store.ask("INSERT INTO t FORMAT CSV", data=b"1", headers={"Content-Encoding": "snappy"}).status == 415
    assert store.value("SELECT count() FROM t") == "0"


def test_no_file_of_an_insert_stays(store, table):
    store.do("INSERT INTO t FORMAT CSV", data=b"1,x\n")
    store.ask("INSERT INTO t FORMAT CSV", data=b"wrong\n")
    assert os.listdir(store.folder / "store/incoming") == []


# --- what a query may not do ----------------------------------------------------------------------------------


def test_get_only_reads(store, table):
    assert store.ask("INSERT INTO t VALUES (1, '')", method="GET").code == 164
    assert store.ask("DROP TABLE t", method="GET").code == 164
    assert store.ask("SELECT 1 SETTINGS max_threads = 1", method="GET").text == "1\n"
    assert store.ask("SELECT 1", method="GET", max_threads="1").text == "1\n"


def test_readonly_cannot_be_lifted(store, table):
    for sql in ("INSERT INTO t VALUES (1, '')", "DROP TABLE t", "CREATE TABLE u (a UInt8) ENGINE = Memory",
                "SET readonly = 0", "SELECT 1 SETTINGS readonly = 0", "ALTER TABLE t DELETE WHERE 1",
                "INSERT INTO t SELECT 1, ''"):
        assert store.ask(sql, readonly="1").code == 164, sql
    assert store.ask("SELECT count() FROM t", readonly="1").text == "0\n"


@pytest.mark.parametrize("sql", [
    "SELECT * FROM file('/etc/passwd', LineAsString)", "SELECT file('/etc/passwd')", "SELECT `file`('/etc/passwd')",
    "SELECT * APPLY(file) FROM (SELECT '/etc/passwd')", "SELECT arrayMap(file, ['/etc/passwd'])",
    "SELECT `f\\x69le`('/etc/passwd')", "DESCRIBE file('/etc/passwd')", "SELECT * FROM `/etc/passwd`",
    "SELECT * FROM url('http://127.0.0.1:1/', CSV)", "DESCRIBE url('http://127.0.0.1:1/', CSV)",
    "SELECT * FROM remote('127.0.0.1:1', system.one)", "SELECT * FROM s3('http://127.0.0.1:1/bucket/x', CSV)",
    "SELECT * FROM executable('id', TSV, 'a String')", "SELECT * FROM sqlite('/tmp/x.db', 't')",
    "SELECT 1 INTO OUTFILE '/tmp/weir-must-not-be'", "INSERT INTO FUNCTION file('/tmp/weir-must-not-be', CSV) SELECT 1",
    "INSERT INTO t FROM INFILE '/etc/passwd' FORMAT CSV", "CREATE TABLE f (a String) ENGINE = File(CSV, '/etc/passwd')",
    "CREATE DATABASE d ENGINE = Filesystem('/etc')", "BACKUP DATABASE default TO File('/tmp/weir-must-not-be')",
])
def test_nothing_reaches_outside(store, sql):
    for settings in ({}, {"readonly": "1"}):
        answer = store.ask(sql, **settings)
        assert answer.status >= 400 and answer.code in (1, 60, 62, 164, 358, 481, 497), answer.text
        assert "root:x:" not in answer.text
    assert not os.path.exists("/tmp/weir-must-not-be")


def test_pages_of_other_sites_are_refused(store):
    assert store.ask("SELECT 1", headers={"Host": "rebound.example"}).status == 403
    assert store.ask("SELECT 1", headers={"Origin": "http://other.example"}).status == 403
    assert store.ask("SELECT 1", headers={"Sec-Fetch-Site": "cross-site"}).status == 403
    assert store.ask("SELECT 1", headers={"Host": f"localhost:{store.port}"}).status == 200


def test_long_queries(store):
    assert store.ask("SELECT '" + "x" * 900_000 + "'").status == 200
    assert store.ask("SELECT 1", param_a="x" * 500_000).status == 200
    answer = store.ask("SELECT '" + "x" * 3_000_000 + "'")
    assert (answer.code, answer.status) == (62, 400)


# --- big answers, many at once, and clients that leave ------------------------------------------------------


def high_water_kb(store):
    return int(re.search(r"VmHWM:\s+(\d+)", open(f"/proc/{store.process.pid}/status").read()).group(1))


def test_a_big_answer_streams(store):
    before = high_water_kb(store)
    connection = http.client.HTTPConnection("127.0.0.1", store.port)
    connection.request("POST", "/", body="SELECT number, number FROM numbers(20000000) FORMAT JSONCompactEachRow")
    response = connection.getresponse()
    assert response.headers["Transfer-Encoding"] == "chunked"
    lines = total = 0
    while piece := response.read(1 << 20):
        lines += piece.count(b"\n")
        total += len(piece)
    connection.close()
    assert lines == 20_000_000 and total > 350_000_000
    assert high_water_kb(store) - before < 150_000


def test_json_streams_with_head_and_foot(store):
    answer = store.ask("SELECT number, repeat('x', 50) AS s FROM numbers(200000) FORMAT JSON", max_block_size="1000")
    assert answer.headers["Transfer-Encoding"] == "chunked"
    parsed = json.loads(answer.text)
    assert parsed["rows"] == 200000 and len(parsed["data"]) == 200000


def test_wait_end_of_query_is_whole_or_an_error(store):
    answer = store.ask("SELECT number FROM numbers(3000000)", wait_end_of_query="1")
    assert answer.headers["Content-Length"] == str(len(answer.body)) and answer.body.count(b"\n") == 3_000_000
    failing = "SELECT throwIf(number = 3000000) FROM numbers(10000000)"
    assert store.ask(failing, wait_end_of_query="1", max_threads="1").code == 395


def test_an_error_amid_the_rows_cuts_the_answer(store):
    with pytest.raises(http.client.IncompleteRead) as caught:
        store.ask("SELECT throwIf(number = 3000000) FROM numbers(10000000)", max_threads="1")
    assert b"Code: 395. DB::Exception: " in caught.value.partial[-600:]


def running_queries(store):
    return int(store.value("SELECT count() FROM system.processes WHERE query NOT LIKE '%processes%'"))


@pytest.mark.parametrize("sql", [
    "SELECT sum(sipHash64(number)) FROM numbers(1000000000000)",  # never comes to writing
    "SELECT number FROM numbers(1000000000000)",  # writes for ever
])
def test_a_client_that_leaves_ends_its_query(store, sql):
    body = sql.encode()
    with socket.create_connection(("127.0.0.1", store.port)) as s:
        s.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        wait_until("the query to run", lambda: running_queries(store) == 1)
    wait_until("the query to end", lambda: running_queries(store) == 0)


def test_several_at_once(store):
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: store.value(f"SELECT count() + {n} FROM numbers(100000)"), range(64)))
    assert answers == [str(100000 + n) for n in range(64)]


def test_kept_connections(store):
    connection = http.client.HTTPConnection("127.0.0.1", store.port)
    for n in range(20):
        connection.request("POST", "/", body=f"SELECT {n}, getSetting('max_threads') = 7")
        assert connection.getresponse().read().decode() == f"{n}\t0\n"
        connection.request("POST", "/?max_threads=7", body="SELECT oh no")
        response = connection.getresponse()
        assert response.status == 404 and response.read()
    connection.close()


def test_too_many_at_once_are_refused(weir, tmp_path):
    store = Store(weir, tmp_path, "--queries-max", "2")
    try:
        with concurrent.futures.ThreadPoolExecutor(3) as pool:
            slow = [pool.submit(store.ask, "SELECT sleepEachRow(0.05) FROM numbers(20) FORMAT Null", max_block_size="1")
                    for _ in range(3)]
            answers = sorted((s.result() for s in slow), key=lambda answer: answer.code)
        assert [(a.code, a.status) for a in answers] == [(0, 200), (0, 200), (202, 500)]
        assert "Maximum: 2" in answers[2].text
        assert store.value("SELECT 1") == "1"
        wait_until("the metric", lambda: store.metric("weir_store_refused_total") > 0)
    finally:
        assert store.stop() == 0


def test_a_query_over_its_memory_fails_alone(store):
    answer = store.ask("SELECT groupArray(number) FROM numbers(100000000)", max_memory_usage="50000000")
    assert (answer.code, answer.status) == (241, 500)
    assert store.value("SELECT 1") == "1"


def nice_values(store):
    """Of all threads of the store's process."""
    values = set()
    for stat in pathlib.Path(f"/proc/{store.process.pid}/task").glob("*/stat"):
        with contextlib.suppress(OSError):  # a thread that ended
            values.add(int(stat.read_text().rsplit(")", 1)[1].split()[16]))
    return values


def test_merges_give_way(weir, embedded_store, tmp_path):
    """They can wait, and inserts and questions cannot: merges' threads are nice to others."""
    own = os.nice(0)
    if own >= 10:
        pytest.skip("these tests run as nicely as merges do")
    store = Store(weir, tmp_path / "data")
    try:
        store.do("CREATE TABLE merged (n UInt64) ENGINE = MergeTree ORDER BY cityHash64(n)")
        assert own in nice_values(store) and 10 not in nice_values(store)
        with concurrent.futures.ThreadPoolExecutor() as pool:
            merging = None

            def merges():
                nonlocal merging
                if not merging or merging.done():
                    store.do("INSERT INTO merged SELECT number FROM numbers(500000)")
                    merging = pool.submit(store.do, "OPTIMIZE TABLE merged FINAL")
                return 10 in nice_values(store)

            wait_until("a thread that merges", merges)
        assert own in nice_values(store)
    finally:
        assert store.stop() == 0


# --- exactly once, restarts -----------------------------------------------------------------------------------


def make_tables(store):
    store.do("CREATE TABLE f (m DateTime('UTC'), k UInt32, b UInt64) ENGINE = MergeTree PARTITION BY toDate(m) ORDER BY (m, k) "
             "SETTINGS non_replicated_deduplication_window = 1000")
    store.do("CREATE TABLE f_1m (m DateTime('UTC'), n UInt64, b UInt64) ENGINE = SummingMergeTree((n, b)) ORDER BY m "
             "SETTINGS non_replicated_deduplication_window = 1000")
    store.do("CREATE MATERIALIZED VIEW f_1m_view TO f_1m AS SELECT toStartOfMinute(m) AS m, count() AS n, sum(b) AS b FROM f "
             "GROUP BY m")


def segment(store, rows):
    return compressed(store, f"SELECT toDateTime('2026-01-01 23:59:00', 'UTC') + number % 120 AS m, number::UInt32 AS k, "
                             f"(number * 7)::UInt64 AS b FROM numbers({rows}) SETTINGS max_block_size = 8192 FORMAT Native",
                      "lz4")


def load(store, data, token):
    answer = store.ask("INSERT INTO f FORMAT Native", data=data, headers={"Content-Encoding": "lz4"},
                       insert_deduplication_token=token, **INSERT_SETTINGS)
    assert answer.status == 200, answer.text


def sums(store):
    return (store.rows("SELECT count(), sum(b) FROM f")[0], store.rows("SELECT sum(n), sum(b) FROM f_1m")[0])


def expected(rows, times=1):
    one = [str(rows * times), str(7 * rows * (rows - 1) // 2 * times)]
    return (one, one)


@pytest.mark.promise
def test_a_segment_is_stored_once_by_its_token(own_store):
    """Several blocks, two partitions, and a restart by kill -9 between the tries."""
    rows = 300_000
    make_tables(own_store)
    data = segment(own_store, rows)
    load(own_store, data, "spool-1")
    assert sums(own_store) == expected(rows)
    load(own_store, data, "spool-1")
    assert sums(own_store) == expected(rows)
    own_store.kill()
    own_store.start()
    assert sums(own_store) == expected(rows)
    load(own_store, data, "spool-1")
    assert sums(own_store) == expected(rows)
    load(own_store, data, "spool-2")
    assert sums(own_store) == expected(rows, 2)


@pytest.mark.promise
def test_a_kill_amid_an_insert_neither_loses_nor_doubles(own_store):
    """The store is killed at a new moment of the same insert each time; then it is tried again until it is done."""
    rows = 400_000
    make_tables(own_store)
    data = segment(own_store, rows)
    kills = 0
    for attempt in range(1, 7):
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            trying = pool.submit(load, own_store, data, f"spool-{attempt}")
            time.sleep(0.05 * attempt)
            own_store.kill()
            kills += trying.exception() is not None
        own_store.start()
        assert os.listdir(own_store.folder / "store/incoming") == []
        load(own_store, data, f"spool-{attempt}")
        assert sums(own_store) == expected(rows, attempt), f"attempt {attempt}"
    assert kills > 0, "no kill hit an insert"


@pytest.mark.promise
@pytest.mark.parametrize("table", ["f", "f_1m"])
def test_a_part_that_was_entered_but_never_came_is_inserted_again(own_store, table):
    """The engine enters a part in its log of tokens, then gives it its name; a kill between the two is made here by hand, for the
    moment is too short to be hit at will."""
    rows = 100_000
    make_tables(own_store)
    data = segment(own_store, rows)
    load(own_store, data, "spool-1")
    folder = pathlib.Path(own_store.value(f"SELECT data_paths[1] FROM system.tables WHERE name = '{table}' AND database = 'default'"))
    own_store.kill()
    parts = sorted(path for path in folder.iterdir() if re.fullmatch(r"[^_]+_\d+_\d+_\d+", path.name))
    parts[-1].rename(folder / f"tmp_insert_{parts[-1].name}")
    own_store.start()
    assert sums(own_store) != expected(rows)
    load(own_store, data, "spool-1")
    assert sums(own_store) == expected(rows)


def test_sigterm_ends_within_seconds_and_keeps_all(own_store):
    own_store.do("CREATE TABLE t (a UInt32) ENGINE = MergeTree ORDER BY a")
    own_store.do("INSERT INTO t SELECT number FROM numbers(1000)")
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        slow = pool.submit(own_store.ask, "SELECT sum(sipHash64(number)) FROM numbers(1000000000000)")
        wait_until("the query to run", lambda: running_queries(own_store) == 1)
        began = time.monotonic()
        assert own_store.stop() == 0
        assert time.monotonic() - began < 30, "the query has no end of its own"
        assert slow.result().status == 500
    own_store.start()
    assert own_store.value("SELECT count() FROM t") == "1000"
    own_store.process.send_signal(signal.SIGINT)
    assert own_store.process.wait(10) == 0


def test_old_rows_go(own_store):
    own_store.do("CREATE TABLE t (m DateTime('UTC'), a UInt32) ENGINE = MergeTree PARTITION BY toDate(m) ORDER BY m "
                 "TTL m + INTERVAL 1 DAY SETTINGS ttl_only_drop_parts = 1, merge_with_ttl_timeout = 0")
    own_store.do("INSERT INTO t SELECT now() - INTERVAL 3 DAY, 1 UNION ALL SELECT now(), 2")
    wait_until("the old row to go", lambda: own_store.rows("SELECT a FROM t") == [["2"]])


def test_one_store_a_folder_and_a_port(own_store, weir, tmp_path):
    def second(*options):
        done = subprocess.run([weir, "store", *options], capture_output=True, text=True, timeout=60)
        assert done.returncode == 2 and done.stderr.count("\n") == 1, done.stderr
        return done.stderr

    assert "another weir store has this folder open" in second("--data", str(own_store.folder), "--listen", "127.0.0.1:0")
    assert "another program has this port" in second("--data", str(tmp_path / "x"), "--listen", f"127.0.0.1:{own_store.port}")
    assert "is not an address" in second("--data", str(tmp_path / "x"), "--listen", "nonsense")
    assert own_store.value("SELECT 1") == "1"


def test_a_missing_library_is_told(weir, tmp_path):
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    for extra, words in (({}, "libchdb.so, is not installed"),
                         ({"WEIR_LIBCHDB": "/nonexistent"}, "$WEIR_LIBCHDB: the embedded store's library cannot be read"),
                         ({"WEIR_LIBCHDB": "/etc/passwd"}, "this is not a libchdb that runs here")):
        done = subprocess.run([weir, "store", "--data", str(tmp_path / "d"), "--listen", "127.0.0.1:0"],
                              env={**environment, **extra}, capture_output=True, text=True, timeout=60)
        assert done.returncode == 2 and done.stderr.count("\n") == 1
        assert words in done.stderr and "tools/setup store" in done.stderr and "store.url" in done.stderr


def test_files_are_private_and_metrics_come(own_store):
    own_store.do("CREATE TABLE t (a UInt32) ENGINE = MergeTree ORDER BY a")
    own_store.do("INSERT INTO t VALUES (1)")
    wait_until("metrics", lambda: own_store.metric("weir_store_inserts_total") == 1)
    assert own_store.metric("weir_store_rows_written_total") == 1
    assert own_store.metric("weir_store_resident_bytes") > 1e7
    for folder, folders, files in os.walk(own_store.folder):
        for name in folders + files:
            mode = stat.S_IMODE(os.lstat(os.path.join(folder, name)).st_mode)
            assert mode & 0o027 == 0 or os.path.islink(os.path.join(folder, name)), (folder, name, oct(mode))


# --- the client and the migrations, against it --------------------------------------------------------------


def test_client_and_migrations(own_store):
    program = TOP / "build/release/src/store/store_live_test"
    done = subprocess.run([program], env={**os.environ, "WEIR_TEST_STORE_URL": own_store.url}, capture_output=True, text=True,
                          timeout=100)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "SKIPPED" not in done.stdout + done.stderr
