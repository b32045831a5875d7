"""What the benchmarks share: processes and what they used, ports, made streams, tables."""
import json
import os
import pathlib
import socket
import statistics
import subprocess
import sys
import time

import variable

TOP = pathlib.Path(__file__).resolve().parents[1]
BUILD = pathlib.Path(os.environ.get("WEIR_BUILD", TOP / "build/release"))
WEIR = os.environ.get("WEIR", str(BUILD / "weir"))
REPLAY = str(BUILD / "bench/bench_replay")


def say(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


def free_port(kind=socket.SOCK_DGRAM):
    with socket.socket(socket.AF_INET, kind) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def receive_queue(port):
    """Bytes that wait in the UDP sockets of a port, or None when there is none."""
    waiting = None
    for name in ("/proc/net/udp", "/proc/net/udp6"):
        for line in pathlib.Path(name).read_text(encoding="ascii").splitlines()[1:]:
            words = line.split()
            if words[1].endswith(f":{port:04X}"):
                waiting = (waiting or 0) + int(words[4].split(":")[1], 16)
    return waiting


def wait_for(what, condition, seconds=60, pause=0.02):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise SystemExit(f"bench: waited {seconds} s for {what}")
        time.sleep(pause)


def session_pids(leader):
    """The process and those that it started: they share its session."""
    pids = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                if os.getsid(int(entry)) == leader:
                    pids.append(int(entry))
            except OSError:
                pass
    return pids


def cpu_ns(leader):
    """Processor time, user and kernel, of all threads so far: what the scheduler counted, not ticks."""
    total = 0
    for pid in session_pids(leader):
        for stat in pathlib.Path(f"/proc/{pid}/task").glob("*/schedstat"):
            try:
                total += int(stat.read_text(encoding="ascii").split()[0])
            except OSError:
                pass
    return total


def process_ns(pid):
    """Of one process, with the threads that have ended: in ticks of the system's clock."""
    words = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return (int(words[11]) + int(words[12])) * 1000000000 // os.sysconf("SC_CLK_TCK")


def peak_kb(leader):
    """The most memory that was resident, all processes together."""
    total = 0
    for pid in session_pids(leader):
        try:
            for line in pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
                if line.startswith("VmHWM"):
                    total += int(line.split()[1])
        except OSError:
            pass
    return total


def folder_bytes(folder):
    return sum(path.stat().st_size for path in pathlib.Path(folder).rglob("*") if path.is_file())


class Stream:
    """A capture of made exports, the same every time. Made once, and kept as long as the folder."""

    def __init__(self, folder, version, flows):
        self.version, self.flows = version, flows
        self.path = pathlib.Path(folder) / f"{version}-{flows}.pcap"
        summary = self.path.with_suffix(".json")
        if not summary.exists() and version == "10v":
            summary.write_text(variable.write(self.path, flows), encoding="utf-8")
        elif not summary.exists():
            out = subprocess.check_output([WEIR, "generate", "--write", str(self.path), "--version", version, "--exporters",
                                           "8", "--flows", str(flows), "--start", "2026-01-31T10:00:00Z", "--rate",
                                           "100000", "--summary", "json"], stderr=subprocess.DEVNULL)
            summary.write_bytes(out)
        self.datagrams = json.loads(summary.read_text())["datagrams"]

    def send(self, port, flows_a_second, target="127.0.0.1", netns=None):
        """0: as fast as the sender can. From another network namespace, where one is named. Returns the seconds it took."""
        rate = flows_a_second * self.datagrams / self.flows
        out = subprocess.check_output((["ip", "netns", "exec", netns] if netns else []) +
                                      [REPLAY, str(self.path), f"{target}:{port}", f"{rate:.0f}"])
        return json.loads(out)["seconds"]


def median(values):
    values = [v for v in values if v is not None]
    return statistics.median(values) if values else None


def table(heads, rows):
    """Markdown, its columns aligned: text to the left, numbers to the right."""
    def cell(value):
        if value is None:
            return "–"
        return f"{value:,.2f}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)

    texts = [[cell(v) for v in row] for row in rows]
    widths = [max(len(h), *(len(t[i]) for t in texts)) for i, h in enumerate(heads)]
    left = [all(isinstance(row[i], str) for row in rows) for i in range(len(heads))]

    def line(cells):
        return "| " + " | ".join(c.ljust(w) if l else c.rjust(w) for c, w, l in zip(cells, widths, left)) + " |"

    rule = "|" + "|".join("-" * (w + 1) + ("-" if l else ":") for w, l in zip(widths, left)) + "|"
    return "\n".join([line(heads), rule] + [line(t) for t in texts])
