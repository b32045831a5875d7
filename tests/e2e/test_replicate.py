"""`weir replicate` in network namespaces: exporters on one host, the replicator on another, collectors on a third. Most
collectors are sockets of this test, which see each datagram as it comes; nfcapd counts what a real one makes of it."""
import collections
import contextlib
import ctypes
import itertools
import json
import os
import pathlib
import random
import select
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time

import pytest

from conftest import free_port, wait_until
from lab import Host, needs_root, wait_for_reader, wait_until_read

PORT = 2055
EXPORTERS = [f"198.51.100.{10 + i}" for i in range(30)]
EXPORTERS6 = [f"2001:db8:51::{10 + i}" for i in range(3)]
REPLICATOR, REPLICATOR6 = "198.51.100.2", "2001:db8:51::2"
COLLECTORS = [f"203.0.113.{10 + i}" for i in range(4)]
COLLECTOR6 = "2001:db8:113::10"
QUIET = {"health_interval": "200ms", "return_after": "600ms"}

SO_RCVBUFFORCE = 33
libc = ctypes.CDLL(None, use_errno=True)


@contextlib.contextmanager
def inside(host):
    """Sockets that are made here are in the host's network, and stay there."""
    def enter(path):
        fd = os.open(path, os.O_RDONLY)
        try:
            assert libc.setns(fd, 0x40000000) == 0, os.strerror(ctypes.get_errno())
        finally:
            os.close(fd)

    home = f"/proc/{os.getpid()}/task/{threading.get_native_id()}/ns/net"
    back = os.open(home, os.O_RDONLY)
    try:
        enter(f"/run/netns/{host.name}")
        yield
    finally:
        libc.setns(back, 0x40000000)
        os.close(back)


class Net:
    def __init__(self):
        needs_root()
        tag = f"weir{os.getpid()}"
        self.hosts = []
        try:
            self.exporter, self.middle, self.collector = (self._host(tag + letter) for letter in "xyz")
            self._link(self.exporter, EXPORTERS + EXPORTERS6, self.middle, [REPLICATOR, REPLICATOR6])
            self._link(self.collector, COLLECTORS + [COLLECTOR6], self.middle, ["203.0.113.2", "2001:db8:113::2"])
            for host in self.hosts:
                for name in ("all", "default"):
                    host.run("sysctl", "-qw", f"net.ipv4.conf.{name}.rp_filter=0")
                # A refusal each time, not one a second.
                host.run("sysctl", "-qw", "net.ipv4.icmp_ratelimit=0")
            self.collector.run("ip", "route", "add", "198.51.100.0/24", "via", "203.0.113.2")
            self.collector.run("ip", "route", "add", "2001:db8:51::/64", "via", "2001:db8:113::2")
            self._meet(self.exporter, [REPLICATOR, REPLICATOR6])
            self._meet(self.middle, COLLECTORS + [COLLECTOR6])
        except BaseException:
            self.remove()
            raise

    @staticmethod
    def _meet(host, addresses):
        """The neighbours are known from here on; of the first datagrams to one that is not, the kernel keeps only some."""
        for address in addresses:
            with inside(host):
                s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
            with s:
                s.sendto(b"", (address, 9))
            wait_until(f"the neighbour {address}", lambda: host.run("ip", "-o", "neighbour", "show", address).count("lladdr"))

    def _host(self, name):
        self.hosts.append(Host(name))
        return self.hosts[-1]

    @staticmethod
    def _link(outer, addresses, inner, ends):
        name = outer.name[-1] + "0"
        outer.run("ip", "link", "add", "e0", "type", "veth", "peer", "name", name, "netns", inner.name)
        for host, device, there in ((outer, "e0", addresses), (inner, name, ends)):
            for address in there:
                host.run("ip", "address", "add", address + ("/64" if ":" in address else "/24"), "dev", device,
                         *(["nodad"] if ":" in address else []))
            host.run("ip", "link", "set", device, "up")

    def remove(self):
        for host in self.hosts:
            host.remove()


@pytest.fixture(scope="module")
def net():
    net = Net()
    yield net
    net.remove()


