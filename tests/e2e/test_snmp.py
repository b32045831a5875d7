"""`weir snmp` against Debian's snmpd in a network namespace: names on flows, speeds in capacity, an agent that is down, credentials that
are wrong or belong to nobody, and secrets that nobody is shown."""
import datetime
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import threading

import pytest

from conftest import wait_until
from lab import COLLECTOR, EXPORTER, Lab
from running import Running

UTC = datetime.timezone.utc
COMMUNITY, AUTH, PRIV = "c0mmun1ty-s3cret", "auth-s3cret-pass", "priv-s3cret-pass"
ALIAS = 'to the "cellar", rack 7'


class Agent:
    """snmpd of the exporter's host; each start has a folder of its own, for it keeps users in it."""

    def __init__(self, host, folder):
        self.host, self.folder, self.process, self.starts = host, folder, None, 0
        self.index = {name: int(host.run("cat", f"/sys/class/net/{name}/ifindex")) for name in ("e0", "t0")}

    def start(self):
        self.starts += 1
        folder = self.folder / f"agent{self.starts}"
        folder.mkdir()
        (folder / "snmpd.conf").write_text(
            f"sysName core-7\nrocommunity {COMMUNITY} {COLLECTOR}\ncreateUser weir SHA-256 {AUTH} AES {PRIV}\n"
            f"createUser other SHA {AUTH} AES {PRIV}\nrouser weir priv\nrouser other priv\nagentaddress udp:{EXPORTER}:161\n"
            f"interface t0 6 25000000000\ninterface e0 6 1000000000\n"
            f"override 1.3.6.1.2.1.31.1.1.1.18.{self.index['t0']} octet_str \"{ALIAS}\"\n".replace('"cellar"', '\\"cellar\\"'))
        log = folder / "log"
        self.process = self.host.start("snmpd", "-f", "-C", "-c", folder / "snmpd.conf", "-Lf", log, log=folder / "out",
                                       env={**os.environ, "MIBS": "", "SNMP_PERSISTENT_DIR": str(folder / "state")})
        wait_until("snmpd", lambda: log.exists() and "NET-SNMP version" in log.read_text())

    def stop(self):
        self.host.stop(self.process)


def secret(folder, name, text):
    path = folder / name
    path.write_text(f"{text}\n")
    path.chmod(0o600)
    return path


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    if not shutil.which("snmpd", path=os.environ["PATH"] + ":/usr/sbin"):
        pytest.skip("snmpd is not installed: tools/setup test")
    lab = Lab(tmp_path_factory.mktemp("snmp"))
    try:
        lab.agent = Agent(lab.exporter, lab.folder)
        lab.agent.start()
        wrapper = lab.folder / "weir"
        wrapper.write_text(f"#!/bin/sh\nexec ip netns exec {lab.collector.name} \"$WEIR_OF_TEST\" \"$@\"\n")
        wrapper.chmod(0o755)
        lab.wrapper = str(wrapper)
        yield lab
    finally:
        lab.remove()


@pytest.fixture(scope="module")
def system(weir, lab, embedded_store):
    os.environ["WEIR_OF_TEST"] = weir
    target = f"198.51.100.0/24,community_file={secret(lab.folder, 'community', COMMUNITY)}"
    system = Running(lab.wrapper, lab.folder, snmp=f"{{targets: ['{target}'], interval: 2s, timeout: 300ms}}",
                     exporters=f"{{interfaces: ['{EXPORTER}/77=configured']}}")
    system.config.write_text(system.config.read_text().replace(f"127.0.0.1:{system.port}", f"{COLLECTOR}:{system.port}"))
    with system:
        yield system


SEND = """
import socket, sys
port, in_if, out_if = map(int, sys.argv[1:])
flows = b"".join(n.to_bytes(2, "big") for n in (301, 5, 8, 4, 12, 4, 10, 4, 14, 4, 1, 4))
flow = bytes([192, 0, 2, 1, 192, 0, 2, 2]) + in_if.to_bytes(4, "big") + out_if.to_bytes(4, "big") + (1000).to_bytes(4, "big")
body = b"".join(n.to_bytes(2, "big") + (len(c) + 4).to_bytes(2, "big") + c for n, c in ((2, flows), (301, flow)))
message = b"".join([(10).to_bytes(2, "big"), (16 + len(body)).to_bytes(2, "big"), (1767225600).to_bytes(4, "big"), bytes(8)]) + body
socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(message, ("198.51.100.2", port))
"""


