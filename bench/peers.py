"""The collectors that are measured: how each is started, and how its flows are counted."""
import os
import pathlib
import re
import shutil
import signal
import subprocess

import lab


GOFLOW2_VERSION = "v2.2.6"
GOFLOW2_FOLDER = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "weir/bench"


class Collector:
    """One run of a collector. A subclass says its command and how to count."""
    programs = ()
    versions = ("5", "9", "10", "10v", "sflow")
    counts = False  # whether it can tell its flows, and is worth to run under callgrind
    before = []     # a program that runs it
    note = ""
    once = False  # so far from the others that one round tells enough

    def __init__(self, folder, port):
        self.folder, self.port = pathlib.Path(folder), port
        self.out = self.folder / "out"
        self.out.mkdir()

    @classmethod
    def there(cls):
        return all(shutil.which(p) for p in cls.programs)

    def start(self, version, seconds=60):
        self.log = open(self.folder / "log", "w+", encoding="utf-8", errors="replace")
        self.process = subprocess.Popen(self.before + self.command(version), stdout=self.log, stderr=self.log, start_new_session=True,
                                        cwd=self.folder)
        lab.wait_for(f"{self.name} to listen", lambda: lab.receive_queue(self.port) is not None,
                     seconds)

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(120)
        self.log.flush()
        self.log.seek(0)
        return self.log.read()


class Weir(Collector):
    name = "weir collect"
    counts = True
    note = "decodes every field; LZ4; synced to disk every second; one thread"

    def command(self, version):
        (self.folder / "weir.yaml").write_text(
            f"collect:\n  listen: [\"127.0.0.1:{self.port}\"]\n  receive_buffer: 32M\n  workers: 1\n"
            f"sandbox: {'false' if self.before else 'true'}\n")
        return [lab.WEIR, "collect", "--config", str(self.folder / "weir.yaml"), "--data", str(self.out)]

    def flows(self, log):
        found = re.search(r"(\d+) in the spool", log)
        return int(found.group(1)) if found else 0

    def disk_bytes(self):
        return lab.folder_bytes(self.out / "spool")


class Nfcapd(Collector):
    name = "nfcapd"
    programs = ("nfcapd",)
    versions = ("5", "9", "10", "10v")
    once = True
    note = "keeps the common fields only; not compressed; not synced"
    options = ()
    program = "nfcapd"

    def command(self, version):
        return [self.program, "-b", "127.0.0.1", "-p", str(self.port), "-w", str(self.out), "-t", "3600", "-B", "67108864",
                *self.options]

    def flows(self, log):
        return sum(int(n) for n in re.findall(r"Flows: (\d+)", log))

    def disk_bytes(self):
        return lab.folder_bytes(self.out)


class NfcapdZ(Nfcapd):
    name = "nfcapd -z"
    once = False
    counts = True
    options = ("-z",)
    note = "keeps the common fields only; LZO; not synced"


class SfcapdZ(NfcapdZ):
    name = "sfcapd -z"
    programs = ("sfcapd",)
    program = "sfcapd"
    versions = ("sflow",)


class Nfacctd(Collector):
    """pmacct sums up by the keys that it is told; told all that makes a flow, it writes about as many rows as flows."""
    program = "nfacctd"
    programs = ("nfacctd",)
    once = True
    versions = ("5", "9", "10", "10v")
    keys = "peer_src_ip,src_host,dst_host,src_port,dst_port,proto,tos,tcpflags,in_iface,out_iface,src_as,dst_as"
    note = "sums up by twelve keys in memory; no times"

    def command(self, version):
        config = self.folder / "pmacct.conf"
        config.write_text(
            f"daemonize: false\n{self.program}_ip: 127.0.0.1\n{self.program}_port: {self.port}\n"
            f"{self.program}_pipe_size: 67108864\n"
            f"plugins: {self.plugin}\naggregate: {self.keys}\nplugin_pipe_size: 67108864\nplugin_buffer_size: 65536\n"
            f"{self.program}_as: netflow\n{self.settings()}")
        return [self.program, "-f", str(config)]

    def end(self):
        """Its processes do not always end when they are asked to; all is measured by now."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(60)
        return ""

    def flows(self, log):
        return None  # it has no such count

    def disk_bytes(self):
        return None  # sums, not flows


class NfacctdPrint(Nfacctd):
    name = "nfacctd print"
    plugin = "print"
    note = "sums up by twelve keys; CSV every second, not synced; no times"

    def settings(self):
        return f"print_output: csv\nprint_output_file: {self.out}/flows-%s.csv\nprint_refresh_time: 1\nprint_cache_entries: 300007\n"


class NfacctdMemory(Nfacctd):
    name = "nfacctd memory"
    plugin = "memory"

    def settings(self):
        return f"imt_path: {self.folder}/pipe\nimt_buckets: 65537\nimt_mem_pools_number: 0\nimt_mem_pools_size: 1048576\n"


class SfacctdMemory(NfacctdMemory):
    name = "sfacctd memory"
    program = "sfacctd"
    programs = ("sfacctd",)
    versions = ("sflow",)


class Goflow2(Collector):
    """Built by build_goflow2() where Go and its module proxy are there."""
    name = "goflow2"
    once = True
    program = str(GOFLOW2_FOLDER / "goflow2")
    note = "decodes the common fields; a line of JSON a flow, not compressed, not synced; the system's receive buffer"

    @classmethod
    def there(cls):
        return os.access(cls.program, os.X_OK)

    def command(self, version):
        scheme = "sflow" if version == "sflow" else "netflow"
        return [self.program, f"-listen={scheme}://127.0.0.1:{self.port}?count=1&workers=2", "-transport=file",
                f"-transport.file={self.out / 'flows.json'}", "-format=json", "-addr=127.0.0.1:0"]

    def flows(self, log):
        with open(self.out / "flows.json", "rb") as f:
            return sum(piece.count(b"\n") for piece in iter(lambda: f.read(1 << 20), b""))

    def disk_bytes(self):
        return lab.folder_bytes(self.out)


def build_goflow2():
    """As its users do; once, and kept beside weir's other downloads. Says why where it cannot."""
    if Goflow2.there():
        return
    if not shutil.which("go"):
        lab.say("goflow2 is left out: Go is not installed")
        return
    GOFLOW2_FOLDER.mkdir(parents=True, exist_ok=True)
    try:
        done = subprocess.run(["go", "install", f"github.com/netsampler/goflow2/v2/cmd/goflow2@{GOFLOW2_VERSION}"], timeout=240,
                              env={**os.environ, "GOBIN": str(GOFLOW2_FOLDER)}, capture_output=True, text=True, check=False)
        why = done.stderr.strip().splitlines()[-1:] if done.returncode else []
    except subprocess.TimeoutExpired:
        why = ["it took longer than four minutes"]
    if not Goflow2.there():
        lab.say(f"goflow2 is left out: it cannot be built: {' '.join(why)}")


ALL = [Weir, NfcapdZ, Nfcapd, SfcapdZ, NfacctdPrint, NfacctdMemory, SfacctdMemory, Goflow2]
REFERENCE = {"5": NfcapdZ, "9": NfcapdZ, "10": NfcapdZ, "10v": NfcapdZ, "sflow": SfcapdZ}
