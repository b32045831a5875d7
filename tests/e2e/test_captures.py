"""Captures of real devices: what is known of them, what tshark says of them, and that none does any harm.

GROUPS has the files that belong together, templates before data. The numbers were taken from tshark (and, for sFlow
and the faults, from reading its dissection); test_agrees_with_tshark takes them again.
"""
import json
import os
import pathlib
import re
import shutil
import subprocess
import typing

import dissector
import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
ASAN = TOP / "build/asan/weir"
SANITIZER = re.compile(r"AddressSanitizer|LeakSanitizer|runtime error:")


class Group(typing.NamedTuple):
    name: str
    files: str  # parted by blanks
    flows: int
    options: int = 0
    faults: dict = {}
    oracle: bool = True  # tshark's cflow dissector reads it to the end


GROUPS = [
    Group("akvorado", "akvorado/template.pcap akvorado/data.pcap", 4),
    Group("akvorado_all", "akvorado/options-template.pcap akvorado/options-data.pcap akvorado/template.pcap "
          "akvorado/data.pcap", 4, options=4),
    # Eleven flows stand before their template: tshark has them when it is given the file twice.
    Group("akvorado_together", "akvorado/data+templates.pcap", 21, options=1, oracle=False),
    Group("akvorado_no_template", "akvorado/data.pcap", 0, faults={"template_missing": 1}),
    Group("akvorado_datalink", "akvorado/datalink-template.pcap akvorado/datalink-data.pcap", 1),
    Group("akvorado_icmp", "akvorado/icmp-template.pcap akvorado/icmp-data.pcap", 4),
    Group("akvorado_sampling", "akvorado/samplingrate-template.pcap akvorado/samplingrate-data.pcap", 6),
    Group("akvorado_nat", "akvorado/nat.pcap", 9),
    Group("akvorado_v5", "akvorado/nfv5.pcap", 29),
    Group("akvorado_interfaces", "akvorado/physicalinterfaces.pcap", 8, options=1),
    Group("akvorado_sflow_5_samples", "akvorado/data-1140.pcap", 5, oracle=False),
    Group("akvorado_sflow_raw", "akvorado/data-sflow-raw-ipv4.pcap", 2, oracle=False),
    Group("akvorado_sflow_ipv4", "akvorado/data-sflow-ipv4-data.pcap", 1, oracle=False),
    Group("akvorado_sflow_icmp", "akvorado/data-icmpv4.pcap", 1, oracle=False),
    # Their count of samples was set to 1 by hand, and the other samples left where they were.
    Group("akvorado_sflow_local", "akvorado/data-local-interface.pcap", 1, faults={"sflow_trailing": 1}, oracle=False),
    Group("akvorado_sflow_discard", "akvorado/data-discard-interface.pcap", 1, faults={"sflow_trailing": 1},
          oracle=False),
    Group("akvorado_sflow_multiple", "akvorado/data-multiple-interfaces.pcap", 1, faults={"sflow_trailing": 1},
          oracle=False),
    Group("pmacct_100", "pmacct/100-IPFIXv10-CISCO__traffic-00.pcap", 12),
    Group("pmacct_101", "pmacct/101-NFv9-CISCO-cust_primitives__traffic-00.pcap", 51),
    Group("pmacct_102", "pmacct/102-NFv9-CISCO-f2rd-pretag-sampling-reload__traffic-00.pcap", 35),
    Group("pmacct_103", "pmacct/103-IPFIXv10-CISCO-pretag-JSON_encoding__traffic-00.pcap", 12),
    Group("pmacct_110", "pmacct/110-IPFIXv10-NFv9-multiple-sources__traffic-00.pcap "
          "pmacct/110-IPFIXv10-NFv9-multiple-sources__traffic-01.pcap "
          "pmacct/110-IPFIXv10-NFv9-multiple-sources__traffic-02.pcap", 98),
    # Seven of its sets are padded with what was in memory, against RFC 7011 §3.3.1.
    Group("ipfixcol2", "ipfixcol2/doc__data__ipfix__example_flows.ipfix", 3979, faults={"set_padding": 7}),
    Group("ipfix_netcat", "logstash/ipfix.dat", 12, options=1),
    Group("ixia_256", "logstash/ipfix_test_ixia_tpldata256.dat", 1),
    Group("ixia_271", "logstash/ipfix_test_ixia_tpldata271.dat", 2),
    Group("juniper_mx240", "logstash/ipfix_test_juniper_mx240_junos151r6s3_opttpl512.dat "
          "logstash/ipfix_test_juniper_mx240_junos151r6s3_data512.dat", 0, options=1),
    Group("openbsd_pflow", "logstash/ipfix_test_openbsd_pflow_tpl.dat logstash/ipfix_test_openbsd_pflow_data.dat", 26),
    Group("procera", "logstash/ipfix_test_procera_tpl52935.dat logstash/ipfix_test_procera_data52935.dat", 8),
    Group("viptela", "logstash/ipfix_test_viptela_tpl257.dat logstash/ipfix_test_viptela_data257.dat", 1),
    Group("vmware_vds", "logstash/ipfix_test_vmware_vds_tpl.dat logstash/ipfix_test_vmware_vds_data264.dat "
          "logstash/ipfix_test_vmware_vds_data266.dat", 3),
    # Several messages of softflowd one after the other.
    Group("v5_netcat", "logstash/netflow5.dat", 30),
    Group("v5_invalid", "logstash/netflow5_test_invalid01.dat", 30, faults={"count_mismatch": 1}),
    Group("v5_juniper_mx80", "logstash/netflow5_test_juniper_mx80.dat", 29),
    Group("v5_mikrotik", "logstash/netflow5_test_microtik.dat", 30),
    Group("v9_zero_length_fields", "logstash/netflow9_test_0length_fields_tpl_data.dat", 10),
    Group("v9_cisco_1941", "logstash/netflow9_test_cisco_1941K9.dat", 29),
    Group("v9_cisco_aci", "logstash/netflow9_test_cisco_aci_tpl256-258.dat "
          "logstash/netflow9_test_cisco_aci_data256.dat", 3),
    Group("v9_cisco_asa", "logstash/netflow9_test_cisco_asa_1_tpl.dat logstash/netflow9_test_cisco_asa_1_data.dat", 14),
    Group("v9_cisco_nbar", "logstash/netflow9_test_cisco_nbar_opttpl260.dat "
          "logstash/netflow9_test_cisco_nbar_tpl262.dat logstash/netflow9_test_cisco_nbar_data262.dat", 5, options=15),
    # The controllers and nProbe pad with what was in memory, which NetFlow v9 allows.
    Group("v9_cisco_wlc_8510", "logstash/netflow9_test_cisco_wlc_8510_tpl_262.dat", 0),
    Group("v9_cisco_wlc", "logstash/netflow9_test_cisco_wlc_tpl.dat logstash/netflow9_test_cisco_wlc_data261.dat", 19),
    Group("v9_layer2_segment", "logstash/netflow9_test_field_layer2segmentid_tpl.dat "
          "logstash/netflow9_test_field_layer2segmentid_data.dat", 1),
    Group("v9_fortigate_521", "logstash/netflow9_test_fortigate_fortios_521_tpl.dat "
          "logstash/netflow9_test_fortigate_fortios_521_data256.dat "
          "logstash/netflow9_test_fortigate_fortios_521_data257.dat", 1, options=1),
    Group("v9_fortigate_542", "logstash/netflow9_test_fortigate_fortios_542_appid_tpl258-269.dat "
          "logstash/netflow9_test_fortigate_fortios_542_appid_data258_262.dat", 17),
    Group("v9_huawei", "logstash/netflow9_test_huawei_netstream_tpl.dat "
          "logstash/netflow9_test_huawei_netstream_data.dat", 1),
    # tshark stops at the header's count, in which softflowd counts flows but neither templates nor options: it is
    # sound all the same.
    Group("v9_softflowd_count", "logstash/netflow9_test_invalid01.dat", 2, options=1, oracle=False),
    Group("v9_ipt_netflow", "logstash/netflow9_test_iptnetflow_reduced_size_encoding_tpldata260.dat", 12,
          faults={"template_missing": 6}),
    Group("v9_juniper_srx", "logstash/netflow9_test_juniper_srx_tplopt.dat", 0, options=1),
    Group("v9_mac", "logstash/netflow9_test_macaddr_tpl.dat logstash/netflow9_test_macaddr_data.dat", 29, options=1),
    Group("v9_nprobe", "logstash/netflow9_test_nprobe_tpl.dat logstash/netflow9_test_nprobe_data.dat", 1, options=1),
    Group("v9_nprobe_dpi", "logstash/netflow9_test_nprobe_dpi.dat", 1, faults={"set_padding": 1}),
    Group("v9_paloalto", "logstash/netflow9_test_paloalto_81_tpl256-263.dat "
          "logstash/netflow9_test_paloalto_81_data257_1flowset_in_large_zerofilled_packet.dat", 1),
    Group("v9_valid", "logstash/netflow9_test_valid01.dat", 7),
    Group("sflow_expanded", "tcpdump/sflow_expanded.pcap", 1, oracle=False),
    # The seven flows are NetFlow v5: five of the datagrams in this capture are.
    Group("sflow_counters", "tcpdump/sflow_multiple_counter_30_pdus.pcap", 7, oracle=False),
    Group("sflow_hostile", "tcpdump/sflow_print-segv.pcap", 0, faults={"sflow_short": 1}, oracle=False),
]

