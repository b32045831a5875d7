"""What each exporter sends, by its vendor's documentation or by what users met: tests/golden/exporters, and the table
data/exporters.tsv, of which every row names its tests.

WEIR_GOLDEN=write writes the .ok files anew.
"""
import csv
import json
import os

import subprocess

import pytest
from conftest import TOP

import dissector
import exports
import test_captures
import test_exporters

GOLDEN = TOP / "tests/golden/exporters"
NAMES = sorted(path.stem for path in GOLDEN.glob("*.in"))
ROWS = list(csv.DictReader((TOP / "data/exporters.tsv").read_text().splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE))


def write_datagrams(name, folder):
    files = []
    for number, datagram in enumerate(exports.datagrams((GOLDEN / f"{name}.in").read_text())):
        files.append(folder / f"{number}.raw")
        files[-1].write_bytes(datagram)
        os.utime(files[-1], (exports.EXPORTED, exports.EXPORTED))  # sFlow has no time of its own
    return files


def decode(weir, files):
    done = subprocess.run([weir, "decode", "--format", "ndjson", *files], capture_output=True, text=True, timeout=60)
    return [json.loads(line) for line in done.stdout.splitlines()], done


def show(flow):
    """A flow, a line a column, so that a difference is readable."""
    extra = flow.pop("extra", {})
    return "".join(f"  {key}: {json.dumps(value)}\n" for key, value in [*flow.items(), *sorted(extra.items())])


@pytest.mark.parametrize("name", NAMES)
def test_golden(name, weir, tmp_path):
    flows, done = decode(weir, write_datagrams(name, tmp_path))
    got = "".join(f"flow {number}\n{show(flow)}" for number, flow in enumerate(flows, 1))
    got += f"{done.stderr}exit status {done.returncode}\n"
    ok = GOLDEN / f"{name}.ok"
    if os.environ.get("WEIR_GOLDEN") == "write":
        ok.write_text(got)
    assert got == ok.read_text()


@pytest.mark.parametrize("name", NAMES)
def test_all_is_understood(name, weir, tmp_path):
    """No unknown element, no fault but the one that the input is about."""
    flows, done = decode(weir, write_datagrams(name, tmp_path))
    assert not [key for flow in flows for key in flow.get("extra", {}) if ":" in key]
    expected = {"viptela": {"time_implausible": 4}}.get(name, {})
    assert test_captures.faults_of(done.stderr) == expected
    assert done.returncode == bool(expected)
    assert all(flow["sampling_rate"] >= 1 for flow in flows)


# The exporters that the project promises to read, as words that a row's name holds.
PROMISED = """IOS 12|IOS 15|IOS-XR|Nexus|wireless controllers|ASA|Firepower|Viptela|SRX|MX|Palo Alto|MikroTik|Huawei AR|Eudemon|H3C|Fortinet
SonicWall|Sophos|Check Point|WatchGuard|F5|NetScaler|Barracuda|Nokia|Ubiquiti|VMware|Open vSwitch|Proxmox|OpenStack|SG350|Aruba
Huawei switches|Arista|softflowd|pmacct|nProbe|YAF|ipt-netflow|pflow""".replace("\n", "|").split("|")

KNOWN = {
    "golden": set(NAMES),
    "capture": {group.name for group in test_captures.GROUPS},
    "live": {*test_exporters.EXPORTERS, *test_exporters.OWN_TEST},
}


def references_of(row):
    return [reference.split(":") for reference in row["tests"].split()]


def test_every_exporter_has_a_row():
    assert not [name for name in PROMISED if not any(name in row["exporter"] for row in ROWS)]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["exporter"])
def test_row_names_its_tests(row):
    assert row["protocols"] and row["sends"] and row["weir"]
    assert row["tests"] or row["untested"], "neither a test nor a reason"
    assert not [name for kind, name in references_of(row) if name not in KNOWN[kind]]
    only_golden = {kind for kind, _ in references_of(row)} == {"golden"}
    assert row["untested"] or not only_golden or row["exporter"].startswith("Any exporter"), "why is there no device's export?"


def test_every_test_is_in_a_row():
    named = {(kind, name) for row in ROWS for kind, name in references_of(row)}
    assert not [(kind, name) for kind, names in KNOWN.items() for name in names if (kind, name) not in named]


# --- the opinion of tshark -------------------------------------------------------------------------------------------

# What its dissector cannot read: sFlow is another dissector's.
SFLOW = ["arista", "cisco-sg350", "hp-aruba", "huawei-sflow"]
# Where weir's value is another, and who is right.
DIFFERENT = {
    "cisco-asa": {"bytes"},  # initiatorOctets of a teardown, less what the updates told
    "peer-late-template": None,  # tshark leaves out what came before the template, which RFC 3954 §9 lets wait
    "peer-template-redefined": None,  # tshark reads all by the first template; by RFC 3954 §9 the last one counts
}


def test_agrees_with_tshark(weir, tmp_path):
    names = [name for name in NAMES if name not in SFLOW and DIFFERENT.get(name, "") is not None]
    groups = []
    for name in names:
        folder = tmp_path / name
        folder.mkdir()
        groups.append(write_datagrams(name, folder))
    seen = dissector.dissect(groups, tmp_path)
    compared = 0
    for name, files, (flows, _) in zip(names, groups, seen):
        # tshark shows records; those of both directions are two flows here.
        ours = [flow for flow in decode(weir, files)[0] if flow.get("biflow_direction") != 2]
        assert len(ours) == len(flows), name
        for number, (theirs, flow) in enumerate(zip(flows, ours), 1):
            theirs = {column: value for column, value in theirs.items() if column not in DIFFERENT.get(name, ())}
            assert theirs == {column: flow.get(column) for column in theirs}, f"{name}, flow {number}"
            compared += len(theirs)
    assert compared > 400
