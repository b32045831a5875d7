"""User instructions a flow of a collector, which no other program on the machine can change: callgrind counts them of whole
runs, and the difference between a long and a short one is the flows'. The kernel's are not in it, and of memset and memcpy
callgrind counts every step of `rep`. callgrind makes a program some fifty times slower: few flows, sent slowly."""
import re
import shutil
import tempfile
import time

import lab
import peers

SHORT, LONG = 5000, 45000
RATE = 6000
CALLGRIND = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]


def run(kind, stream):
    """Instructions of one run and the flows that it took."""
    with tempfile.TemporaryDirectory(prefix="weir-bench-") as folder:
        collector = kind(folder, lab.free_port())
        collector.before = CALLGRIND
        collector.start(stream.version, 120)
        stream.send(collector.port, RATE)
        lab.wait_for(f"{kind.name} to read its socket", lambda: lab.receive_queue(collector.port) == 0, 300)
        time.sleep(2)
        log = collector.end()
        found = re.search(r"Collected : (\d+)", log)
        return int(found.group(1)), collector.flows(log)


def count(kind, folder, version):
    """Instructions a flow, or None where they cannot be counted."""
    if not shutil.which("valgrind") or not kind.counts:
        return None
    try:
        few, few_flows = run(kind, lab.Stream(folder, version, SHORT))
        many, many_flows = run(kind, lab.Stream(folder, version, LONG))
        return (many - few) / (many_flows - few_flows)
    except (SystemExit, AttributeError, ZeroDivisionError, TypeError) as why:
        lab.say(f"instructions of {kind.name}: not counted: {why}")
        return None
