"""IPFIX over TCP and TLS: sums exact against the generator's, real exporters of others, who is refused, and peers that are
slow, silent or talk nonsense while a good one goes on."""
import json
import re
import signal
import socket
import ssl
import struct
import subprocess

import pytest

import lab as network
import native
import traffic
from conftest import free_port, wait_until

FLOWS = 20000


def certificate(folder, name, subject, issuer=None, names=""):
    """NAME.pem and NAME.key; signed by itself where there is no issuer."""
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
               "-subj", f"/CN={subject}", "-keyout", folder / f"{name}.key", "-out", folder / f"{name}.pem"]
    if issuer:
        command += ["-CA", folder / f"{issuer}.pem", "-CAkey", folder / f"{issuer}.key",
                    "-addext", "basicConstraints=critical,CA:FALSE"]
    if names:
        command += ["-addext", f"subjectAltName={names}"]
    network.run(command)


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    """An authority, the collector, two exporters, and a stranger of an authority that the collector does not know."""
    folder = tmp_path_factory.mktemp("keys")
    certificate(folder, "ca", "authority")
    certificate(folder, "collector", "collector", "ca", "IP:127.0.0.1,DNS:collector.example")
    certificate(folder, "router", "router", "ca", "DNS:router.example")
    certificate(folder, "other", "other", "ca", "DNS:other.example")
    certificate(folder, "other-ca", "another authority")
    certificate(folder, "stranger", "stranger", "other-ca", "DNS:router.example")
    return folder


class Collector:
    """`weir collect` with TCP, TLS and UDP on ports of its own; what it received lies in the spool."""

    def __init__(self, weir, folder, keys, **options):
        self.weir, self.folder = weir, folder
        self.keys = keys
        self.udp, self.tcp, self.tls = free_port(socket.SOCK_DGRAM), free_port(), free_port()
        collect = {"listen": f"127.0.0.1:{self.udp}", "tcp_listen": f"127.0.0.1:{self.tcp}",
                   "tls_listen": f"127.0.0.1:{self.tls}", "workers": 1, "sync": "50ms", **options}
        peers = collect.pop("peers", [])
        self.config = folder / "weir.yaml"
        # YAML reads JSON.
        self.config.write_text(json.dumps({
            "data_dir": str(folder / "var"), "collect": collect,
            "tls": {"certificate": str(keys / "collector.pem"), "key": str(keys / "collector.key"),
                    "ca": str(keys / "ca.pem"), "peers": peers}}))
        self.start()

    def start(self):
        self.log = self.folder / "collect.log"
        before = self.log.read_text().count("over TLS") if self.log.exists() else 0
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([self.weir, "collect", "--config", self.config], stdout=log, stderr=log)
        wait_until("collect", lambda: self.log.read_text().count("over TLS") > before)

    def end(self, how=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(how)
        return self.process.wait(60)

    def metrics(self):
        path = self.folder / "var/run/collect.prom"
        lines = path.read_text().splitlines() if path.exists() else []
        return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines if line[:1] != "#")}

    def wait_for(self, name, value):
        wait_until(f"{name} {value}", lambda: self.metrics().get(name, 0) >= value)

    def spooled(self):
        """Flows and bytes in the spool: other tables have lanes of their own."""
        both = [native.sums(path) for path in sorted((self.folder / "var/spool").glob("[sw][0-9]/*.native.lz4"))]
        return [sum(flows for flows, _ in both), sum(total for _, total in both)]

    def command(self, transport, certificate="router", ca="ca", flows=FLOWS, **options):
        port = {"tcp": self.tcp, "tls": self.tls, "udp": self.udp}[transport]
        command = [self.weir, "generate", "--to", f"127.0.0.1:{port}", "--transport", transport, "--summary", "json",
                   "--flows", str(flows), "--rate", str(options.pop("rate", 0))]
        if transport == "tls":
            command += ["--tls-ca", self.keys / f"{ca}.pem"]
        if transport == "tls" and certificate:
            command += ["--tls-cert", self.keys / f"{certificate}.pem", "--tls-key", self.keys / f"{certificate}.key"]
        for name, value in options.items():
            command += [f"--{name}", str(value)]
        return command

    def generate(self, transport, **options):
        """What was sent, or what went wrong as a text."""
        done = subprocess.run(self.command(transport, **options), capture_output=True, text=True, timeout=60)
        return json.loads(done.stdout) if done.returncode == 0 else done.stderr