ORACLE = [group for group in GROUPS if group.oracle]


def decode(program, paths):
    return subprocess.run([program, "decode", "--format", "ndjson", *paths], capture_output=True, text=True, timeout=60)


def programs(weir):
    return [weir, str(ASAN)] if ASAN.exists() else [weir]


def count_of(noun, summary):
    match = re.search(rf"(\d+) {noun}s?\b", summary)
    return int(match[1]) if match else 0


def faults_of(summary):
    return {name: int(count) for name, count in re.findall(r"^fault (\w+) (\d+):", summary, re.M)}


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.name)
def test_group(group, weir, captures):
    paths = [captures / name for name in group.files.split()]
    outputs = set()
    for program in programs(weir):
        done = decode(program, paths)
        assert not SANITIZER.search(done.stderr), done.stderr
        assert faults_of(done.stderr) == group.faults
        assert done.returncode == (1 if group.faults else 0), done.stderr
        flows = [json.loads(line) for line in done.stdout.splitlines()]
        assert len(flows) == count_of("flow", done.stderr) == group.flows
        assert count_of("option record", done.stderr) == group.options
        outputs.add(done.stdout)
    assert len(outputs) == 1


@pytest.fixture(scope="module")
def opinions(captures, tmp_path_factory):
    """What tshark says of each group, by name."""
    if not shutil.which("tshark"):
        pytest.skip("tshark is not installed")
    groups = [[captures / name for name in group.files.split()] for group in ORACLE]
    seen = dissector.dissect(groups, tmp_path_factory.mktemp("tshark"))
    return {group.name: opinion for group, opinion in zip(ORACLE, seen)}


