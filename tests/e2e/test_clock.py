"""Somebody sets the machine's clock while weir runs: forward by days, back by more, and right again. Only the programs under test see
that (clock.c), for the machine's clock is no test's to set. Every flow is stored, nothing starts anew, what waits and what is
limited goes by the other clock, and it is said."""
import mmap
import os
import pathlib
import re
import signal
import struct
import subprocess

import pytest

from conftest import TOP, wait_until
from test_sink import System

DAY = 86400


class Clock:
    """Days by which the clock of what is started with `environment` is wrong."""

    def __init__(self, folder):
        library, file = folder / "clock.so", folder / "clock"
        subprocess.run(["cc", "-shared", "-fPIC", "-O", "-D_GNU_SOURCE", "-o", library, TOP / "tests/e2e/clock.c"], check=True)
        file.write_bytes(bytes(8))
        self.map = mmap.mmap(os.open(file, os.O_RDWR), 8)
        self.environment = {**os.environ, "LD_PRELOAD": str(library), "TEST_CLOCK": str(file)}

    def set(self, days):
        self.map[:] = struct.pack("q", round(days * DAY * 10**9))


class Stepped(System):
    def __init__(self, weir, folder, clock):
        super().__init__(weir, folder)
        self.clock, self.sent = clock, [0, 0]

    def run(self):
        with open(self.folder / "run.log", "ab") as log:
            self.running["run"] = subprocess.Popen([self.weir, "run", "--config", self.config], stdout=log, stderr=log,
                                                   env=self.clock.environment)
        wait_until("the tables", lambda: "tables are up to date" in self.log("run"), 90)

    def pids(self):
        text = (self.data / "run/run.prom").read_text()
        return dict(re.findall(r'weir_run_role_pid\{role="(\w+)"\} (\d+)', text))

    def flows_arrive(self):
        sent = self.generate(3000, 3000)
        self.sent = [self.sent[0] + sent["flows"], self.sent[1] + sent["bytes"]]
        self.expect_stored(self.sent)

    def status(self, *options):
        done = subprocess.run([self.weir, "status", "--config", self.config, *options], capture_output=True, text=True,
                              timeout=60, env=self.clock.environment)
        return done.stdout

    def says(self, way, seconds):
        """Within the time that the reading of two clocks takes."""
        wait_until(f"set {way} by {seconds} s", lambda: any(
            abs(float(told) - seconds) < 5 for told in re.findall(f"this machine's clock was set {way} by ([0-9.]+) s", self.log("run"))))
        wait_until(f"set {way} in weir status", lambda: f"this machine's clock was set {way}" in self.status())


@pytest.fixture
def system(weir, tmp_path, embedded_store):
    made = Stepped(weir, tmp_path, Clock(tmp_path))
    yield made
    made.end_all()


@pytest.mark.promise
def test_a_clock_that_is_set_costs_nothing(system):
    system.run()
    try:
        system.flows_arrive()
    except pytest.fail.Exception:
        # Before any step: it is the library that is loaded before the engine's, not the clock. An exception of the engine's then meets
        # libgcc's routine for frames of C, which ends the process. The same folder opens without that library.
        if "store was killed by signal 6" in system.log("run"):
            pytest.skip("the engine does not bear LD_PRELOAD here: it ended by abort() before the clock was set")
        raise
    pids = system.pids()
    for days, way, by in ((2, "forward", 2), (-1, "back", 3), (0, "forward", 1)):
        system.clock.set(days)
        system.says(way, by * DAY)
        system.flows_arrive()
    # Each run of flows has the time that the clock showed; what exporters told of their flows has nothing to do with that.
    days = system.ask("SELECT dateDiff('day', now(), time_received) + 0, count() FROM flows GROUP BY 1 ORDER BY 1")
    assert sum(days[1::2]) == 12000 and min(days[::2]) >= -2 and max(days[::2]) <= 2 and len(days) >= 6, days
    assert system.ask("SELECT max(time_end - time_start) < 3600, max(abs(dateDiff('second', now(), time_end))) < 7200 "
                      "FROM flows") == [1, 1]
    metrics = system.metrics("collect")
    assert metrics["weir_collect_clock_steps_total"] == 3
    assert metrics['weir_collect_faults_total{fault="time_implausible"}'] == 0
    assert metrics["weir_collect_lost_total"] == 0
    rates = [float(rate) for rate in re.findall(r'"flows_per_s": ([^,}\s]+)', system.status("--exporters", "--format", "json"))
             if rate != "null"]
    assert rates and all(0 <= rate < 20000 for rate in rates), rates
    assert system.pids() == pids, "a role ended"
    assert pathlib.Path(f"/proc/{system.running['run'].pid}").exists()
    assert system.end("run", signal.SIGINT, 60) == 0