@pytest.fixture
def start(weir, tmp_path, keys):
    started = []

    def one(keys=keys, **options):
        started.append(Collector(weir, tmp_path, keys, **options))
        return started[-1]

    yield one
    for collector in started:
        collector.end(signal.SIGKILL)


def reason(kind, name):
    return f'weir_collect_sessions_{kind}_total{{reason="{name}"}}'


# --- sums ----------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("transport", ["tcp", "tls"])
def test_sums_are_exact_at_any_speed(transport, start):
    collector = start(peers=["router.example"])
    sent = collector.generate(transport, exporters=8)
    assert isinstance(sent, dict), sent
    # finish has waited until all was read, so the end of the collector loses nothing.
    assert collector.end() == 0
    assert collector.spooled() == [sent["flows"], sent["bytes"]] and sent["flows"] == FLOWS
    metrics = collector.metrics()
    assert metrics["weir_collect_sessions_total"] == 8
    assert metrics["weir_collect_session_bytes_total"] == sent["datagram_bytes"]
    assert metrics["weir_collect_lost_total"] == 0
    assert not [name for name, value in metrics.items() if value and ("faults" in name or "closed" in name or "refused" in name)]


def test_templates_of_a_session_are_not_anothers(start):
    """Two sessions of one address and domain, with other templates of the same number."""
    collector = start()

    def message(*sets):
        body = b"".join(struct.pack(">HH", number, 4 + len(data)) + data for number, data in sets)
        return struct.pack(">HHIII", 10, 16 + len(body), 1764000000, 0, 7) + body

    def template(octets):
        return 2, struct.pack(">HHHHHH", 256, 2, 8, 4, 1, octets)

    with socket.create_connection(("127.0.0.1", collector.tcp)) as a, \
            socket.create_connection(("127.0.0.1", collector.tcp)) as b:
        a.sendall(message(template(4)))
        b.sendall(message(template(8)))
        a.sendall(message((256, struct.pack(">4sI", bytes(4), 1000))))
        b.sendall(message((256, struct.pack(">4sQ", bytes(4), 300))))
        collector.wait_for("weir_collect_flows_total", 2)
    with socket.create_connection(("127.0.0.1", collector.tcp)) as c:
        c.sendall(message((256, struct.pack(">4sI", bytes(4), 5))))
    # A session that is over has no templates that could come.
    collector.wait_for('weir_collect_faults_total{fault="template_missing"}', 1)
    assert collector.end() == 0
    assert collector.spooled() == [2, 1300]


def test_softflowd_over_tcp(start, tmp_path):
    collector = start()
    frames = traffic.conversations(2, 200, True)
    pcap = traffic.write_pcap(tmp_path / "traffic.pcap", frames)
    network.run(["softflowd", "-r", pcap, "-v", "10", "-P", "tcp", "-n", f"127.0.0.1:{collector.tcp}",
                 "-p", tmp_path / "pid", "-c", "none"])
    collector.wait_for("weir_collect_sessions_total", 1)
    wait_until("softflowd's session to end", lambda: collector.metrics()["weir_collect_sessions"] == 0)
    assert collector.end() == 0
    metrics = collector.metrics()
    assert metrics["weir_collect_lost_total"] == 0
    assert not [name for name, value in metrics.items() if value and ("faults" in name or "closed" in name)], metrics
    assert collector.spooled() == [metrics["weir_collect_flows_total"], sum(len(frame) - 2 for frame in frames)]


def ipfix_bytes(weir, folder, flows):
    """The messages of one exporter, and the sums."""
    pcap = folder / "made.pcap"
    done = subprocess.run([weir, "generate", "--write", pcap, "--version", "10", "--exporters", "1", "--ipv6", "0",
                           "--flows", str(flows), "--summary", "json"], capture_output=True, text=True, check=True)
    return b"".join(payload for _, payload in network.udp_payloads(pcap)), json.loads(done.stdout)


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_openssl_as_a_peer(version, start, weir, tmp_path, keys):
    collector = start(peers=["router.example"])
    data, sent = ipfix_bytes(weir, tmp_path, 3000)
    with subprocess.Popen(["openssl", "s_client", "-quiet", "-no_ign_eof", version, "-connect", f"127.0.0.1:{collector.tls}",
                           "-CAfile", keys / "ca.pem", "-verify_return_error", "-cert", keys / "router.pem",
                           "-key", keys / "router.key"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT) as peer:
        said, _ = peer.communicate(data, timeout=60)
    assert peer.returncode == 0, said
    collector.wait_for("weir_collect_flows_total", sent["flows"])
    assert collector.end() == 0
    assert collector.spooled() == [sent["flows"], sent["bytes"]]


# --- who may send --------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("certificate, metric, why", [
    ("stranger", reason("refused", "handshake"), "TLS was refused: certificate: unable to get local issuer certificate"),
    (None, reason("refused", "handshake"), "TLS was refused: peer did not return a certificate"),
    ("other", reason("refused", "peer"), "no name in the certificate of \"/CN=other\" is one of tls.peers"),
])
def test_exporters_that_are_refused(certificate, metric, why, start):
    collector = start(peers=["router.example", "192.0.2.1"])
    sent = collector.generate("tls", certificate=certificate, exporters=1)
    assert isinstance(sent, str) and f"weir: 127.0.0.1:{collector.tls}: " in sent, sent
    collector.wait_for(metric, 1)
    wait_until("a line of the log", lambda: why in collector.log.read_text())
    assert isinstance(collector.generate("tls", exporters=1), dict), "a good one must still be let in"
    assert collector.end() == 0
    assert collector.spooled()[0] == FLOWS