def polled(system):
    path = system.folder / "var/run/snmp.csv"
    return path.read_text() if path.exists() else ""


def problems(system):
    return [p for p in json.loads(system.run("status", "--format", "json").stdout)["problems"] if "SNMP" in p]


def test_names_and_speeds(lab, system):
    """What the agent tells is in flows, in the store and in capacity; the configuration's names count before."""
    e0, t0 = lab.agent.index["e0"], lab.agent.index["t0"]
    line = f'{EXPORTER},{t0},"t0","{ALIAS}",25000000000\n'.replace('"cellar"', '""cellar""')
    wait_until("the agent's answer", lambda: line in polled(system))  # its speed is as in its configuration a little after its start
    send = lambda in_if, out_if: lab.exporter.run("python3", "-c", SEND, system.port, in_if, out_if)

    def named():
        # The file is seen within a second; until then flows have no names.
        send(t0, e0)
        return system.rows("sql", "SELECT DISTINCT exporter_name, in_if_name, out_if_name FROM flows WHERE in_if_name != ''")

    assert wait_until("a flow with names", named) == [{"exporter_name": "core-7", "in_if_name": "t0", "out_if_name": "e0"}]
    send(77, t0)
    assert wait_until("a flow", lambda: system.rows("sql", "SELECT DISTINCT in_if_name, out_if_name FROM flows WHERE in_if = 77")) == [
        {"in_if_name": "configured", "out_if_name": "t0"}]
    known = wait_until("the store to know", lambda: system.rows(
        "sql", f"SELECT interface_name, interface_description, interface_speed FROM exporter_interfaces WHERE interface = {t0}"))
    assert known == [{"interface_name": "t0", "interface_description": ALIAS, "interface_speed": 25000000000}]
    now = datetime.datetime.now(UTC)
    system.ask("sql", "--write", "INSERT INTO flows_1m (minute, exporter_addr, in_if, out_if, bytes) VALUES "
               f"('{now - datetime.timedelta(hours=1):%Y-%m-%d %H:%M:00}', '{EXPORTER}', {t0}, 0, 1000000)")
    row, = [r for r in system.rows("capacity", "--last", "2h") if r["what"] == f"{EXPORTER}/{t0}" and r["way"] == "in"]
    assert row["limit_bps"] == 25000000000 and row["name"] == "t0"
    assert not problems(system)
    assert "snmp" in system.ask("status")


def test_an_agent_that_is_down(lab, system):
    """`weir status` says it, names stay, and all is well when it is back."""
    lab.agent.stop()
    try:
        found = wait_until("the problem", lambda: problems(system))
        assert found[0].startswith(f"SNMP of {EXPORTER}: no answer in time"), found
        assert "core-7" in polled(system)
    finally:
        lab.agent.start()
    wait_until("no problem", lambda: not problems(system))


class Alone:
    """`weir snmp` by itself, in the collector's namespace."""

    def __init__(self, lab, weir, folder, target, interval="1s", exporters=f"{{names: ['{EXPORTER}=x']}}", environment=None):
        self.folder = folder
        (folder / "weir.yaml").write_text(f"data_dir: {folder}/var\nsnmp: {{targets: [\"{target}\"], interval: {interval}, timeout: 200ms, "
                                          f"retries: 0}}\nexporters: {exporters}\n")
        self.lab = lab
        self.process = lab.collector.start(weir, "snmp", "--config", folder / "weir.yaml", log=folder / "log",
                                           env={**os.environ, **(environment or {})})

    def metric(self, name):
        path = self.folder / "var/run/snmp.prom"
        found = re.search(rf"^{re.escape(name)} (\d+)$", path.read_text(), re.M) if path.exists() else None
        return int(found[1]) if found else 0

    def stop(self):
        return self.lab.collector.stop(self.process, signal.SIGTERM)


def v3(folder, user="weir", auth="SHA-256", password=AUTH, privacy=PRIV):
    return (f"{EXPORTER},user={user},auth={auth},auth_file={secret(folder, 'auth', password)},priv=AES,"
            f"priv_file={secret(folder, 'priv', privacy)}")


