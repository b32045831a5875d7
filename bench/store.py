"""One stream, stored by weir and by nfcapd -z: time to load, bytes, and the same questions to both."""
import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.request

import lab
import peers

ROUNDS = int(os.environ.get("BENCH_ROUNDS", 3))
RATE = int(os.environ.get("BENCH_RATE", 250000))
GOALS = {"top": 5.0, "address": 50.0, "heavy": 2.0}
LOAD_GOAL = 1500000
BYTES_GOAL = 0.4
ROLLUP_GOAL_MS = 50
MEMORY_GOAL_MB = 1000

# what, the goal's kind, nfdump's arguments, weir's
QUESTIONS = [
    ("top sources by bytes", "top", ["-s", "srcip/bytes"], ["top", "--by", "src_addr"]),
    ("top destination ports by flows", "top", ["-s", "dstport/flows"], ["top", "--by", "dst_port", "--metric", "flows"]),
    ("top protocols by packets", "top", ["-s", "proto/packets"], ["top", "--by", "proto", "--metric", "packets"]),
    ("top sources of one port", "top", ["-s", "srcip/bytes", "dst port 443"], ["top", "dst port 443", "--by", "src_addr"]),
    ("peers of one source", "address", ["-s", "dstip/bytes", "src ip {address}"],
     ["top", "src ip {address}", "--by", "dst_addr"]),
    ("flows of one source", "address", ["-q", "-o", "csv", "-c", "100", "src ip {address}"],
     ["flows", "src ip {address}", "-n", "100", "-f", "csv"]),
    ("peers of one destination", "address", ["-s", "srcip/bytes", "dst ip {address}"],
     ["top", "dst ip {address}", "--by", "src_addr"]),
    ("address pairs with ports", "heavy", ["-A", "srcip,dstip,dstport", "-s", "record/bytes"],
     ["top", "--by", "src_addr,dst_addr,dst_port"]),
]


def ask(url, sql, database="weir"):
    with urllib.request.urlopen(f"{url}/?database={database}", data=sql.encode(), timeout=120) as answer:
        return answer.read().decode().strip()


def answers(url):
    try:
        return ask(url, "SELECT 1", "default") == "1"
    except OSError:
        return False


@contextlib.contextmanager
def process(*command):
    started = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        yield started
    finally:
        started.send_signal(signal.SIGTERM)
        started.wait(60)


def seconds_of(command):
    """The median time of a command, from its start to its end, and its output."""
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
        times.append(time.perf_counter() - start)
        if done.returncode:
            raise SystemExit(f"bench: {' '.join(command)}: {done.stderr.decode()}")
    return lab.median(times)