def test_a_collector_with_a_wrong_certificate_gets_nothing(start):
    collector = start()
    for options, why in (({"ca": "other-ca"}, "certificate"), ({"tls-name": "wrong.example"}, "hostname mismatch")):
        sent = collector.generate("tls", exporters=1, **options)
        assert isinstance(sent, str) and why in sent, sent
    assert collector.end() == 0
    assert collector.spooled() == [0, 0]


@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
def test_addresses_that_may_not_talk(transport, start):
    """The generator's exporters are 127.1.0.1, 127.1.0.2 and so on."""
    collector = start(allow=["127.1.0.2", "127.1.0.4/30"])
    refused = "weir_collect_refused_datagrams_total" if transport == "udp" else reason("refused", "address")
    if transport == "udp":
        sent = collector.generate("udp", flows=2000, rate=20000, exporters=4)
        allowed = sum(sent["by_exporter"][name]["flows"] for name in ("127.1.0.2", "127.1.0.4"))
        collector.wait_for("weir_collect_flows_total", allowed)
    else:
        assert isinstance(collector.generate(transport, source="127.1.0.3", exporters=1), str)
        sent = collector.generate(transport, source="127.1.0.4", exporters=3)
        allowed = sent["flows"]
    collector.wait_for(refused, 1)
    assert collector.end() == 0
    assert collector.spooled()[0] == allowed


def test_new_certificates_without_a_restart(start, tmp_path, keys):
    """A session goes on with the certificates that it began with; new ones get the new."""
    mine = tmp_path / "mine"
    mine.mkdir()
    for path in keys.iterdir():
        (mine / path.name).write_bytes(path.read_bytes())
    collector = start(keys=mine)
    assert isinstance(collector.generate("tls", exporters=1), dict)
    certificate(mine, "new", "collector", "ca", "IP:127.0.0.1,DNS:second.example")
    for kind in ("key", "pem"):
        (mine / f"new.{kind}").rename(mine / f"collector.{kind}")  # as ACME clients do
    wait_until("the new certificate", lambda: "read just now" in collector.log.read_text())
    assert isinstance(collector.generate("tls", exporters=1, **{"tls-name": "second.example"}), dict)
    assert "hostname mismatch" in collector.generate("tls", exporters=1, **{"tls-name": "collector.example"})
    (mine / "collector.key").write_text("no key")
    wait_until("what is wrong", lambda: "the old certificates stay in force" in collector.log.read_text())
    assert isinstance(collector.generate("tls", exporters=1), dict)
    assert collector.end() == 0
    assert collector.spooled()[0] == 3 * FLOWS


# --- hostility -----------------------------------------------------------------------------------------------------------