@pytest.mark.parametrize("group", ORACLE, ids=lambda group: group.name)
def test_agrees_with_tshark(group, weir, captures, opinions):
    flows, options = opinions[group.name]
    ours = [json.loads(line) for line in decode(weir, [captures / name for name in group.files.split()]).stdout.splitlines()]
    assert (len(ours), group.options) == (len(flows), len(options))
    for number, (theirs, flow) in enumerate(zip(flows, ours), 1):
        assert theirs == {column: flow.get(column) for column in theirs}, f"flow {number}"


def test_tshark_was_heard(opinions):
    """The comparison above compares what it finds; this is that it finds something."""
    assert sum(len(values) for flows, _ in opinions.values() for values in flows) > 40000


def harm_of(program, paths, output):
    """What went wrong, or ""."""
    done = subprocess.run([program, "decode", "-f", output, *paths], capture_output=True, timeout=120)
    done.stdout.decode("utf-8")  # raises where the output is not valid
    said = done.stderr.decode(errors="replace")
    harmed = done.returncode not in (0, 1) or SANITIZER.search(said)
    return f"{program} -f {output} {paths}: {done.returncode} {said[-3000:]}" if harmed else ""


@pytest.mark.parametrize("output", ["ndjson", "csv", "table"])
def test_no_file_does_harm(output, weir, captures):
    """All files of a folder as one stream, for starting the sanitizers takes longer than decoding."""
    for folder in sorted(path for path in captures.iterdir() if path.is_dir()):
        files = sorted(folder.iterdir())
        for program in programs(weir):
            harm = harm_of(program, files, output)
            assert not harm, "\n".join(filter(None, (harm_of(program, [path], output) for path in files))) or harm


def test_no_file_alone_does_harm(weir, captures):
    harm = [harm_of(weir, [path], "ndjson") for path in sorted(captures.glob("*/*"))]
    assert harm and not any(harm), "\n".join(filter(None, harm))


def test_every_export_is_in_a_group(captures):
    grouped = {name for group in GROUPS for name in group.files.split()}
    there = {str(path.relative_to(captures)) for folder in ("logstash", "pmacct", "ipfixcol2", "tcpdump")
             for path in (captures / folder).iterdir()}
    assert there <= grouped, there - grouped