@pytest.mark.parametrize("outcome,options", [
    ("ok", {}),
    ("ok", {"user": "other", "auth": "SHA"}),
    ("authentication", {"password": "wrong-password"}),
    ("unknown_user", {"user": "nobody"}),
    ("timeout", {"privacy": "wrong-password"}),
])
def test_users_of_version_3(weir, lab, tmp_path, outcome, options):
    alone = Alone(lab, weir, tmp_path, v3(tmp_path, **options))
    try:
        wait_until(f"{outcome}; it says {(tmp_path / 'log').read_text()}", lambda: alone.metric(f'weir_snmp_polls_total{{outcome="{outcome}"}}'))
        if outcome == "ok":
            wait_until("the file", lambda: "25000000000" in (tmp_path / "var/run/snmp.csv").read_text())
        else:
            assert outcome in (tmp_path / "log").read_text()
    finally:
        assert alone.stop() == 0


def test_a_wrong_community(weir, lab, tmp_path):
    """An agent says nothing to it; the right one, of the environment, is answered."""
    alone = Alone(lab, weir, tmp_path, f"{EXPORTER},community_file={secret(tmp_path, 'community', 'wrong')}")
    try:
        wait_until("a time-out", lambda: alone.metric('weir_snmp_polls_total{outcome="timeout"}'))
    finally:
        alone.stop()
    assert "the community or the password" in (tmp_path / "log").read_text()
    right = tmp_path / "right"
    right.mkdir()
    alone = Alone(lab, weir, right, f"{EXPORTER},community_env=AGENTS", environment={"AGENTS": COMMUNITY})
    try:
        wait_until("an answer", lambda: alone.metric('weir_snmp_polls_total{outcome="ok"}'))
    finally:
        alone.stop()


def test_a_new_secret_needs_no_restart(weir, lab, tmp_path):
    """SIGHUP reads the secret again; one that cannot be read leaves the old one in force."""
    path = secret(tmp_path, "community", "wrong")
    alone = Alone(lab, weir, tmp_path, f"{EXPORTER},community_file={path}", interval="1h")
    log = tmp_path / "log"
    try:
        wait_until("a time-out", lambda: alone.metric('weir_snmp_polls_total{outcome="timeout"}'))
        path.unlink()
        alone.process.send_signal(signal.SIGHUP)
        wait_until("the complaint", lambda: "who is asked stays as it was" in log.read_text())
        fresh = secret(tmp_path, "fresh", COMMUNITY)
        fresh.rename(path)
        alone.process.send_signal(signal.SIGHUP)
        wait_until("an answer, at once", lambda: alone.metric('weir_snmp_polls_total{outcome="ok"}'))
    finally:
        assert alone.stop() == 0


def test_nobody_else_is_asked(weir, lab, tmp_path):
    """A network that is named is no reason to ask: only exporters are."""
    alone = Alone(lab, weir, tmp_path, f"198.51.100.0/24,community_file={secret(tmp_path, 'community', COMMUNITY)}",
                  exporters="{names: ['192.0.2.9=elsewhere']}")
    try:
        path = tmp_path / "var/run/snmp.prom"
        seen = set()
        wait_until("some seconds of it", lambda: seen.add(path.stat().st_mtime_ns if path.exists() else 0) or len(seen) > 5)
        assert alone.metric("weir_snmp_exporters") == 0 and alone.metric("weir_snmp_requests_total") == 0
    finally:
        alone.stop()


def test_secrets_are_not_shown(weir, lab, tmp_path):
    """In no output, no log, no file of the data folder and no list of processes; one in the configuration is refused, unseen."""
    alone = Alone(lab, weir, tmp_path, v3(tmp_path))
    try:
        wait_until("an answer", lambda: alone.metric('weir_snmp_polls_total{outcome="ok"}'))
        shown = lab.collector.run(weir, "config", "show", "--config", tmp_path / "weir.yaml")
        lists = "".join(pathlib.Path(f"/proc/{alone.process.pid}/{name}").read_text() for name in ("cmdline", "comm"))
    finally:
        alone.stop()
    told = shown + lists + (tmp_path / "log").read_text()
    told += "".join(p.read_text(errors="replace") for p in (tmp_path / "var").rglob("*") if p.is_file())
    assert "auth_file" in shown and AUTH not in told and PRIV not in told
    (tmp_path / "bad.yaml").write_text(f"snmp: {{targets: ['192.0.2.1,community={COMMUNITY}']}}\n")
    for command in ("show", "check"):
        done = subprocess.run([weir, "config", command, "--config", tmp_path / "bad.yaml"], capture_output=True, text=True)
        assert done.returncode and COMMUNITY not in done.stdout + done.stderr and "a secret belongs into a file" in done.stderr
    # A file that everybody may read is no secret.
    target = v3(tmp_path)
    (tmp_path / "auth").chmod(0o644)
    alone = Alone(lab, weir, tmp_path, target)
    assert alone.process.wait(60) == 2 and "everybody may read this secret" in (tmp_path / "log").read_text()