def test_slow_and_silent_peers_are_bounded(start):
    """Peers hold sessions open from many addresses, half a handshake or half a header each; a good one goes on."""
    collector = start(sessions_max=16, sessions_per_address=4, session_timeout="2s", peers=["router.example"])
    peers = []
    hello = ssl_client_hello()
    for i in range(120):
        peer = socket.socket()
        peer.bind((f"127.2.0.{i % 40 + 1}", 0))
        peer.connect(("127.0.0.1", collector.tls if i % 2 else collector.tcp))
        try:
            peer.sendall(hello[:40] if i % 2 else b"\0\x0a\x05")
        except OSError:
            pass  # hung up on already
        peers.append(peer)
        if i % 30 == 29:
            sent = collector.generate("tls" if i > 60 else "tcp", flows=1000, exporters=1)
            assert isinstance(sent, dict), sent
    # Whom a newer one has not pushed out is ended by the time: one within a message, one within the handshake.
    for port, said in ((collector.tcp, b"\0\x0a\x05"), (collector.tls, hello[:40])):
        peers.append(socket.create_connection(("127.0.0.1", port)))
        peers[-1].sendall(said)
    collector.wait_for("weir_collect_sessions_total", 126)
    assert collector.metrics()["weir_collect_sessions"] <= 16
    # In the end none of them is left, though none has hung up.
    wait_until("the slow ones to be gone", lambda: collector.metrics()["weir_collect_sessions"] == 0)
    metrics = collector.metrics()
    assert metrics[reason("closed", "half_open")] > 0 and metrics[reason("closed", "slow")] > 0
    for peer in peers:
        peer.close()
    assert collector.end() == 0
    assert collector.spooled()[0] == 4000


