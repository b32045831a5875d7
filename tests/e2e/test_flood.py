"""One exporter's flood beside another's ordinary exports: who floods is held to its share, and it is said."""
import json
import os
import subprocess
import sys
import time

import pytest

import flood
from conftest import TOP, free_port, wait_until
from lab import wait_until_read
from test_sink import System

LOUD, QUIET = "127.0.0.2", "127.0.0.3"


class Flooded(System):
    """Collect with one worker, as slow as is wished beside what shares its processor."""

    def start_collect(self, nice=0, more=""):
        text = self.config.read_text()
        self.config.write_text(text.replace("  workers: 1\n", f"  workers: 1\n  receive_buffer: 8M\n{more}"))
        processor = min(os.sched_getaffinity(0))
        process = self.start("collect")
        for thread in os.listdir(f"/proc/{process.pid}/task"):
            os.sched_setaffinity(int(thread), {processor})
        wait_until("collect", lambda: "listening" in self.log("collect"))
        # Its worker may have been started meanwhile.
        for thread in os.listdir(f"/proc/{process.pid}/task"):
            os.sched_setaffinity(int(thread), {processor})
            os.setpriority(os.PRIO_PROCESS, int(thread), nice)
        return processor

    def flows_of(self, source):
        """What collect has taken in of an exporter."""
        done = subprocess.run([self.weir, "status", "--config", self.config, "--exporters", "--format", "json"],
                              capture_output=True, text=True, timeout=60)
        return sum(e["flows"] for e in json.loads(done.stdout)["exporters"] if e["exporter_addr"] == source)

    def problems(self):
        done = subprocess.run([self.weir, "status", "--config", self.config, "--format", "json"], capture_output=True,
                              text=True, timeout=60)
        return json.loads(done.stdout)["problems"]


@pytest.fixture
def flooded(weir, tmp_path):
    made = Flooded(weir, tmp_path)
    yield made
    made.end_all()


@pytest.mark.skipif(os.cpu_count() < 2, reason="the flood shares a processor with collect; this needs another")
def test_a_flood_starves_nobody(flooded):
    processor = flooded.start_collect(nice=10)
    quiet = flood.Exporter(QUIET, flooded.collect_port, flows=1)
    command = [sys.executable, TOP / "tests/e2e/flood.py", str(flooded.collect_port), "9", LOUD]
    loud = subprocess.Popen(command, stdout=subprocess.DEVNULL, preexec_fn=lambda: os.sched_setaffinity(0, {processor}))
    try:
        begun, told, settled = time.monotonic(), [], None
        while loud.poll() is None:
            quiet.send()
            time.sleep(0.01)
            if settled is None and time.monotonic() - begun > 3:
                settled = quiet.sent
            if not told and time.monotonic() - begun > 5:
                told = flooded.problems()
    finally:
        loud.kill()
        loud.wait()
    wait_until_read(flooded.collect_port)
    wait_until("the accounts", lambda: flooded.flows_of(LOUD) + flooded.flows_of(QUIET) ==
               flooded.metrics("collect")["weir_collect_flows_total"])
    metrics = flooded.metrics("collect")
    lost = quiet.sent - flooded.flows_of(QUIET)
    # Before there were shares it lost three quarters here. All that it may lose now came before the limit.
    assert metrics["weir_collect_over_share_total"] > 1000
    assert lost <= settled / 2 + (quiet.sent - settled) / 20, (lost, settled, quiet.sent)
    assert any("sends more than collect can take in" in problem for problem in told), told
    assert f"{LOUD}: more than its share" in flooded.log("collect")
    assert QUIET not in flooded.log("collect")


def test_a_rate_is_held(flooded):
    flooded.start_collect(more="  exporter_rate_max: 100\n")
    loud, quiet = (flood.Exporter(source, flooded.collect_port, flows=1) for source in (LOUD, QUIET))
    for _ in range(50):
        quiet.send()
        for _ in range(20):
            loud.send()
        time.sleep(0.002)
    wait_until("all", lambda: flooded.metrics("collect").get("weir_collect_datagrams_total") == 1050)
    wait_until("the refusals", lambda: flooded.metrics("collect").get("weir_collect_over_rate_total", 0) > 0)
    refused = flooded.metrics("collect")["weir_collect_over_rate_total"]
    assert 1000 - 100 - 100 <= refused <= 1000 - 100
    assert flooded.metrics("collect")["weir_collect_flows_total"] == 1050 - refused
    wait_until("a word", lambda: f"{LOUD}: more than collect.exporter_rate_max" in flooded.log("collect"))
    wait_until("the accounts", lambda: flooded.flows_of(QUIET) == 50)
