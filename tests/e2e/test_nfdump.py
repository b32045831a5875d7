"""The filter language against nfdump's: the same flows, the same filters, the same flows found. nfcapd receives them as
NetFlow v5; the store has them inserted. Filters that both know must mean the same."""
import datetime
import random
import shutil
import signal
import socket
import struct
import subprocess
import time

import pytest

from conftest import free_port, wait_until
from lab import wait_until_read
from test_query import Store, make_rare_columns, make_tables, quoted

FLOWS = 600

# AS numbers are left out: nfdump 1.7 asks for a geo location database before it looks at them.
FILTERS = [
    "any",
    "src ip 10.0.0.7",
    "ip 10.1.0.3",
    "host 198.51.100.2",
    "src net 10.1.0.0/16",
    "net 198.51.100.0/30",
    "dst ip in [198.51.100.1 198.51.100.4]",
    "port 80",
    "not port 80",
    "src port > 1300",
    "dst port < 100",
    "port in [22 443]",
    "src port 1100 or dst port 53",
    "proto tcp",
    "proto 47",
    "not proto udp",
    "flags S",
    "flags SA",
    "flags X",
    "not flags SA",
    "flags S and not flags AFRPU",
    "not (flags SA)",
    "in if 3",
    "out if 4",
    "if 3",
    "tos 16",
    "packets > 500",
    "packets = 7",
    "bytes > 1k",
    "bytes < 1M",
    "bytes >= 1500",
    "bps > 100k",
    "pps > 100",
    "duration > 1000",
    "ipv4",
    "proto tcp and (src net 10.0.0.0/16 or dst port 443) and not bytes < 10k",
]


def make_flows():
    random.seed(11)
    flows = []
    for number in range(FLOWS):
        packets = random.choice([1, 7, random.randrange(1, 1000)])
        proto = random.choice([6, 6, 17, 47])
        flows.append({
            "src_addr": f"10.{number % 3}.0.{number % 20}",
            "dst_addr": f"198.51.100.{number % 6}",
            "src_port": 1024 + number,  # names the flow
            "dst_port": random.choice([22, 53, 80, 443, 40000]),
            "proto": proto,
            "tcp_flags": random.choice([0x02, 0x12, 0x10, 0x3f, 0x18, 0xc2, 0x01, 0]) if proto == 6 else 0,
            "ip_tos": random.choice([0, 16, 184]),
            "packets": packets,
            "bytes": packets * random.randrange(40, 1500),
            "in_if": number % 5,
            "out_if": number % 7,
            "duration": random.choice([0, 1, 999, 1000, 1001, 60000]),
        })
    return flows


def send_v5(flows, port, uptime, now):
    """Each flow began `duration` before the datagram."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        for first in range(0, len(flows), 24):
            part = flows[first:first + 24]
            records = b"".join(struct.pack(
                "!4s4s4sHHIIIIHHBBBBHHBBH", socket.inet_aton(f["src_addr"]), socket.inet_aton(f["dst_addr"]), bytes(4),
                f["in_if"], f["out_if"], f["packets"], f["bytes"], uptime - f["duration"], uptime, f["src_port"],
                f["dst_port"], 0, f["tcp_flags"], f["proto"], f["ip_tos"], 0, 0, 0, 0, 0)
                for f in part)
            out.sendto(struct.pack("!HHIIIIBBH", 5, len(part), uptime, now, 0, first, 0, 0, 0) + records,
                       ("127.0.0.1", port))
            time.sleep(0.002)


@pytest.fixture(scope="module")
def captured(tmp_path_factory):
    """The folder where nfcapd put the flows."""
    if not shutil.which("nfcapd"):
        pytest.skip("nfdump is not installed: tools/setup test")
    folder = tmp_path_factory.mktemp("nfcapd")
    port = free_port(socket.SOCK_DGRAM)
    nfcapd = subprocess.Popen(["nfcapd", "-b", "127.0.0.1", "-p", str(port), "-w", folder, "-t", "3600"],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address = f"0100007F:{port:04X}"
    wait_until("nfcapd", lambda: address in open("/proc/net/udp").read())
    send_v5(make_flows(), port, 10_000_000, int(time.time()))
    wait_until_read(port)
    nfcapd.send_signal(signal.SIGTERM)
    nfcapd.wait(60)
    return folder


@pytest.fixture(scope="module")
def store(weir, embedded_store, tmp_path_factory):
    store = Store(weir, tmp_path_factory.mktemp("nfdump"))
    try:
        make_tables(store)
        make_rare_columns(store)
        now = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
        rows = []
        for flow in make_flows():
            row = {name: value for name, value in flow.items() if name != "duration"}
            row |= {"time_received": now, "time_end": now, "sampling_rate": 1,
                    "time_start": now - datetime.timedelta(milliseconds=flow["duration"])}
            rows.append("(" + ", ".join(map(quoted, row.values())) + ")")
        store.ask("sql", "--write", "-", stdin=f"INSERT INTO flows ({', '.join(row)}) VALUES {', '.join(rows)}")
        yield store
    finally:
        store.stop()


@pytest.mark.parametrize("text", FILTERS)
def test_the_same_flows_are_found(store, captured, text):
    done = subprocess.run(["nfdump", "-q", "-N", "-R", captured, "-o", "fmt:%sp", text], capture_output=True, text=True)
    assert done.returncode == 0, done
    theirs = sorted(int(line) for line in done.stdout.split() if line.isdigit())
    ours = sorted(row["src_port"] for row in store.rows("flows", "-n", "0", "--columns", "src_port", text))
    assert ours == theirs
    assert 0 < len(ours) <= FLOWS
