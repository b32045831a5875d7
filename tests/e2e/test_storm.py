"""A storm: kill -9 of everything that runs, `weir run` too, at random moments while flows stream in.

A consumer that never commits anything keeps every segment in the spool, so that at the end all that was ever synced can be held
against what the store has."""
import datetime
import json
import os
import pathlib
import random
import re
import signal
import subprocess
import time

import pytest

from conftest import wait_until, wait_while_it_goes_on
from test_sink import System

RATE = 4000
ROLES = {"collect", "sink", "store"}  # at least
SYNC_S = 0.1
# What a kill may cost beside the time without a collector: what was not synced, and what lay in the socket.
SLACK_S = SYNC_S + 0.4


class Storm(System):
    def __init__(self, weir, folder, dice):
        super().__init__(weir, folder, sync=f"{SYNC_S * 1000:.0f}ms")
        self.dice = dice
        self.kills = {}
        self.collect_deaths = []  # wall clock
        (self.data / "spool/position").mkdir(parents=True)
        (self.data / "spool/position/witness").write_text("")

    def start_run(self):
        self.start("run")

    def children(self):
        """Role to process id."""
        found = {}
        parent = str(self.running["run"].pid)
        for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
            try:
                name, rest = stat.read_text().rsplit(")", 1)
            except OSError:
                continue
            if rest.split()[1] == parent and "(weir-" in name:
                found[name.split("(weir-")[1]] = int(stat.parent.name)
        return found

    def kill_one(self):
        roles = {**self.children(), "run": self.running["run"].pid}
        # The supervisor's pauses grow while it lives; so it dies often enough.
        role = self.dice.choice(sorted(roles))
        if role in ("collect", "run"):
            self.collect_deaths.append(time.time())
        try:
            os.kill(roles[role], signal.SIGKILL)
        except ProcessLookupError:  # it has ended by itself since it was seen
            return
        self.kills[role] = self.kills.get(role, 0) + 1
        if role == "run":
            self.running.pop("run").wait(60)
            self.start_run()

    def listening(self):
        """When collect was open, each time; wall clock."""
        times = re.findall(r"^(\S+)Z INFO collect: listening", self.log("run"), re.M)
        return [datetime.datetime.fromisoformat(text + "+00:00").timestamp() for text in times]

    def seconds_without_collect(self):
        opened = self.listening()
        end, total = 0.0, 0.0
        for death in self.collect_deaths:
            again = next((moment for moment in opened if moment > death), time.time())
            total += max(0.0, again - max(death, end))
            end = max(end, again)
        return total

    def calm(self):
        """Everything up, and all of the spool stored."""
        wait_until("all roles", lambda: ROLES <= set(self.children()), 180)
        # It may need a while to be started again.
        wait_until("the store", self.stored, 180)
        expected = self.spooled()
        wait_while_it_goes_on(f"the flows, {expected}", lambda: self.stored() == (expected, expected), self.stored, 120)
        # The coarser sums of the last segment are stored behind its flows.
        wait_while_it_goes_on(f"the sums, {expected}", lambda: self.coarser() == [expected] * 15, self.coarser, 60)
        return expected


def storm(weir, folder, seed, flows, pauses):
    """Kills until all is sent, and what is found then; the storm, and what was sent and synced."""
    system = Storm(weir, folder, random.Random(seed))
    try:
        system.start_run()
        wait_until("collect", lambda: system.listening(), 30)
        command = [weir, "generate", "--to", f"127.0.0.1:{system.collect_port}", "--version", "5", "--flows", str(flows),
                   "--rate", str(RATE), "--summary", "json"]
        sending = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        while sending.poll() is None:
            time.sleep(system.dice.choice(pauses) * 2 * system.dice.random())
            system.kill_one()
        sent = json.loads(sending.communicate(timeout=60)[0])
        synced = system.calm()
        # And stays so.
        assert system.end("run", signal.SIGINT, 60) == 0
        assert system.spooled() == synced
        return system, sent, synced
    finally:
        # What a killed supervisor leaves ends by itself; the lock is waited for by nobody any more.
        system.end_all()


def check(system, sent, synced):
    lost = sent["flows"] - synced[0]
    allowed = RATE * (system.seconds_without_collect() + SLACK_S * len(system.collect_deaths))
    print(f"kills {system.kills}, sent {sent['flows']}, synced {synced[0]}, allowed to lose {allowed:.0f}")
    assert 0 <= lost <= allowed, (lost, allowed)
    # Each end of a role is said.
    assert system.log("run").count("was killed by signal 9") > 0
    assert not list((system.data / "spool").glob("damaged/*"))


@pytest.mark.promise
def test_a_short_storm(weir, tmp_path, embedded_store):
    system, sent, synced = storm(weir, tmp_path, 20261125, 60000, (0.3, 0.8, 1.2))
    check(system, sent, synced)
    assert sum(system.kills.values()) >= 8 and synced[0] > 5000


@pytest.mark.promise
@pytest.mark.soak
@pytest.mark.parametrize("seed", range(1, 6))
def test_a_long_storm(weir, tmp_path, embedded_store, seed):
    system, sent, synced = storm(weir, tmp_path, seed, 480000, (0.2, 0.8, 2.0))
    check(system, sent, synced)
    assert sum(system.kills.values()) >= 60 and ROLES | {"run"} <= set(system.kills)