class Collector:
    """A socket on the collectors' host that keeps what comes: (source address, source port, payload)."""

    def __init__(self, net, address, port=PORT):
        self.net, self.address, self.port = net, address, port
        self.got = []
        self.open()

    def open(self):
        with inside(self.net.collector):
            self.socket = socket.socket(socket.AF_INET6 if ":" in self.address else socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 16 << 20)
        self.socket.bind((self.address, self.port))
        self.socket.setblocking(False)

    def close(self):
        self.read()
        self.socket.close()

    def read(self):
        """All datagrams, without the empty messages that look whether somebody is there."""
        with contextlib.suppress(BlockingIOError):
            while True:
                payload, source = self.socket.recvfrom(65536)
                if len(payload) != 16 or payload[:4] != b"\0\x0a\0\x10":
                    self.got.append((source[0], source[1], payload))
        return self.got

    def wait(self, count):
        end = time.monotonic() + 60
        while len(self.read()) < count and time.monotonic() < end:
            time.sleep(0.02)
        assert len(self.got) >= count, f"datagrams at {self.address}"
        return self.got


@pytest.fixture
def collector(net):
    """Makes collectors, and closes them."""
    made = []

    def make(address):
        made.append(Collector(net, address))
        return made[-1]

    yield make
    for one in made:
        one.socket.close()


class Replicator:
    def __init__(self, net, weir, folder):
        self.net, self.weir, self.folder = net, weir, folder
        self.process = None
        self.user = None  # as the configuration has it

    def configure(self, to, **options):
        lines = [f'listen: ["*:{PORT}"]', "to:"] + [f"  - \"{text}\"" for text in to]
        lines += [f"{name}: {value}" for name, value in options.items()]
        user = f"collect:\n  user: \"{self.user}\"\n" if self.user is not None else ""
        (self.folder / "weir.yaml").write_text("replicate:\n" + "".join(f"  {line}\n" for line in lines) + user)

    def start(self, to, **options):
        self.configure(to, **options)
        self.process = self.net.middle.start(self.weir, "replicate", "--config", self.folder / "weir.yaml", "--data",
                                             self.folder / "data", log=self.folder / "log")
        wait_until("the replicator", lambda: self.metrics() or self.process.poll() is not None)
        assert self.process.poll() is None, self.log()

    def log(self):
        return (self.folder / "log").read_text()

    def metrics(self):
        path = self.folder / "data/run/replicate.prom"
        if not path.exists():
            return {}
        return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1])
                for line in path.read_text().splitlines() if not line.startswith("#")}

    def of(self, name, output):
        return self.metrics()[f'weir_replicate_output_{name}{{output="{output}"}}']

    def reload(self):
        before = self.log().count("read anew")
        self.process.send_signal(signal.SIGHUP)
        wait_until("the reload", lambda: self.log().count("read anew") > before)

    def stop(self):
        if self.process:
            assert Host.stop(self.process) == 0, self.log()
            self.process = None


@pytest.fixture
def replicator(net, weir):
    with tempfile.TemporaryDirectory() as folder:  # pytest's are for root only
        os.chmod(folder, 0o755)
        replicator = Replicator(net, weir, pathlib.Path(folder))
        yield replicator
        replicator.stop()


class Exporters:
    """A socket for each source address."""

    def __init__(self, net, addresses):
        self.socket = {}
        with inside(net.exporter):
            for address in addresses:
                six = ":" in address
                self.socket[address] = socket.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_DGRAM)
                self.socket[address].bind((address, 0))
        self.sequence = collections.Counter()

    def ports(self):
        return {address: s.getsockname()[1] for address, s in self.socket.items()}

    def send(self, address, payload):
        self.socket[address].sendto(payload, (REPLICATOR6 if ":" in address else REPLICATOR, PORT))

    def netflow9(self, address, *sets):
        """A message with the exporter's next sequence number."""
        self.send(address, netflow9(self.sequence[address], *sets))
        self.sequence[address] += 1


def flow_set(number, body):
    return struct.pack(">HH", number, 4 + len(body)) + body


def netflow9(sequence, *sets):
    return struct.pack(">HHIIII", 9, len(sets), 5000, 1700000000, sequence, 3) + b"".join(sets)


TEMPLATE = flow_set(0, struct.pack(">HH8H", 256, 4, 8, 4, 12, 4, 1, 4, 2, 4))


def data_set(address, value):
    return flow_set(256, socket.inet_aton(address) + socket.inet_aton("192.0.2.1") + struct.pack(">II", value, 1))


