"""What a flow costs by the number of exporters, of templates, and of flows that are stored already.

Exporters and templates: the way of a flow without sockets (bench_stages), instructions under callgrind and processor time.
Stored flows: a store that grows to BENCH_STORED (200000000) flows, made by the store itself with INSERT … SELECT FROM
numbers(), 100,000 a minute; asked by HTTP for one address and for the sums per minute, of the last ten minutes and of all."""
import os
import pathlib
import random
import re
import shutil
import struct
import subprocess
import tempfile
import time

import lab
import plot
import store
import variable

STAGES = str(lab.BUILD / "bench/bench_stages")
FLOWS = 200000
FLOWS_AN_EXPORTER = 200  # at least: with fewer every message has a template
EXPORTERS = [1, 10, 100, 1000, 10000]
TEMPLATES = [1, 2, 5, 10, 20, 50]
STORED = [1000000, 10000000, 50000000, 100000000, 200000000]
CHUNK = 5000000
A_MINUTE = 100000
BASE_MS = 1769853600000  # 2026-01-31T10:00:00Z
TEMPLATE_FIELDS = [(8, 4), (12, 4), (7, 2), (11, 2), (4, 1), (6, 1), (5, 1), (1, 8), (2, 8), (152, 8), (153, 8), (10, 4), (14, 4),
                   (16, 4), (17, 4), (9, 1), (13, 1)]


# --- the way of a flow ------------------------------------------------------------------------------------------------------

def exporters_capture(path, exporters):
    """Returns the number of flows."""
    flows = max(FLOWS, FLOWS_AN_EXPORTER * exporters)
    subprocess.run([lab.WEIR, "generate", "--write", str(path), "--version", "10", "--exporters", str(exporters), "--flows",
                    str(flows), "--start", "2026-01-31T10:00:00Z", "--rate", "100000"], check=True, capture_output=True)
    return flows


