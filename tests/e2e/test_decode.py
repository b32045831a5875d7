"""`weir decode`: golden outputs, and what a person meets on the way.

tests/golden/README.md says what is in tests/golden/decode. WEIR_GOLDEN=write writes the .ok files anew.
"""
import csv
import io
import json
import os
import pty
import re
import subprocess

import pytest
from conftest import TOP

GOLDEN = TOP / "tests/golden/decode"
NAMES = sorted(path.name for path in GOLDEN.iterdir() if path.suffix in (".in", ".pcap"))
WRITTEN = 1767225600  # when the files of datagrams were "written": sFlow has no time of its own


def weir_decode(weir, *arguments, **options):
    return subprocess.run([weir, "decode", *arguments], capture_output=True, timeout=60, **options)


def datagrams(path, folder):
    """The files that a golden input stands for."""
    if path.suffix == ".pcap":
        return [path]
    files = []
    for number, text in enumerate(re.sub(r"#.*", "", path.read_text()).split("---\n")):
        files.append(folder / f"{number}.raw")
        files[-1].write_bytes(bytes.fromhex("".join(text.split())))
        os.utime(files[-1], (WRITTEN, WRITTEN))
    return files


@pytest.mark.parametrize("name", NAMES)
def test_golden(name, weir, tmp_path):
    path = GOLDEN / name
    done = weir_decode(weir, "--format", "ndjson", *datagrams(path, tmp_path))
    got = f"{done.stdout.decode()}--- summary\n{done.stderr.decode()}--- exit status {done.returncode}\n"
    ok = path.with_suffix(".ok")
    if os.environ.get("WEIR_GOLDEN") == "write":
        ok.write_text(got)
    assert got == ok.read_text()