def ber(tag, *parts):
    body = b"".join(parts)
    length = bytes([len(body)]) if len(body) < 128 else b"\x82" + len(body).to_bytes(2, "big")
    return bytes([tag]) + length + body


def oid(*numbers):
    out = bytes([43])
    for number in numbers:
        digits = [number & 127]
        while number := number >> 7:
            digits.insert(0, number & 127 | 128)
        out += bytes(digits)
    return ber(6, out)


class Hostile(threading.Thread):
    """An agent that answers each question for rows with rows of its own making: rows(how many questions it had) are indexes."""

    def __init__(self, rows):
        super().__init__(daemon=True)
        self.rows, self.asked = rows, 0
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.start()

    def run(self):
        while True:
            question, peer = self.socket.recvfrom(65535)
            if not question:
                return
            at = question.index(b"\xa5") if b"\xa5" in question else question.index(b"\xa0")
            number = question[at + 4:at + 4 + question[at + 3]]
            name = b"\x2b\x06\x01\x02\x01\x1f\x01\x01\x01\x01"
            if name in question:
                rows = [ber(0x30, oid(6, 1, 2, 1, 31, 1, 1, 1, 1, i), ber(4, b"x\x1b[31m\n\"y")) for i in self.rows(self.asked)]
                self.asked += 1
            else:
                rows = [ber(0x30, oid(6, 1, 2, 1, 99, 0), ber(4, b"z"))]
            pdu = ber(0xa2, ber(2, number), ber(2, b"\0"), ber(2, b"\0"), ber(0x30, *rows))
            self.socket.sendto(ber(0x30, ber(2, b"\1"), ber(4, b"public"), pdu), peer)


@pytest.mark.parametrize("rows,outcome", [
    (lambda asked: range(asked * 20 + 1, asked * 20 + 21), "ok"),  # without end
    (lambda asked: [5, 4], "nonsense"),
    (lambda asked: [1], "nonsense"),  # the same row each time
    (lambda asked: [2 ** 32 - 6 + asked] if asked < 5 else [], "ok"),
    (lambda asked: [], "empty"),
])
def test_agents_that_mean_harm(weir, tmp_path, rows, outcome):
    """There is an end to their interfaces and to what they are asked, and their texts are harmless."""
    agent = Hostile(rows)
    port = agent.socket.getsockname()[1]
    (tmp_path / "weir.yaml").write_text(
        f"data_dir: {tmp_path}/var\nexporters: {{names: ['127.0.0.1=x']}}\n"
        f"snmp: {{targets: ['127.0.0.1,port={port},community_file={secret(tmp_path, 'community', 'public')}'], interval: 1s, timeout: 1s, "
        "interfaces_max: 50}\n")
    with open(tmp_path / "log", "w") as log:
        process = subprocess.Popen([weir, "snmp", "--config", tmp_path / "weir.yaml"], stderr=log)
    try:
        metrics = tmp_path / "var/run/snmp.prom"
        wait_until(outcome, lambda: metrics.exists() and re.search(rf'polls_total\{{outcome="{outcome}"\}} [1-9]', metrics.read_text()))
        assert agent.asked < 60 and process.poll() is None
        if outcome == "ok":
            told = wait_until("the file", lambda: (tmp_path / "var/run/snmp.csv").exists() and (tmp_path / "var/run/snmp.csv").read_text())
            assert len(told.splitlines()) <= 52 and '"x [31m ""y"' in told
    finally:
        process.terminate()
        process.wait(20)