def templates_capture(path, templates, exporters=8, records=20):
    """Every exporter has so many templates, with the fields in another order each, and uses them in turn."""
    rng = random.Random(3)
    orders = [rng.sample(TEMPLATE_FIELDS, len(TEMPLATE_FIELDS)) for _ in range(templates)]
    texts = [variable.set_of(2, struct.pack(">HH", 256 + n, len(order)) + b"".join(struct.pack(">HH", *f) for f in order))
             for n, order in enumerate(orders)]
    with open(path, "wb") as f:
        f.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
        for sent in range(0, FLOWS, records):
            turn, exporter = divmod(sent // records, exporters)
            number = turn % templates
            body = b"".join(b"".join(rng.randbytes(n) if n < 8 else rng.getrandbits(16).to_bytes(n, "big")
                                     for n in (length for _, length in orders[number])) for _ in range(records))
            sets = (texts[number] if turn < templates else b"") + variable.set_of(256 + number, body)
            payload = struct.pack(">HHIII", 10, 16 + len(sets), variable.START_S, sent & 0xffffffff, exporter) + sets
            f.write(variable.frame(exporter, payload, variable.START_S, 0))
    return FLOWS


def instructions(capture, flows):
    """A flow's, of the second time through the capture: what is learnt at first does not count."""
    counts = []
    for times in (1, 2):
        out = subprocess.run(["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", STAGES, str(capture), str(times)],
                             capture_output=True, text=True, check=True)
        counts.append(int(re.search(r"Collected : (\d+)", out.stderr).group(1)))
    return (counts[1] - counts[0]) / flows


def nanoseconds(capture):
    """The least of five: decoding, writing and compressing."""
    totals = []
    for _ in range(5):
        out = subprocess.check_output([STAGES, str(capture), "2"], text=True)
        totals.append(sum(float(v) for v in re.findall(r"(?:decode|reset|native|lz4) ([\d.]+)", out.split("ns a flow")[0])))
    return min(totals)


def ways(folder, counts, make):
    rows = []
    for count in counts:
        capture = folder / "capture.pcap"
        flows = make(capture, count)
        rows.append([count, instructions(capture, flows) if shutil.which("valgrind") else None, nanoseconds(capture)])
        lab.say(f"  {count}: {rows[-1][1:]}")
    return rows


# --- the store --------------------------------------------------------------------------------------------------------------

def fill(url, done, wanted):
    """Flows number done to wanted, in order of time: 65,536 inside addresses that talk to a million outside."""
    for first in range(done, wanted, CHUNK):
        count = min(CHUNK, wanted - first)
        store.ask(url, f"""INSERT INTO flows (time_received, time_start, time_end, exporter_addr, flow_type, sequence_num, src_addr,
            dst_addr, src_port, dst_port, proto, ip_version, tcp_flags, bytes, packets, in_if, out_if, sampling_rate, src_as, dst_as)
            SELECT fromUnixTimestamp64Milli(toInt64({BASE_MS} + intDiv(number * 60000, {A_MINUTE})), 'UTC') AS t,
            t - INTERVAL h % 30000 MILLISECOND, t, toIPv6(toIPv4(toUInt32(3232235520 + h % 8))), 'ipfix', intDiv(number, 20),
            toIPv6(toIPv4(toUInt32(167772160 + bitShiftRight(h, 8) % 65536))),
            toIPv6(toIPv4(toUInt32(3405803776 + intDiv(h2 % 1000000 * (h2 % 1000000), 1000000)))),
            1024 + h2 % 60000, [443, 53, 80, 22, 25, 3389][1 + h % 6], [6, 17][1 + h % 2], 4, 27, 40 + h2 % 100000,
            1 + h2 % 100, 1 + h % 8, 1 + h2 % 8, 1, 64512, 64496 + h2 % 200
            FROM (SELECT number, cityHash64(number) AS h, cityHash64(number + 1, 7) AS h2 FROM numbers({first}, {count}))
            SETTINGS max_insert_threads = 1""")
        lab.say(f"  {first + count:,} flows stored")


def settle(url):
    """Until the store has merged what it wants to, or two minutes."""
    end = time.monotonic() + 120
    while time.monotonic() < end and store.ask(url, "SELECT count() FROM system.merges", "default") != "0":
        time.sleep(0.5)


def rows_read(url):
    return int(store.ask(url, "SELECT value FROM system.events WHERE event = 'SelectedRows'", "default") or 0)


def timed(url, sql):
    """Milliseconds, the median of nine answers over HTTP; and the rows that one of them read."""
    store.ask(url, sql)
    before, times = rows_read(url), []
    read = None
    for _ in range(9):
        start = time.perf_counter()
        store.ask(url, sql)
        times.append((time.perf_counter() - start) * 1e3)
        if read is None:
            read = rows_read(url) - before
    return lab.median(times), read


def ask_store(url, stored):
    end = f"toDateTime({(BASE_MS + stored * 60000 // A_MINUTE) // 1000}, 'UTC')"
    address = "toIPv6('10.0.17.42')"
    sums = "sum(bytes), sum(packets) "
    questions = {
        "one address, ten minutes": f"SELECT dst_addr, {sums} FROM flows WHERE src_addr = {address} AND time_received >= {end} - "
                                    f"INTERVAL 10 MINUTE GROUP BY dst_addr ORDER BY 2 DESC LIMIT 10",
        "sums, ten minutes": f"SELECT proto, service_port, {sums} FROM flows_1m WHERE minute >= {end} - INTERVAL 10 MINUTE "
                             f"GROUP BY proto, service_port ORDER BY 3 DESC LIMIT 10",
        "one address, all": f"SELECT dst_addr, {sums} FROM flows WHERE src_addr = {address} GROUP BY dst_addr ORDER BY 2 DESC LIMIT 10",
        "sums, an hour": f"SELECT proto, service_port, {sums} FROM flows_1m WHERE minute >= {end} - INTERVAL 60 MINUTE "
                         f"GROUP BY proto, service_port ORDER BY 3 DESC LIMIT 10",
        "sums of hours, all": f"SELECT proto, service_port, {sums} FROM flows_1h GROUP BY proto, service_port ORDER BY 3 DESC LIMIT 10",
        "one dimension, a graph of all": f"SELECT intDiv(toUnixTimestamp(minute), 600) AS t, value, {sums} FROM flows_1m_by "
                                         f"WHERE dimension = 'proto' GROUP BY t, value ORDER BY t, value",
        "one dimension, all": f"SELECT value, {sums} FROM flows_1h_by WHERE dimension = 'service_port' GROUP BY value "
                              f"ORDER BY 2 DESC LIMIT 10",
    }
    return {name: timed(url, sql) for name, sql in questions.items()}


def stored(folder):
    port = lab.free_port()
    url = f"http://127.0.0.1:{port}"
    config = folder / "weir.yaml"
    config.write_text(f"store:\n  listen: \"127.0.0.1:{port}\"\n  flows_retention: 0\n  rollup_retention: 0\n")  # these flows are of long ago
    most = int(os.environ.get("BENCH_STORED", 200000000))
    rows, done = [], 0
    with store.process(lab.WEIR, "store", "--config", str(config), "--data", str(folder)):
        lab.wait_for("the store to answer", lambda: store.answers(url))
        with store.process(lab.WEIR, "sink", "--config", str(config), "--data", str(folder)):
            lab.wait_for("the tables", lambda: store.ask(url, "EXISTS weir.flows_1h_by_view", "default") == "1", 120)
        for wanted in [n for n in STORED if n <= most]:
            fill(url, done, wanted)
            done = wanted
            settle(url)
            rows.append([wanted, ask_store(url, wanted)])
            lab.say(f"  {rows[-1]}")
    return rows


# --- all --------------------------------------------------------------------------------------------------------------------

def way_page(title, what, rows):
    first = rows[0][1]
    body = [[r[0], None if r[1] is None else round(r[1]), r[1] / first if first else None, r[2]] for r in rows]
    return f"## {title}\n\n" + lab.table([what, "instructions/flow", "of one", "ns/flow, least of five"], body)


def stored_page(rows):
    names = list(rows[0][1])
    heads = ["flows stored"] + [f"{name}: {unit}" for name in names for unit in ("ms", "rows read")]
    return "## By stored flows\n\n" + lab.table(heads, [[count] + [v for name in names for v in answers[name]]
                                                      for count, answers in rows])


def run(result, attempt, out):
    pages, panels = [], []
    with tempfile.TemporaryDirectory(prefix="weir-bench-", dir=os.environ.get("BENCH_KEEP")) as name:
        folder = pathlib.Path(name)
        for key, title, counts, make in (("exporters", "By exporters", EXPORTERS, exporters_capture),
                                         ("templates", "By templates of each of 8 exporters", TEMPLATES, templates_capture)):
            rows = result[key] = attempt(title, lambda c=counts, m=make: ways(folder, c, m))
            if rows:
                pages.append(way_page(title, key, rows))
                print(pages[-1], flush=True)
                panels.append((title, key, "instructions a flow", {"collect": [(r[0], r[1] or r[2]) for r in rows]}))
        rows = result["stored"] = attempt("By stored flows", lambda: stored(folder))
        if rows:
            pages.append(stored_page(rows))
            print(pages[-1], flush=True)
            panels.append(("Questions by stored flows", "flows stored", "ms",
                           {name: [(count, answers[name][0]) for count, answers in rows] for name in rows[0][1]}))
    out.mkdir(exist_ok=True)
    plot.write(out / "scale.svg", panels)
    return pages + ["![](scale.svg)"]
