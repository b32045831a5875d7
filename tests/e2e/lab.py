"""A little network of its own for the tests: two hosts in network namespaces, real exporters, real collectors.

    exporter host                                  collector host
      t0 ──(traffic is replayed here)── t1           the collector under test
           softflowd / pmacctd listen on t1          dumpcap keeps the export stream for the oracles
      e0 198.51.100.1, 2001:db8:51::1 ───── e0 198.51.100.2, 2001:db8:51::2

Everything in it goes away with it. It needs root (network namespaces)."""
import contextlib
import os
import pathlib
import signal
import socket
import struct
import subprocess
import time

import pytest

from conftest import free_port, wait_until

EXPORTER = "198.51.100.1"
COLLECTOR = "198.51.100.2"


def needs_root():
    if os.geteuid() != 0:
        pytest.skip("network namespaces need root")


def run(command, **options):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, **options)
    assert done.returncode == 0, f"{' '.join(map(str, command))}: {done.stdout}{done.stderr}"
    return done.stdout


class Host:
    """A network namespace and the processes in it."""

    def __init__(self, name):
        self.name = name
        self.processes = []
        run(["ip", "netns", "add", name])
        self.run("ip", "link", "set", "lo", "up")

    def run(self, *command, **options):
        return run(["ip", "netns", "exec", self.name, *command], **options)

    def start(self, *command, log=None, **options):
        """A process that runs until it is stopped; its output goes to the file `log`."""
        with contextlib.ExitStack() as files:
            out = files.enter_context(open(log, "ab")) if log else subprocess.DEVNULL
            process = subprocess.Popen(["ip", "netns", "exec", self.name, *map(str, command)], stdout=out,
                                       stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, **options)
        self.processes.append(process)
        return process

    def packet_sockets(self):
        """How many see the packets of an interface here: those of dumpcap, softflowd, pmacctd."""
        return len(self.run("cat", "/proc/net/packet").splitlines()) - 1

    def pids(self):
        return set(self.run("ip", "netns", "pids", self.name).split())

    @staticmethod
    def stop(process, signal_number=signal.SIGTERM, seconds=60):
        if process.poll() is None:
            process.send_signal(signal_number)
        return process.wait(seconds)

    def remove(self):
        for process in self.processes:
            if process.poll() is None:
                process.kill()
                process.wait()
        subprocess.run(["ip", "netns", "del", self.name], capture_output=True)


class Lab:
    def __init__(self, folder):
        needs_root()
        self.folder = pathlib.Path(folder)
        tag = f"weir{os.getpid()}"
        self.exporter = self.collector = None
        try:
            self.exporter = Host(f"{tag}e")
            self.collector = Host(f"{tag}c")
            self._wire()
        except BaseException:
            self.remove()
            raise

    def _wire(self):
        e, c = self.exporter, self.collector
        e.run("ip", "link", "add", "t0", "type", "veth", "peer", "name", "t1")
        e.run("ip", "link", "add", "e0", "type", "veth", "peer", "name", "e0", "netns", c.name)
        for host, last in ((e, 1), (c, 2)):
            host.run("ip", "address", "add", f"198.51.100.{last}/24", "dev", "e0")
            host.run("ip", "address", "add", f"2001:db8:51::{last}/64", "dev", "e0", "nodad")
            host.run("ip", "link", "set", "e0", "up")
        for name in ("t0", "t1"):
            # No chatter of the kernel's own among the traffic.
            e.run("sysctl", "-qw", f"net.ipv6.conf.{name}.disable_ipv6=1")
            e.run("ip", "link", "set", name, "arp", "off", "up", "mtu", "9000")

    def remove(self):
        for host in (self.exporter, self.collector):
            if host:
                host.remove()

    def replay(self, pcap, packets_per_second=2000):
        self.exporter.run("tcpreplay", "-q", "-i", "t0", f"--pps={packets_per_second}", pcap)

    def capture(self, port):
        """Keep what comes to the collector on a UDP port; returns (process, file)."""
        path = self.folder / f"export-{port}-{time.monotonic_ns()}.pcap"
        before = self.collector.packet_sockets()
        process = self.collector.start("dumpcap", "-q", "-P", "-i", "e0", "-f", f"udp dst port {port}", "-w", path,
                                       log=self.folder / "dumpcap.log")
        wait_until("dumpcap", lambda: path.exists() and self.collector.packet_sockets() > before)
        return process, path