def receive(kind, folder, stream):
    """The stream on a collector's disk; returns the collector, which has all flows or, at the lowest rate, most of them."""
    for rate in (RATE, RATE // 2, RATE // 4):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        collector = kind(folder, lab.free_port())
        collector.start(stream.version)
        stream.send(collector.port, rate)
        lab.wait_for(f"{kind.name} to read its socket", lambda: lab.receive_queue(collector.port) == 0)
        time.sleep(1.5)
        collector.counted = collector.flows(collector.end())
        if collector.counted == stream.flows:
            break
        lab.say(f"{kind.name} has {collector.counted} of {stream.flows} flows at {rate} a second")
    return collector


def load(folder, url, flows):
    """The spool into the store: flows a second from the sink's start until all are there."""
    config = ["--config", str(folder / "weir.yaml"), "--data", str(folder / "out")]
    before = time.perf_counter()
    with process(lab.WEIR, "sink", *config) as sink:
        def loaded():
            rows = ask(url, "SELECT sum(total_rows) FROM system.tables WHERE database = 'weir' AND name = 'flows'", "default")
            return rows == str(flows)
        lab.wait_for("the sink to load all", loaded, 600, 0.05)
        seconds = time.perf_counter() - before
        sink_cpu = lab.process_ns(sink.pid)
    return seconds, sink_cpu


def questions(folder, nfdump_folder, url):
    address = ask(url, "SELECT replaceOne(toString(src_addr), '::ffff:', '') FROM flows WHERE ip_version = 4 GROUP BY src_addr "
                       "HAVING count() < 200 ORDER BY count() DESC, src_addr LIMIT 1")
    rows = []
    for what, goal, theirs, ours in QUESTIONS:
        nfdump = ["nfdump", "-R", str(nfdump_folder), "-n", "10"] + [a.format(address=address) for a in theirs]
        weir = [lab.WEIR] + [a.format(address=address) for a in ours] + ["--config", str(folder / "weir.yaml"), "--last", "1d"]
        nfdump_s, weir_s = seconds_of(nfdump), seconds_of(weir)
        rows.append({"question": what, "nfdump_ms": nfdump_s * 1e3, "weir_ms": weir_s * 1e3, "times_faster": nfdump_s / weir_s,
                     "goal": GOALS[goal]})
    return rows


def rollups(folder):
    """What a dashboard asks, of the sums per minute; the time of the whole command."""
    command = [lab.WEIR, "top", "--by", "minute,proto", "--last", "1d", "--config", str(folder / "weir.yaml")]
    return seconds_of(command) * 1e3


def columns(url, flows):
    """Bytes a flow of the largest columns: where a shortfall comes from."""
    rows = ask(url, "SELECT column, sum(column_data_compressed_bytes) AS b FROM system.parts_columns WHERE active AND "
                    "database = 'weir' AND table = 'flows' GROUP BY column ORDER BY b DESC LIMIT 8 FORMAT TSV")
    return {name: int(size) / flows for name, size in (row.split("\t") for row in rows.splitlines())}


def compare(stream):
    with tempfile.TemporaryDirectory(prefix="weir-bench-") as name:
        folder = pathlib.Path(name)
        nfcapd = receive(peers.NfcapdZ, folder / "nfcapd", stream)
        weir = receive(peers.Weir, folder / "weir", stream)
        port = lab.free_port()
        url = f"http://127.0.0.1:{port}"
        config = folder / "weir/weir.yaml"
        config.write_text(config.read_text() + f"store:\n  listen: \"127.0.0.1:{port}\"\n")
        with process(lab.WEIR, "store", "--config", str(config), "--data", str(weir.out)) as store:
            lab.wait_for("the store to answer", lambda: answers(url))
            cpu = lab.process_ns(store.pid)
            seconds, sink_cpu = load(folder / "weir", url, weir.counted)
            cpu = lab.process_ns(store.pid) - cpu + sink_cpu
            loaded_mb = lab.peak_kb(store.pid) / 1024
            ask(url, "OPTIMIZE TABLE flows FINAL")
            ask(url, "OPTIMIZE TABLE flows_1m FINAL")
            size = {table: int(ask(url, "SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND database = 'weir' "
                                        f"AND table = '{table}'")) for table in ("flows", "flows_1m")}
            result = {
                "flows": weir.counted,
                "load_flows_per_second": weir.counted / seconds, "load_cpu_ns_per_flow": cpu / weir.counted,
                "flows_bytes_per_flow": size["flows"] / weir.counted, "rollup_bytes_per_flow": size["flows_1m"] / weir.counted,
                "nfcapd_bytes_per_flow": nfcapd.disk_bytes() / nfcapd.counted, "loaded_peak_mb": loaded_mb,
                "columns_bytes": columns(url, weir.counted),
                "questions": questions(folder / "weir", nfcapd.out, url), "rollup_ms": rollups(folder / "weir"),
                "store_peak_mb": lab.peak_kb(store.pid) / 1024,
            }
    result["bytes_ratio"] = result["flows_bytes_per_flow"] / result["nfcapd_bytes_per_flow"]
    return result


def goals(r):
    """What is asked of weir, and whether it holds: text, figure, goal, met."""
    out = [["load with rollups, flows/s", round(r["load_flows_per_second"]), f"≥ {LOAD_GOAL:,}",
            r["load_flows_per_second"] >= LOAD_GOAL],
           ["stored bytes, of nfcapd -z", r["bytes_ratio"], f"≤ {BYTES_GOAL}", r["bytes_ratio"] <= BYTES_GOAL],
           ["question to the sums per minute, ms", r["rollup_ms"], f"≤ {ROLLUP_GOAL_MS}", r["rollup_ms"] <= ROLLUP_GOAL_MS],
           ["peak memory of the store while loading, MB", round(r["loaded_peak_mb"]), f"≤ {MEMORY_GOAL_MB}",
            r["loaded_peak_mb"] <= MEMORY_GOAL_MB]]
    return out + [[f"{q['question']}: times faster", q["times_faster"], f"≥ {q['goal']}", q["times_faster"] >= q["goal"]]
                  for q in r["questions"]]


def markdown(r):
    facts = [["load into the store with rollups, flows/s", round(r["load_flows_per_second"]), f"≥ {LOAD_GOAL:,}"],
             ["CPU of loading and merging meanwhile, ns/flow", round(r["load_cpu_ns_per_flow"]), ""],
             ["bytes/flow in the store", r["flows_bytes_per_flow"], ""],
             ["bytes/flow of nfcapd -z", r["nfcapd_bytes_per_flow"], ""],
             ["ratio", r["bytes_ratio"], f"≤ {BYTES_GOAL}"],
             ["bytes/flow of the sums per minute", r["rollup_bytes_per_flow"], ""],
             ["a question to the sums per minute, ms", r["rollup_ms"], f"≤ {ROLLUP_GOAL_MS}"],
             ["peak memory of the store while loading, MB", round(r["loaded_peak_mb"]), f"≤ {MEMORY_GOAL_MB:,}"],
             ["and with all questions, MB", round(r["store_peak_mb"]), ""]]
    asked = [[q["question"], q["nfdump_ms"], q["weir_ms"], q["times_faster"], f"≥ {q['goal']:g}"] for q in r["questions"]]
    largest = [[name, size] for name, size in r["columns_bytes"].items()]
    return (f"{r['flows']:,} flows.\n\n" + lab.table(["what", "figure", "goal"], facts) + "\n\n" +
            lab.table(["question", "nfdump ms", "weir ms", "times faster", "goal"], asked) + "\n\n" +
            lab.table(["largest columns", "bytes/flow"], largest))
