"""From UDP to disk: processor time a flow, loss, bytes and memory, of weir and others on the same stream."""
import os
import tempfile
import time

import instructions
import lab
import peers

GOAL = 0.5  # CPU a flow, of nfcapd -z
ROUNDS = int(os.environ.get("BENCH_ROUNDS", 3))
RATE = int(os.environ.get("BENCH_RATE", 250000))
NAMES = {"5": "NetFlow v5", "9": "NetFlow v9", "10": "IPFIX", "10v": "IPFIX, variable length", "sflow": "sFlow"}


def run(kind, stream, rate):
    """One collector from start to end. What it used is the difference from before the first datagram to a while after
    the last, so starting and ending do not count."""
    with tempfile.TemporaryDirectory(prefix="weir-bench-") as folder:
        collector = kind(folder, lab.free_port())
        collector.start(stream.version)
        time.sleep(0.5)
        before = lab.cpu_ns(collector.process.pid)
        seconds = stream.send(collector.port, rate)
        lab.wait_for(f"{kind.name} to read its socket", lambda: lab.receive_queue(collector.port) == 0)
        time.sleep(1.5)  # the last ones are written and synced
        used = lab.cpu_ns(collector.process.pid) - before
        peak = lab.peak_kb(collector.process.pid)
        log = collector.end()
        flows = collector.flows(log)
        disk = collector.disk_bytes()
    counted = flows if flows is not None else stream.flows
    return {"peer": kind.name, "version": stream.version, "sent": stream.flows, "flows": flows, "seconds": seconds,
            "cpu_ns_per_flow": used / max(counted, 1), "disk_bytes_per_flow": disk / max(counted, 1) if disk else None,
            "peak_mb": peak / 1024}


def compare(stream):
    """All collectors of a version in turn, ROUNDS times. A row each, with medians; the ratio is of one round."""
    kinds = [k for k in peers.ALL if stream.version in k.versions and k.there()]
    counted = {k: instructions.count(k, stream.path.parent, stream.version) for k in kinds}
    rounds = [{k: run(k, stream, RATE) for k in kinds if i == 0 or not k.once} for i in range(ROUNDS)]
    # Where nobody can tell the flows, nobody can tell the loss.
    flood = {k: run(k, stream, 0) for k in kinds if rounds[0][k]["flows"] is not None}
    reference = peers.REFERENCE[stream.version]
    rows = []
    for k in kinds:
        mine = [r[k] for r in rounds if k in r]
        lost = [1 - m["flows"] / m["sent"] if m["flows"] is not None else None for m in mine]
        rows.append({
            "version": stream.version, "peer": k.name, "note": k.note,
            "cpu_ns_per_flow": lab.median([m["cpu_ns_per_flow"] for m in mine]),
            "ratio": lab.median([r[k]["cpu_ns_per_flow"] / r[reference]["cpu_ns_per_flow"] for r in rounds if k in r])
            if reference in kinds else None,
            "instructions_per_flow": counted[k],
            "instructions_ratio": counted[k] / counted[reference] if counted[k] and counted.get(reference) else None,
            "disk_bytes_per_flow": lab.median([m["disk_bytes_per_flow"] for m in mine]),
            "peak_mb": lab.median([m["peak_mb"] for m in mine]),
            "lost": lab.median(lost),
            "flood_rate": stream.flows / flood[k]["seconds"] if k in flood else None,
            "flood_lost": 1 - flood[k]["flows"] / stream.flows if k in flood else None,
        })
    return rows


def goals(rows):
    """What is asked of weir, and whether it holds: text, figure, goal, met."""
    out = []
    for mine in [r for r in rows if r["peer"] == peers.Weir.name]:
        name = NAMES[mine["version"]]
        if mine["ratio"] is not None:
            out.append([f"{name}: CPU a flow, of nfcapd -z", mine["ratio"], f"≤ {GOAL}", mine["ratio"] <= GOAL])
        survived = [r["peer"] for r in rows if r["version"] == mine["version"] and r["flood_lost"] == 0 and r is not mine]
        lost = mine["flood_lost"]
        out.append([f"{name}: lost at full speed", lost, f"0 where others lose none ({', '.join(survived) or 'all lose'})",
                    lost == 0 or not survived])
    return out


def markdown(rows):
    heads = ["export", "collector", "CPU ns/flow", "of nfcapd -z", "goal", "instructions/flow", "of nfcapd -z", "disk bytes/flow",
             "peak MB", "lost %", "lost % at full speed"]
    body = [[NAMES[r["version"]], r["peer"], round(r["cpu_ns_per_flow"]), r["ratio"],
             f"≤ {GOAL}" if r["peer"] == peers.Weir.name else "",
             None if r["instructions_per_flow"] is None else round(r["instructions_per_flow"]), r["instructions_ratio"],
             r["disk_bytes_per_flow"], round(r["peak_mb"]), None if r["lost"] is None else 100 * r["lost"],
             None if r["flood_lost"] is None else 100 * r["flood_lost"]] for r in rows]
    return lab.table(heads, body)