def ssl_client_hello():
    """The first bytes of a handshake."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.create_default_context()
    try:
        context.wrap_bio(incoming, outgoing, server_hostname="collector.example").do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()


def test_nonsense_ends_its_session_alone(start, weir, tmp_path):
    collector = start()
    data, sent = ipfix_bytes(weir, tmp_path, 500)
    with socket.create_connection(("127.0.0.1", collector.tcp)) as good:
        good.sendall(data[:100])
        for nonsense in (b"GET / HTTP/1.1\r\n\r\n", struct.pack(">HHIIIHH", 10, 20, 0, 0, 1, 256, 99), b"\0\x09\0\x14" + bytes(20)):
            with socket.create_connection(("127.0.0.1", collector.tcp)) as bad:
                bad.sendall(nonsense)
                assert bad.recv(1) == b"", "the collector did not hang up"
        good.sendall(data[100:])
        collector.wait_for("weir_collect_flows_total", sent["flows"])
    collector.wait_for(reason("closed", "malformed"), 3)
    metrics = collector.metrics()
    assert metrics['weir_collect_faults_total{fault="session_framing"}'] == 2
    assert metrics['weir_collect_faults_total{fault="set_overrun"}'] == 1
    assert collector.end() == 0
    assert collector.spooled() == [sent["flows"], sent["bytes"]]


def test_kill_and_reconnect(start):
    """After kill -9 the exporter knows that its session is gone, and a new one begins where it should."""
    collector = start()
    sending = subprocess.Popen(collector.command("tcp", flows=10000000, rate=20000), stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True)
    wait_until("segments", lambda: collector.spooled()[0] > 1000)
    collector.end(signal.SIGKILL)
    _, said = sending.communicate(timeout=60)
    assert sending.returncode == 1 and re.search(r"the session ended|cannot send", said), said
    kept = collector.spooled()
    collector.start()
    sent = collector.generate("tcp", exporters=2)
    assert isinstance(sent, dict), sent
    assert collector.end() == 0
    assert collector.spooled() == [kept[0] + sent["flows"], kept[1] + sent["bytes"]]


def test_flows_of_sessions_reach_the_store(weir, tmp_path, embedded_store):
    tcp, store = free_port(), free_port()
    (tmp_path / "weir.yaml").write_text(json.dumps({
        "data_dir": str(tmp_path / "var"), "store": {"listen": f"127.0.0.1:{store}"}, "web": {"listen": []},
        "collect": {"listen": f"127.0.0.1:{free_port(socket.SOCK_DGRAM)}", "tcp_listen": f"127.0.0.1:{tcp}", "sync": "100ms"}}))
    log = tmp_path / "log"
    with open(log, "wb") as out:
        run = subprocess.Popen([weir, "run", "--config", "weir.yaml"], cwd=tmp_path, stdout=out, stderr=out)
    try:
        wait_until("weir run to be up", lambda: "Ctrl-C stops it" in log.read_text())
        assert f"TCP 127.0.0.1:{tcp}" in log.read_text()
        done = subprocess.run([weir, "generate", "--to", f"127.0.0.1:{tcp}", "--transport", "tcp", "--flows", "5000",
                               "--rate", "0", "--summary", "json"], capture_output=True, text=True, timeout=60)
        sent = json.loads(done.stdout)

        def stored():
            asked = subprocess.run([weir, "sql", "--config", "weir.yaml", "-f", "JSONCompact",
                                    "SELECT count(), sum(packets), sum(bytes), uniqExact(exporter_addr) FROM flows"],
                                   cwd=tmp_path, capture_output=True, text=True)
            return json.loads(asked.stdout)["data"][0] if asked.returncode == 0 else [0]

        wait_until("the flows", lambda: int(stored()[0]) >= 5000)
        assert [int(number) for number in stored()] == [sent["flows"], sent["packets"], sent["bytes"], 4]

        def status():
            return subprocess.run([weir, "status", "--config", "weir.yaml"], cwd=tmp_path, capture_output=True, text=True).stdout

        wait_until("the session's end in weir status", lambda: re.search(r"\n  flows +5", status()) and "TLS sessions" not in status())
        assert status().startswith("all is well\n\n"), status()  # and does not say that nothing has arrived yet
        with socket.create_connection(("127.0.0.1", tcp)):
            wait_until("the session in weir status", lambda: re.search(r"TCP and TLS sessions +1\b", status()))
    finally:
        run.send_signal(signal.SIGINT)
        run.wait(60)


# --- mistakes ------------------------------------------------------------------------------------------------------------

def test_files_that_cannot_be_used(weir, tmp_path, keys):
    for missing, expected in (("certificate", "tls.certificate cannot be read: No such file"),
                              ("key", "tls.key cannot be read: No such file"), ("ca", "tls.ca cannot be read: No such file")):
        files = {"certificate": keys / "collector.pem", "key": keys / "collector.key", "ca": keys / "ca.pem", missing: "/none"}
        (tmp_path / "weir.yaml").write_text(json.dumps({
            "data_dir": str(tmp_path / "var"),
            "collect": {"listen": f"127.0.0.1:{free_port(socket.SOCK_DGRAM)}", "tls_listen": f"127.0.0.1:{free_port()}"},
            "tls": {name: str(path) for name, path in files.items()}}))
        done = subprocess.run([weir, "collect", "--config", tmp_path / "weir.yaml"], capture_output=True, text=True, timeout=60)
        assert done.returncode == 2 and done.stderr.count("\n") == 1 and f"weir: /none: {expected}" in done.stderr, done.stderr


def test_a_busy_port(start, weir, tmp_path):
    collector = start()
    other = tmp_path / "other.yaml"
    other.write_text(json.dumps({"data_dir": str(tmp_path / "other"),
                                 "collect": {"listen": f"127.0.0.1:{free_port(socket.SOCK_DGRAM)}",
                                             "tcp_listen": f"127.0.0.1:{collector.tcp}"}}))
    done = subprocess.run([weir, "collect", "--config", other], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and "collect.tcp_listen" in done.stderr and done.stderr.count("\n") == 1, done.stderr


# --- the probe as an exporter --------------------------------------------------------------------------------------------

@pytest.mark.parametrize("transport, workers", [("tcp", 1), ("tls", 1)])
def test_the_probes_flows_come_over_a_session(transport, workers, start, weir, keys, tmp_path):
    collector = start(peers=["router.example"])
    path = traffic.write_pcap(tmp_path / "traffic.pcap", traffic.conversations(7, 400, True))
    command = [weir, "probe", "-r", path]
    port = {"tcp": collector.tcp, "tls": collector.tls}[transport]
    tls = ["--tls-ca", keys / "ca.pem", "--tls-cert", keys / "router.pem", "--tls-key", keys / "router.key"]
    done = subprocess.run([*command, "--to", f"{transport}:127.0.0.1:{port}", *(tls if transport == "tls" else [])],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and "lost" not in done.stderr, done.stderr
    assert collector.end() == 0
    printed = subprocess.run([*command, "--print", "--format", "ndjson"], capture_output=True, text=True, timeout=60)
    flows = [json.loads(line) for line in printed.stdout.splitlines()]
    assert collector.spooled() == [len(flows), sum(flow["bytes"] for flow in flows)]


@pytest.mark.parametrize("arguments, word", [
    (["--to", "tcp:127.0.0.1:1"], "cannot connect"),
    (["--to", "tcp:127.0.0.1:1", "--version", "9"], "only IPFIX goes over TCP and TLS"),
    (["--to", "tls:127.0.0.1:1"], "--tls-ca"),
])
def test_the_probe_says_why_there_is_no_session(arguments, word, weir, tmp_path):
    path = traffic.write_pcap(tmp_path / "traffic.pcap", traffic.conversations(7, 4, True))
    done = subprocess.run([weir, "probe", "-r", path, *arguments], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and word in done.stderr and done.stderr.count("\n") == 1, done.stderr