def test_no_golden_output_without_input():
    assert sorted(path.stem for path in GOLDEN.glob("*.ok")) == sorted(name.rsplit(".", 1)[0] for name in NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_formats_agree(name, weir, tmp_path):
    """CSV has the cells that NDJSON has, and the table a line for each flow."""
    files = datagrams(GOLDEN / name, tmp_path)
    flows = [json.loads(line) for line in weir_decode(weir, "-f", "ndjson", *files).stdout.splitlines()]
    rows = list(csv.DictReader(io.StringIO(weir_decode(weir, "-f", "csv", *files).stdout.decode(), newline="")))
    lines = weir_decode(weir, *files).stdout.decode().splitlines()
    assert len(rows) == len(flows)
    assert len(lines) == (len(flows) + 1 if flows else 0)
    for flow, row in zip(flows, rows):
        extra = flow.pop("extra", None)
        assert (json.loads(row.pop("extra") or "null")) == extra
        # A control character, which JSON can escape and CSV cannot, is replaced.
        assert {column: cell for column, cell in row.items() if cell} == {
            column: re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", "\ufffd", str(value)) for column, value in flow.items()}


# The traffic of tests/golden/record: proto, source, destination, packets, bytes of IP.
TRAFFIC = {
    4: {(6, "10.1.2.3", "192.0.2.80", 3, 420), (6, "192.0.2.80", "10.1.2.3", 3, 1320),
        (17, "10.1.2.3", "192.0.2.80", 1, 57), (17, "192.0.2.80", "10.1.2.3", 1, 57),
        (1, "10.1.2.3", "192.0.2.80", 1, 84), (1, "192.0.2.80", "10.1.2.3", 1, 84)},
    6: {(6, "2001:db8::a", "2001:db8:1::b", 3, 480), (6, "2001:db8:1::b", "2001:db8::a", 3, 1380),
        (58, "2001:db8::a", "2001:db8:1::b", 1, 104), (58, "2001:db8:1::b", "2001:db8::a", 1, 104)},
}


@pytest.mark.parametrize("name", [f"{program}-{export}.pcap" for program in ("softflowd", "pmacctd")
                                  for export in ("v1", "v5", "v9", "ipfix") if (program, export) != ("pmacctd", "v1")])
def test_exporters_tell_the_traffic_as_it_was(name, weir):
    flows = [json.loads(line) for line in weir_decode(weir, "-f", "ndjson", GOLDEN / name).stdout.splitlines()]
    seen = {tuple(flow[column] for column in ("proto", "src_addr", "dst_addr", "packets", "bytes")) for flow in flows}
    assert seen == (TRAFFIC[4] if "-v1" in name or "-v5" in name else TRAFFIC[4] | TRAFFIC[6])
    assert len(flows) == len(seen)


def table(weir, *arguments, **options):
    """The table as a terminal gets it."""
    end, terminal = pty.openpty()
    with open(end, "rb", buffering=0) as shown:
        done = subprocess.run([weir, "decode", *arguments], stdout=terminal, stderr=subprocess.PIPE, timeout=60, **options)
        os.close(terminal)
        text = b""
        try:
            while chunk := shown.read(65536):
                text += chunk
        except OSError:  # the terminal is gone
            pass
    return text.decode().replace("\r\n", "\n"), done


def test_table_is_aligned(weir):
    done = weir_decode(weir, GOLDEN / "softflowd-v9.pcap")
    lines = done.stdout.decode().splitlines()
    arrows = {line.index(" -> ") for line in lines[1:]}
    assert len(arrows) == 1
    assert len({len(line) for line in lines}) == 1
    assert "10.1.2.3:40001 -> 192.0.2.80:443" in lines[1] and "...AP.SF" in lines[1]


def test_colour_is_for_terminals(weir):
    capture = GOLDEN / "softflowd-v5.pcap"
    environment = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    coloured, _ = table(weir, capture, env=environment)
    plain, _ = table(weir, capture, env={**environment, "NO_COLOR": "1"})
    piped = weir_decode(weir, capture, env=environment).stdout.decode()
    assert "\x1b[" in coloured
    assert re.sub(r"\x1b\[\d+m", "", coloured) == plain == piped


def test_hostile_text_does_not_reach_a_terminal(weir, tmp_path):
    files = datagrams(GOLDEN / "hostile-text.in", tmp_path)
    for output in ("ndjson", "csv"):
        assert "\x1b" not in table(weir, "-f", output, *files)[0]


def test_standard_input(weir):
    capture = GOLDEN / "softflowd-v9.pcap"
    named = weir_decode(weir, "-f", "ndjson", capture)
    piped = weir_decode(weir, "-f", "ndjson", "-", input=capture.read_bytes())
    assert (piped.returncode, piped.stdout, piped.stderr) == (0, named.stdout, named.stderr)


def test_flows_of_a_pipe_come_at_once(weir):
    """As with tcpdump -U -w -: the flows are there while the capture goes on."""
    data = (GOLDEN / "softflowd-v5.pcap").read_bytes()
    with subprocess.Popen([weir, "decode", "-f", "ndjson", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE) as process:
        # libpcap's reader wants a buffer full of frames before it gives out the first.
        process.stdin.write(data + data[24:] * 40)
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["flow_type"] == "netflow_v5"
        process.stdin.close()
        process.stdout.read()
        assert process.wait(60) == 0


def test_the_exporter_can_be_named(weir, tmp_path):
    files = datagrams(GOLDEN / "v5.in", tmp_path)
    flow = json.loads(weir_decode(weir, "-f", "ndjson", "--exporter", "2001:db8::1", *files).stdout.splitlines()[0])
    assert flow["exporter_addr"] == "2001:db8::1"
    assert weir_decode(weir, "--exporter", "router", *files).returncode == 2


def test_a_reader_that_goes_away_is_no_mistake(weir):
    with subprocess.Popen([weir, "decode", "-f", "ndjson", *[GOLDEN / "pmacctd-sflow.pcap"] * 200], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE) as process:
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(60) == 1


def test_a_full_disk_is_said(weir):
    with open("/dev/full", "wb") as full:
        done = subprocess.run([weir, "decode", GOLDEN / "softflowd-v5.pcap"], stdout=full, stderr=subprocess.PIPE, timeout=60)
    assert done.returncode == 2
    assert done.stderr.endswith(b"weir: standard output: cannot write: No space left on device\n")


@pytest.mark.parametrize("arguments, word", [
    ((), "name a file"),
    (("--format", "xml", "a"), "table|ndjson|csv"),
    (("--colour", "a"), "--colour"),
])
def test_usage(arguments, word, weir):
    done = weir_decode(weir, *arguments)
    assert (done.returncode, done.stdout) == (2, b"")
    assert word in done.stderr.decode() and done.stderr.count(b"\n") == 1


def test_files_that_cannot_be_read(weir, tmp_path):
    empty, text, packed = tmp_path / "empty", tmp_path / "text", tmp_path / "packed.pcap.gz"
    empty.write_bytes(b"")
    text.write_bytes(b"hello\n")
    packed.write_bytes(b"\x1f\x8b\x08" + bytes(30))
    for path, word in ((tmp_path / "absent", "No such file"), (empty, "empty"), (text, "not a capture"), (packed, "zcat"),
                       (tmp_path, "directory")):
        done = weir_decode(weir, path)
        said = done.stderr.decode()
        assert done.returncode == 2 and said.count("\n") == 1
        assert said.startswith(f"weir: {path}: ") and word in said, said


def test_what_came_before_a_mistake_is_shown(weir, tmp_path):
    done = weir_decode(weir, "-f", "ndjson", GOLDEN / "softflowd-v5.pcap", tmp_path / "absent", GOLDEN / "softflowd-v9.pcap")
    assert done.returncode == 2
    assert len(done.stdout.splitlines()) == 6
    assert b"1 message, 0 templates, 6 flows" in done.stderr


def test_ipfix_files_round_trip(weir, tmp_path):
    """Any export as an IPFIX file, and that file as itself again: the flows are the same, and so is the second file."""
    def decode(*arguments):
        done = subprocess.run([weir, "decode", *arguments], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done

    def flows(path):
        kept = ("sequence_num", "template_id", "flow_type", "exporter_addr", "time_received")
        rows = [json.loads(line) for line in decode("-f", "ndjson", path).stdout.splitlines()]
        return sorted(json.dumps({k: v for k, v in row.items() if k not in kept}, sort_keys=True) for row in rows)

    for version in ("5", "9", "10"):
        pcap, first, second = tmp_path / f"{version}.pcap", tmp_path / f"{version}.ipfix", tmp_path / f"{version}-2.ipfix"
        subprocess.run([weir, "generate", "--write", pcap, "--version", version, "--exporters", "3", "--flows", "2000",
                        "--start", "2026-01-31T10:00:00Z"], check=True, capture_output=True)
        said = decode("--write", first, pcap)
        assert said.stdout == "" and f"2000 flows written to {first}" in said.stderr
        assert flows(first) == flows(pcap), version
        decode("--write", second, first)
        assert flows(second) == flows(first)
        # Templates stand once, for nothing is lost in a file: by domain (3), address family, and ICMP or not.
        assert int(re.search(r"(\d+) templates?", decode("-f", "ndjson", first).stderr).group(1)) <= 12

    done = subprocess.run([weir, "decode", "--write", first, first], capture_output=True, text=True)
    assert done.returncode == 2 and "is to be read" in done.stderr and first.stat().st_size > 0
    done = subprocess.run([weir, "decode", "--write", "/nowhere/x", first], capture_output=True, text=True)
    assert done.returncode == 2 and done.stderr.startswith("weir: /nowhere/x: cannot write: No such file"), done.stderr
    done = subprocess.run([weir, "decode", "--write", "/dev/full", first], capture_output=True, text=True)
    assert done.returncode == 2 and "weir: /dev/full: cannot write: No space left" in done.stderr, done.stderr