def decoded(weir, folder, payloads):
    """The flows that `weir decode` finds in these datagrams, read one after the other; faults fail."""
    files = []
    for i, payload in enumerate(payloads):
        files.append(folder / f"{i}.bin")
        files[-1].write_bytes(payload)
    done = subprocess.run([weir, "decode", "--format", "ndjson", *files], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def sequence_of(payload):
    return struct.unpack_from(">I", payload, 12)[0]


# --- copies ----------------------------------------------------------------------------------------------------------

def test_copies_are_exact_and_in_order(net, collector, replicator):
    rewritten, kept, kept6 = (collector(a) for a in (COLLECTORS[0], COLLECTORS[1], COLLECTOR6))
    replicator.start([f"{COLLECTORS[0]}:{PORT}", f"{COLLECTORS[1]}:{PORT},keep-source",
                      f"[{COLLECTOR6}]:{PORT},keep-source"])
    exporters = Exporters(net, EXPORTERS[:6] + EXPORTERS6)
    rng = random.Random(5)
    sent = collections.defaultdict(list)
    for _ in range(600):
        address = rng.choice(list(exporters.socket))
        payload = rng.randbytes(rng.choice((0, 1, 48, 48, 48, 500, 1399, 1400)))
        sent[address].append(payload)
        exporters.send(address, payload)
    four = sum(len(sent[a]) for a in EXPORTERS[:6])
    ports = exporters.ports()

    by_source = collections.defaultdict(list)
    for source, port, payload in kept.wait(four):
        assert port == ports[source]
        by_source[source].append(payload)
    assert by_source == {a: sent[a] for a in EXPORTERS[:6]}

    by_source = collections.defaultdict(list)
    for source, port, payload in kept6.wait(600 - four):
        assert port == ports[source]
        by_source[source].append(payload)
    assert by_source == {a: sent[a] for a in EXPORTERS6}

    all_sent = collections.Counter(itertools.chain.from_iterable(sent.values()))
    assert collections.Counter(payload for _, _, payload in rewritten.wait(600)) == all_sent
    # Each exporter's datagrams are in order among the others'; the long ones can be told apart.
    for address, payloads in sent.items():
        long = [p for p in payloads if len(p) > 40]
        known = set(long)
        assert [p for _, _, p in rewritten.got if p in known] == long, address
    wait_until("the figures", lambda: replicator.of("datagrams_total", f"{COLLECTORS[0]}:{PORT}") == 600)
    assert replicator.of("exporters", f"{COLLECTORS[0]}:{PORT}") >= 9
    family = f'weir_replicate_output_errors_total{{output="[{COLLECTOR6}]:{PORT}",reason="family"}}'
    assert replicator.metrics()[family] == four


def test_exporters_that_send_much_keep_source_and_order(net, collector, replicator):
    """They get sockets of their own, which send several copies at once: nothing may be seen of that."""
    plain, kept, kept6 = (collector(a) for a in (COLLECTORS[0], COLLECTORS[1], COLLECTOR6))
    replicator.user = "nobody"  # the sockets were made before
    replicator.start([f"{COLLECTORS[0]}:{PORT}", f"{COLLECTORS[1]}:{PORT},keep-source",
                      f"[{COLLECTOR6}]:{PORT},keep-source"])
    addresses = EXPORTERS[:4] + EXPORTERS6[:2]
    exporters = Exporters(net, addresses)
    rng = random.Random(7)
    sent = collections.defaultdict(list)
    stock = wait_until("the stock", lambda: replicator.metrics()["weir_replicate_senders_left"])

    def burst():
        for address in addresses:
            for length in rng.choices((1400, 1400, 1400, 900, 60, 0), k=rng.choice((1, 8, 20))):
                payload = b"" if not length else struct.pack(">I", len(sent[address])) + rng.randbytes(length - 4)
                sent[address].append(payload)
                exporters.send(address, payload)

    wait_until("each to have a socket of its own", lambda: burst() or time.sleep(0.01) or
               replicator.metrics()["weir_replicate_senders_left"] == stock - len(addresses))
    for _ in range(20):
        burst()
    ports = exporters.ports()
    for one, of in ((kept, EXPORTERS[:4]), (kept6, EXPORTERS6[:2])):
        by_source = collections.defaultdict(list)
        for source, port, payload in one.wait(sum(len(sent[a]) for a in of)):
            assert port == ports[source]
            by_source[source].append(payload)
        for address in of:
            assert by_source[address] == sent[address], address
    assert len(plain.wait(sum(len(s) for s in sent.values()))) == sum(len(s) for s in sent.values())
    assert not [line for line in replicator.metrics().items()
                if "errors_total" in line[0] and line[1] and "family" not in line[0]]


def test_filters(net, collector, replicator):
    first, second, third = (collector(a) for a in COLLECTORS[:3])
    replicator.start([f"{COLLECTORS[0]}:{PORT},name=one,from={EXPORTERS[1]}",
                      f"{COLLECTORS[1]}:{PORT},name=nine,protocol=netflow9",
                      f"{COLLECTORS[2]}:{PORT},name=rest,except={EXPORTERS[1]},except=2001:db8::/32"])
    exporters = Exporters(net, EXPORTERS[:3] + EXPORTERS6[:1])
    netflow5 = struct.pack(">HHIIIIBBH", 5, 0, 1, 2, 3, 4, 5, 6, 7)
    for address in exporters.socket:
        exporters.netflow9(address, TEMPLATE)
        exporters.send(address, netflow5)
    exporters.send(EXPORTERS[0], b"nothing known")
    assert [p for _, _, p in first.wait(2)] == [netflow9(0, TEMPLATE), netflow5]
    assert collections.Counter(p for _, _, p in second.wait(4)) == {netflow9(0, TEMPLATE): 4}
    assert collections.Counter(p for _, _, p in third.wait(5)) == \
        {netflow9(0, TEMPLATE): 2, netflow5: 2, b"nothing known": 1}
    wait_until("the figures", lambda: replicator.of("filtered_total", "one") == 7)
    assert replicator.of("filtered_total", "nine") == 5
    assert replicator.of("filtered_total", "rest") == 4


# --- sharing and failing -----------------------------------------------------------------------------------------------

@pytest.mark.parametrize("kept", [True, False])
def test_a_dead_collectors_exporters_move_and_return(net, collector, replicator, weir, tmp_path, kept):
    collectors = [collector(a) for a in COLLECTORS[:3]]
    replicator.start([f"{a}:{PORT}" for a in COLLECTORS[:3]], keep_source="true" if kept else "false", balance="true",
                     **QUIET)
    exporters = Exporters(net, EXPORTERS)
    for address in EXPORTERS:
        exporters.netflow9(address, TEMPLATE)

    def owners(since):
        """exporter: (collector, payloads) of what came since the marks; by the address in the data."""
        found = collections.defaultdict(list)
        for one, mark in zip(collectors, since):
            for _, _, payload in one.read()[mark:]:
                if struct.unpack_from(">H", payload, 20)[0] == 256:
                    found[socket.inet_ntoa(payload[24:28])].append(one.address)
        return found

    def marks():
        return [len(c.read()) for c in collectors]

    def round_of(value):
        before = marks()
        for address in EXPORTERS:
            exporters.netflow9(address, data_set(address, value))
        time.sleep(0.02)
        return before

    before = round_of(1)
    wait_until("all exporters' data", lambda: len(owners(before)) == len(EXPORTERS))
    first = {exporter: where[0] for exporter, where in owners(before).items()}
    assert set(first.values()) == set(COLLECTORS[:3])
    dead = collectors.pop(1)
    dead.close()
    # Some datagrams are lost until it is known to refuse; then all go elsewhere.
    wait_until("the dead collector to be known",
               lambda: round_of(2) and replicator.metrics().get(
                   f'weir_replicate_output_up{{output="{dead.address}:{PORT}"}}') == 0)
    before = round_of(3)
    wait_until("all exporters' data at the survivors", lambda: len(owners(before)) == len(EXPORTERS))
    second = {exporter: where[0] for exporter, where in owners(before).items()}
    for exporter in EXPORTERS:
        if first[exporter] != dead.address:
            assert second[exporter] == first[exporter], "a living collector's exporter moved"
    # The survivors were told the template before the first record: all can be read, in the order in which it came.
    for one in collectors:
        streams = collections.defaultdict(list)
        for source, port, payload in one.read():
            streams[source if kept else "all"].append(payload)
        for source, payloads in streams.items():
            folder = tmp_path / f"{one.address}-{source}"
            folder.mkdir()
            flows = decoded(weir, folder, payloads)
            assert len(flows) == sum(struct.unpack_from(">H", p, 20)[0] == 256 for p in payloads)
            if kept:
                numbers = [sequence_of(p) for p in payloads]
                moved = first[source] == dead.address
                assert numbers == sorted(numbers)
                # A moved exporter: the told template has the number before its first record's.
                assert (payloads[0][20:] == TEMPLATE) and (not moved or numbers[1] == numbers[0] + 1)
    assert replicator.of("told_total", f"{collectors[0].address}:{PORT}") >= 1

    dead.got = []
    dead.open()
    wait_until("its return", lambda: replicator.metrics().get(
        f'weir_replicate_output_up{{output="{dead.address}:{PORT}"}}') == 1)
    collectors.append(dead)
    before = round_of(4)
    wait_until("all exporters' data, as at first",
               lambda: {e: w[0] for e, w in owners(before).items()} == first)
    returned = [p for _, _, p in dead.read()]
    assert returned[0][20:] == TEMPLATE
    (tmp_path / "back").mkdir()
    assert len(decoded(weir, tmp_path / "back", returned)) == \
        sum(struct.unpack_from(">H", p, 20)[0] == 256 for p in returned)


def test_a_health_url(net, collector, replicator):
    """A collector whose UDP port takes all, but whose page says that it is ill."""
    collectors = [collector(a) for a in COLLECTORS[:2]]
    with inside(net.collector):
        page = socket.create_server((COLLECTORS[0], 8080))
    status = ["200 OK"]

    def serve():
        with contextlib.suppress(OSError):
            while True:
                peer, _ = page.accept()
                with peer:
                    peer.recv(4096)
                    peer.sendall(f"HTTP/1.1 {status[0]}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())

    threading.Thread(target=serve, daemon=True).start()
    try:
        replicator.start([f"{COLLECTORS[0]}:{PORT},name=a,health=http://{COLLECTORS[0]}:8080/ping",
                          f"{COLLECTORS[1]}:{PORT},name=b"], balance="true", **QUIET)
        exporters = Exporters(net, EXPORTERS)
        for address in EXPORTERS:
            exporters.netflow9(address, TEMPLATE)
        wait_until("all datagrams", lambda: sum(len(c.read()) for c in collectors) == len(EXPORTERS))
        assert all(c.got for c in collectors)
        status[0] = "503 Service Unavailable"
        wait_until("it to be down", lambda: replicator.of("up", "a") == 0)
        mark = len(collectors[0].read())
        for address in EXPORTERS:
            exporters.netflow9(address, data_set(address, 1))
        wait_until("all records", lambda: sum(p[20:22] == b"\x01\x00" for _, _, p in collectors[1].read()) ==
                   len(EXPORTERS))
        assert len(collectors[0].read()) == mark
        status[0] = "200 OK"
        wait_until("it to be up", lambda: replicator.of("up", "a") == 1)
    finally:
        page.shutdown(socket.SHUT_RDWR)
        page.close()


# --- reload ------------------------------------------------------------------------------------------------------------

def test_reload_loses_nothing(net, collector, replicator):
    steady, other = collector(COLLECTORS[0]), collector(COLLECTORS[1])
    replicator.start([f"{COLLECTORS[0]}:{PORT}"], **QUIET)
    exporters = Exporters(net, EXPORTERS[:4])
    count = 0
    stop = threading.Event()

    def send():
        nonlocal count
        while not stop.is_set():
            address = EXPORTERS[count % 4]
            exporters.netflow9(address, TEMPLATE if count < 4 else data_set(address, count))
            count += 1
            time.sleep(0.0005)

    sender = threading.Thread(target=send)
    sender.start()
    try:
        for i in range(6):
            replicator.configure([f"{COLLECTORS[0]}:{PORT}"] + [f"{COLLECTORS[1]}:{PORT}"] * (i % 2 == 0), **QUIET)
            replicator.reload()
            steady.read()
            time.sleep(0.1)
        # A mistake changes nothing, and is told with its place.
        replicator.configure([f"{COLLECTORS[0]}:{PORT},color=red"])
        replicator.process.send_signal(signal.SIGHUP)
        wait_until("the mistake to be told", lambda: 'there is no option "color"' in replicator.log())
    finally:
        stop.set()
        sender.join()
    steady.wait(count)
    assert len(steady.got) == count
    ports = collections.defaultdict(set)
    by_exporter = collections.defaultdict(list)
    for _, port, payload in steady.got:
        if payload[20:] != TEMPLATE:
            by_exporter[payload[24:28]].append(sequence_of(payload))
            ports[payload[24:28]].add(port)
    for numbers in by_exporter.values():
        assert numbers == list(range(1, len(numbers) + 1))
    # The socket was kept: each exporter's copies came from one port throughout.
    assert all(len(p) == 1 for p in ports.values())
    # Who joined heard the template first, each time.
    assert other.read() and other.got[0][2][20:] == TEMPLATE


def count_at(net, one):
    """What came to a collector that reads nothing: what the kernel dropped there, and what waits."""
    with inside(net.collector):
        lines = pathlib.Path("/proc/thread-self/net/udp").read_text().splitlines()[1:]
    address = socket.inet_aton(one.address)[::-1].hex().upper() + f":{PORT:04X}"
    dropped = next(int(line.split()[12]) for line in lines if line.split()[1] == address)
    return dropped + len(one.read())


def test_reloads_under_load_lose_nothing(net, weir, collector, replicator):
    """Thousands of datagrams a second of several exporters, rewritten and kept, while outputs come and go."""
    rewritten, kept, other = (collector(a) for a in COLLECTORS[:3])
    for one in (rewritten, kept, other):
        one.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 4096)
    steady = [f"{COLLECTORS[0]}:{PORT}", f"{COLLECTORS[1]}:{PORT},keep-source"]
    replicator.start(steady, receive_buffer="64M")
    sender = net.exporter.start(weir, "generate", "--to", f"{REPLICATOR}:{PORT}", "--allow-remote", "--source", EXPORTERS[0],
                                "--exporters", "8", "--version", "5", "--flows", "400000", "--start", "2026-01-31T10:00:00Z",
                                "--rate", "100000", "--pace", "150000", "--summary", "json", log=replicator.folder / "sent")
    reloads = 0
    while sender.poll() is None:
        replicator.configure(steady + [f"{COLLECTORS[2]}:{PORT}"] * (reloads % 2 == 0), receive_buffer="64M")
        replicator.reload()
        reloads += 1
    sent = json.loads((replicator.folder / "sent").read_text())["datagrams"]
    assert reloads > 1 and sent > 10000
    for one in (rewritten, kept):
        wait_until(f"all datagrams at {one.address}", lambda o=one: count_at(net, o) >= sent)
        assert count_at(net, one) == sent
    assert replicator.metrics()["weir_replicate_kernel_drops_total"] == 0


@pytest.mark.parametrize("user", ["root", "nobody"])
def test_a_reload_that_is_the_first_to_keep_the_source(net, collector, replicator, user):
    """As root it may; who has given root up says so, and goes on as before."""
    first, second = collector(COLLECTORS[0]), collector(COLLECTORS[1])
    to = [f"{COLLECTORS[0]}:{PORT}"]
    replicator.user = user
    replicator.start(to)
    exporters = Exporters(net, EXPORTERS[:1])
    replicator.configure(to + [f"{COLLECTORS[1]}:{PORT},keep-source"])
    replicator.process.send_signal(signal.SIGHUP)
    wait_until("the reload", lambda: "read anew" in replicator.log() or "stays as it was" in replicator.log(), 10)
    exporters.send(EXPORTERS[0], b"a datagram")
    assert [payload for _, _, payload in first.wait(1)] == [b"a datagram"]
    if user == "root":
        assert second.wait(1) == [(EXPORTERS[0], exporters.ports()[EXPORTERS[0]], b"a datagram")]
    else:
        assert "cannot keep its source: Operation not permitted; root and CAP_NET_RAW were given up" in replicator.log()
        assert not second.read()


def test_confined_it_can_still_reload(weir, tmp_path):
    """Names, health checks and a configuration that was replaced as a whole, without the rights to anything else."""
    first, second = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
    with first, second, socket.create_server(("127.0.0.1", 0)) as page:
        for one in (first, second):
            one.bind(("127.0.0.1", 0))
            one.settimeout(60)
        port = free_port(socket.SOCK_DGRAM)

        def configure(to):
            (tmp_path / "new.yaml").write_text(f"replicate:\n  listen: [\"127.0.0.1:{port}\"]\n  to: [\"{to}\"]\n")
            (tmp_path / "new.yaml").rename(tmp_path / "weir.yaml")

        configure(f"127.0.0.1:{first.getsockname()[1]},name=first")
        process = subprocess.Popen([weir, "replicate", "--config", tmp_path / "weir.yaml", "--data", tmp_path / "data"],
                                   stderr=subprocess.PIPE, text=True)
        try:
            prom = tmp_path / "data/run/replicate.prom"
            wait_until("the replicator", prom.exists)
            status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
            assert "NoNewPrivs:\t1\n" in status
            assert 'weir_sandbox_active{part="calls",why=""} 1' in prom.read_text() or "Seccomp:" not in status
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as exporter:
                exporter.sendto(b"one", ("127.0.0.1", port))
                assert first.recv(100) == b"one"
                configure(f"localhost:{second.getsockname()[1]},name=second,health=tcp://localhost:{page.getsockname()[1]}")
                process.send_signal(signal.SIGHUP)
                wait_until("the check of the new output", lambda: any(select.select([page], [], [], 0)) or process.poll())
                exporter.sendto(b"two", ("127.0.0.1", port))
                assert second.recv(100) == b"two"
        finally:
            process.send_signal(signal.SIGTERM)
            log = process.communicate(timeout=60)[1]
        assert process.returncode == 0, log


# --- real collectors -----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("version", ["5", "9", "10"])
def test_nfcapd_counts_what_was_generated(weir, tmp_path, version):
    needs_root()
    if not shutil.which("nfcapd"):
        pytest.skip("nfdump is not installed: tools/setup test")
    ports = [free_port(socket.SOCK_DGRAM) for _ in range(3)]
    folders = [tmp_path / "kept", tmp_path / "rewritten"]
    processes = []
    try:
        for folder, port in zip(folders, ports):
            folder.mkdir()
            processes.append(subprocess.Popen(["nfcapd", "-b", "127.0.0.1", "-p", str(port), "-w", folder, "-t", "3600",
                                               "-B", "16777216"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
            wait_for_reader(port)
        processes.append(subprocess.Popen([weir, "replicate", "--data", tmp_path / "data", "--listen", f"127.0.0.1:{ports[2]}",
                                           "--to", f"127.0.0.1:{ports[0]},keep-source", "--to", f"127.0.0.1:{ports[1]}"],
                                          stderr=subprocess.DEVNULL))
        prom = tmp_path / "data/run/replicate.prom"
        wait_until("the replicator", prom.exists)
        done = subprocess.run([weir, "generate", "--summary", "json", "--to", f"127.0.0.1:{ports[2]}", "--version", version,
                               "--flows", "20000", "--rate", "100000", "--pace", "40000", "--exporters", "1",
                               "--start", "2026-01-31T10:00:00Z"], capture_output=True, text=True, check=True)
        flows = json.loads(done.stdout)["flows"]
        replicator = processes.pop()
        replicator.send_signal(signal.SIGTERM)
        assert replicator.wait(60) == 0
        for port in ports[:2]:
            wait_until_read(port)
    finally:
        for process in reversed(processes):
            process.send_signal(signal.SIGTERM)
            process.wait(60)
    for folder in folders:
        counted = subprocess.run(["nfdump", "-q", "-N", "-R", folder, "-o", "fmt:%pkt"], capture_output=True, text=True, check=True)
        assert len(counted.stdout.split()) == flows, folder.name


# --- mistakes ------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("arguments, message", [
    (["--listen", "127.0.0.1:0"], "there is no output"),
    (["--to", "127.0.0.1:9"], "no address to listen on"),
    (["--listen", "127.0.0.1:0", "--to", "127.0.0.1"], "no address to send to"),
    (["--listen", "127.0.0.1:0", "--to", "127.0.0.1:9,sample=10"], "no sampling"),
    (["--listen", "127.0.0.1:0", "--to", "127.0.0.1:9", "--to", "127.0.0.1:9"], "two outputs have this name"),
    (["--listen", "127.0.0.1:0", "--to", "nobody.invalid:9"], "cannot be found"),
    (["--listen", "127.0.0.1:{port}", "--to", "127.0.0.1:{port}"], "copies would come back"),
    (["--listen", "*:{port}", "--to", "localhost:{port}"], "copies would come back"),
])
def test_mistakes_are_told(weir, tmp_path, arguments, message):
    port = free_port(socket.SOCK_DGRAM)
    arguments = [text.format(port=port) for text in arguments]
    done = subprocess.run([weir, "replicate", "--data", tmp_path, *arguments], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert message in done.stderr and done.stderr.count("\n") == 1, done.stderr
