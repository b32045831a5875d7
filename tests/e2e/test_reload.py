"""SIGHUP: what `weir run` and its roles take over without a restart, what they say needs one, and that a bad file changes nothing."""
import re
import signal
import socket
import subprocess

import native
from conftest import free_port, wait_until

V5 = bytes.fromhex("00050001") + bytes(20)


class System:
    """`weir run` without a store that answers; what it says is in `log`."""

    def __init__(self, weir, folder, command="run"):
        self.folder, self.port = folder, free_port(socket.SOCK_DGRAM)
        self.config, self.log = folder / "weir.yaml", folder / "log"
        self.policy = folder / "policy"
        self.command = command
        self.write()
        self.process = subprocess.Popen([weir, command, "--config", self.config], stdout=open(self.log, "w"), stderr=subprocess.STDOUT, cwd=folder)

    def write(self, more="", collect="", store=""):
        self.config.write_text(f"data_dir: {self.folder}/var\nstore: {{embedded: false, url: 'http://127.0.0.1:1'{store}}}\nweb: {{listen: []}}\n"
                               f"collect: {{listen: ['127.0.0.1:{self.port}'], workers: 1, sync: 50ms{collect}}}\n{more}")

    def said(self, pattern, times=1):
        return wait_until(f"\"{pattern}\", {times} times, of: {self.log.read_text()}", lambda: len(re.findall(pattern, self.log.read_text())) >= times)

    def hang_up(self):
        self.process.send_signal(signal.SIGHUP)

    def metric(self, name):
        path = self.folder / "var/run/collect.prom"
        found = re.search(rf"^{name} (\d+)$", path.read_text(), re.M) if path.exists() else None
        return int(found[1]) if found else -1

    def send(self):
        before = self.metric("weir_collect_flows_total")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            flow = bytes([10, 0, 0, 1, 10, 9, 0, 1]) + bytes(4) + (1).to_bytes(2) + (2).to_bytes(2) + (5).to_bytes(4) + (500).to_bytes(4)
            s.sendto(V5 + flow + bytes(48 - len(flow)), ("127.0.0.1", self.port))
        wait_until("the flow", lambda: self.metric("weir_collect_flows_total") > before)

    def names(self):
        """Of the newest segment of flows."""
        return native.names(sorted((self.folder / "var/spool").glob("w0/*.native.lz4"))[-1])

    def stop(self, how=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(how)
        return self.process.wait(60)


def test_reload_of_all(weir, tmp_path):
    system = System(weir, tmp_path)
    try:
        system.said("Ctrl-C stops it")
        system.send()
        assert not system.names().get("exporter_name") and not system.names().get("src_zone")
        # Networks, names and policy of the configuration are taken over; the store's need a restart, and that is said once.
        networks = "networks: {list: ['10.0.0.0/16,office,,,', '10.9.0.0/16,servers,,,']}\n"
        system.write(networks + "exporters: {names: ['127.0.0.1=core'], interfaces: ['127.0.0.1/1=uplink']}\npolicy: {packs: [clear-text]}\n",
                     store=", database: other")
        system.hang_up()
        system.said("collect: the configuration was read again: 2 networks")
        assert len(re.findall("a restart is needed for what has changed of store.database\n", system.log.read_text())) == 1
        system.send()
        found = system.names()
        assert (found["exporter_name"], found["in_if_name"], found["src_zone"], found["dst_zone"]) == (["core"], ["uplink"], ["office"], ["servers"])
        # A mistake that the file itself shows: nobody is told of it.
        system.write(networks + "nonsense: true\n")
        system.hang_up()
        system.said(r"run: the configuration that was read before stays in force: .*weir.yaml:\d+")
        # One that shows when its parts are read: the policy is right, the networks are not; both stay as they were.
        system.policy.write_text("")
        system.write("networks: {list: ['10.0.0.0/99,broken,,,']}\nexporters: {names: ['127.0.0.1=other']}\n")
        system.hang_up()
        system.said("collect: what was read before stays in force: networks")
        system.send()
        assert system.names()["exporter_name"] == ["core"] and system.names()["src_zone"] == ["office"]
        # And without any again.
        system.write()
        system.hang_up()
        system.said("collect: the configuration was read again: 0 networks")
        system.send()
        assert not system.names().get("exporter_name") and not system.names().get("src_zone")
        assert system.process.poll() is None and "started again" not in system.log.read_text()
    finally:
        assert system.stop() == 0


def test_reload_of_the_allowed(weir, tmp_path):
    """A role by itself, its list from none to others, to oneself, to none."""
    system = System(weir, tmp_path, "collect")
    try:
        system.said("listening")
        system.send()
        for number, (allowed, taken) in enumerate([("192.0.2.0/24", False), ("127.0.0.1", True), ("", True)], 1):
            system.write(collect=f", allow: [{allowed}], templates_max: {100 + number}")
            system.hang_up()
            system.said("collect: the configuration was read again", number)
            system.said("a restart is needed for what has changed of collect.templates_max", number)
            if taken:
                system.send()
            else:
                flows = system.metric("weir_collect_flows_total")
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
                    s.sendto(V5 + bytes(48), ("127.0.0.1", system.port))
                wait_until("its refusal", lambda: system.metric("weir_collect_refused_datagrams_total") > 0)
                assert system.metric("weir_collect_flows_total") == flows
    finally:
        assert system.stop() == 0


def test_a_role_that_starts_again_reads_the_last_good_one(weir, tmp_path):
    system = System(weir, tmp_path)
    try:
        system.said("Ctrl-C stops it")
        system.write("nonsense: true\n")
        system.hang_up()
        system.said("stays in force")
        pid = int(re.search(r'role_pid\{role="collect"\} (\d+)', (tmp_path / "var/run/run.prom").read_text())[1])
        subprocess.run(["kill", "-9", str(pid)], check=True)
        system.said("listening on", 2)
        system.send()
    finally:
        assert system.stop() == 0


def test_reload_of_those_who_are_told(weir, tmp_path):
    """notify.to: another target, and a list with a mistake."""
    system = System(weir, tmp_path, "notify")
    system.stop(signal.SIGKILL)
    system.write("notify: {to: ['a syslog://127.0.0.1:1']}\n")
    system.process = subprocess.Popen([weir, "notify", "--config", system.config], stdout=open(system.log, "w"), stderr=subprocess.STDOUT)
    try:
        system.said("events go to a at")
        system.write("notify: {to: ['a nonsense']}\n")
        system.hang_up()
        system.said("who is told stays as it was: ")
        system.write("notify: {to: ['b syslog://127.0.0.1:1']}\n")
        system.hang_up()
        system.said("events go to b at")
        metrics = tmp_path / "var/run/notify.prom"
        wait_until("b's figures alone", lambda: '"b"' in metrics.read_text() and '"a"' not in metrics.read_text())
    finally:
        assert system.stop() == 0