def udp_payloads(pcap):
    """(source address, payload) of the UDP datagrams in a pcap of Ethernet and IPv4; no fragments."""
    data = pathlib.Path(pcap).read_bytes()
    order = "<" if data[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
    at = 24
    while at + 16 <= len(data):
        length = struct.unpack_from(order + "I", data, at + 8)[0]
        if at + 16 + length > len(data):
            return  # it is being written
        frame = data[at + 16:at + 16 + length]
        at += 16 + length
        if frame[12:14] != b"\x08\x00" or frame[23] != socket.IPPROTO_UDP:
            continue
        assert struct.unpack_from(">H", frame, 20)[0] & 0x3fff == 0, "a fragment: the exporter's messages are too long"
        ip = frame[14:]
        udp = ip[(ip[0] & 15) * 4:]
        yield socket.inet_ntoa(ip[12:16]), udp[8:struct.unpack_from(">H", udp, 4)[0]]


def free_udp_port():
    return free_port(socket.SOCK_DGRAM)


def _socket_queue(port):
    """Bytes that wait in the UDP socket on that port; None where there is no such socket."""
    for table in ("/proc/net/udp", "/proc/net/udp6"):
        for line in pathlib.Path(table).read_text().splitlines()[1:]:
            words = line.split()
            if words[1].endswith(f":{port:04X}"):
                return int(words[4].split(":")[1], 16)
    return None


def wait_for_reader(port):
    wait_until(f"a reader of UDP port {port}", lambda: _socket_queue(port) is not None)


def wait_until_read(port):
    wait_until(f"the reader of UDP port {port}", lambda: not _socket_queue(port))


def send_all(payloads, port, room=32768):
    """Datagrams to 127.0.0.1, never more than some that the reader has not read, for nothing says how large its buffer is."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        for number, payload in enumerate(payloads):
            if number % 8 == 0:
                wait_until(f"the reader of UDP port {port}", lambda: (_socket_queue(port) or 0) < room)
            s.sendto(payload, ("127.0.0.1", port))


# --- exporters -------------------------------------------------------------------------------------------------------

@contextlib.contextmanager
def softflowd(lab, version, port):
    """softflowd on t1; at the end it has exported everything."""
    control = lab.folder / "softflowd.ctl"
    before = lab.exporter.packet_sockets()
    process = lab.exporter.start("softflowd", "-d", "-i", "t1", "-v", str(version), "-n", f"{COLLECTOR}:{port}",
                                 "-c", control, "-p", lab.folder / "softflowd.pid",
                                 log=lab.folder / "softflowd.log")
    wait_until("softflowd", lambda: control.exists() and lab.exporter.packet_sockets() > before)
    yield process
    time.sleep(1)  # what is still in libpcap's buffer
    lab.exporter.run("softflowctl", "-c", control, "expire-all")
    time.sleep(0.5)
    lab.exporter.run("softflowctl", "-c", control, "shutdown")
    process.wait(60)


PMACCT = """
daemonize: false
pcap_interface: t1
plugins: {plugin}
{plugin}_receiver: {collector}:{port}
plugin_buffer_size: 1024000
plugin_pipe_size: 10240000
{more}
"""
NFPROBE = """
nfprobe_version: {version}
nfprobe_timeouts: tcp=1:tcp.rst=1:tcp.fin=1:udp=1:icmp=1:general=1:maxlife=3600:expint=1
aggregate: src_host, dst_host, src_port, dst_port, proto, tos
"""
SFPROBE = """
sampling_rate: {rate}
sfprobe_agentip: {exporter}
"""


def nfprobe(lab, version, port):
    return pmacctd(lab, "nfprobe", port, NFPROBE.format(version=version))


def sfprobe(lab, rate, port):
    return pmacctd(lab, "sfprobe", port, SFPROBE.format(rate=rate, exporter=EXPORTER))


@contextlib.contextmanager
def pmacctd(lab, plugin, port, more):
    config = lab.folder / f"pmacctd-{plugin}-{port}.conf"
    config.write_text(PMACCT.format(plugin=plugin, collector=COLLECTOR, port=port, more=more))
    log = lab.folder / f"pmacctd-{port}.log"
    before, others = lab.exporter.packet_sockets(), lab.exporter.pids()
    process = lab.exporter.start("pmacctd", "-f", config, log=log)
    wait_until("pmacctd", lambda: log.exists() and "t1" in log.read_text(errors="replace") and
               lab.exporter.packet_sockets() > before)
    yield process
    time.sleep(4)  # the flows' timeouts, and the plugin's next round
    Host.stop(process, signal.SIGINT)
    time.sleep(1)
    # The plugin is a process of its own, which would live on and might send something still.
    for pid in lab.exporter.pids() - others:
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(pid), signal.SIGKILL)


SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema"
OPENVSWITCH = {
    "netflow": ["--", "--id=@x", "create", "netflow", "targets=\"{target}\"", "active_timeout=2",
                "--", "set", "bridge", "br0", "netflow=@x"],
    "sflow": ["--", "--id=@x", "create", "sflow", "targets=\"{target}\"", "agent=e0", "header=128", "sampling=1", "polling=0",
              "--", "set", "bridge", "br0", "sflow=@x"],
    "ipfix": ["--", "--id=@x", "create", "ipfix", "targets=\"{target}\"", "obs_domain_id=7", "obs_point_id=9", "sampling=1",
              "cache_active_timeout=2", "cache_max_flows=1000", "--", "set", "bridge", "br0", "ipfix=@x"],
}


@contextlib.contextmanager
def openvswitch(lab, kind, port):
    """Open vSwitch with its userspace datapath, which needs no kernel module: t1 is a port of a bridge. Its database and its
    sockets are in the lab's folder, so that one of the machine's own is left alone."""
    folder, host = lab.folder / f"ovs-{kind}", lab.exporter
    folder.mkdir()
    database = f"unix:{folder}/db"
    log = folder / "log"
    host.run("ovsdb-tool", "create", folder / "conf.db", SCHEMA)
    server = host.start("ovsdb-server", folder / "conf.db", f"--remote=punix:{folder}/db", f"--unixctl={folder}/db.ctl", log=log)
    wait_until("ovsdb-server", (folder / "db").exists)
    host.run("ovs-vsctl", f"--db={database}", "--no-wait", "init")
    switch = host.start("ovs-vswitchd", database, f"--unixctl={folder}/switch.ctl", log=log,
                        env=dict(os.environ, OVS_RUNDIR=str(folder)))
    try:
        host.run("ovs-vsctl", f"--db={database}", "--timeout=20", "add-br", "br0", "--", "set", "bridge", "br0",
                 "datapath_type=netdev", "--", "add-port", "br0", "t1",
                 *[word.format(target=f"{COLLECTOR}:{port}") for word in OPENVSWITCH[kind]])
        # All to the host, so that no frame is dropped because its destination is where it came from.
        host.run("ovs-ofctl", "add-flow", f"unix:{folder}/br0.mgmt", "actions=output:LOCAL")
        time.sleep(1)
        yield switch
        time.sleep(6)  # the caches' timeouts
        # Without the exporter what is still in its caches is sent.
        host.run("ovs-vsctl", f"--db={database}", "--timeout=20", "clear", "bridge", "br0", kind)
        time.sleep(1)
    finally:
        host.run("ovs-appctl", "-t", f"{folder}/switch.ctl", "exit", "--cleanup")
        switch.wait(60)
        Host.stop(server)
