"""Frames of tunnels and labels, recorded from real networks, as sFlow samples: outer and inner addresses as tshark reads them."""
import json
import shutil
import struct
import subprocess
import xml.etree.ElementTree as ElementTree

import pytest

FILES = [
    "akvorado/gre-v4-key.pcap", "akvorado/gre-v4-plain.pcap", "akvorado/gre-v6-plain.pcap", "akvorado/ipv4-ipv4.pcap",
    "akvorado/ipv4-ipv6.pcap", "akvorado/mpls-explicit-null-ipv4.pcap", "akvorado/mpls-explicit-null-ipv6.pcap",
    "akvorado/mpls-ipv4.pcap", "akvorado/mpls-ipv6.pcap", "akvorado/vlan-ipv6.pcap", "packets/geneve.pcap",
    "packets/mpls-traceroute.pcap", "packets/nsh-over-vxlan-gpe.pcap", "packets/various_gre.pcap",
    "packets/vxlan_port_8472.pcap",
]
PROTOCOLS = {1: 1, 9: 7}  # sFlow's header protocol of pcap's link type: Ethernet, PPP
PORTS = {"tcp", "udp", "sctp", "dccp"}


def frames(path):
    """(header protocol, frame, its length on the wire) of each packet of a little-endian pcap."""
    data = path.read_bytes()
    assert data[:4] == b"\xd4\xc3\xb2\xa1"
    protocol = PROTOCOLS[struct.unpack("<I", data[20:24])[0]]
    at = 24
    while at < len(data):
        _, _, kept, length = struct.unpack("<IIII", data[at:at + 16])
        yield protocol, data[at + 16:at + 16 + kept], length
        at += 16 + kept


def sample(protocol, frame, length, header_max):
    """A datagram of sFlow with one flow sample of one raw packet header."""
    head = frame[:header_max]
    record = struct.pack(">IIII", protocol, length + 4, 4, len(head)) + head + bytes(-len(head) % 4)
    flow = struct.pack(">IIIIIIII", 1, 1, 100, 100, 0, 1, 2, 1) + struct.pack(">II", 1, len(record)) + record
    return struct.pack(">II4sIIII", 5, 1, b"\xc0\0\2\7", 0, 1, 1000, 1) + struct.pack(">II", 1, len(flow)) + flow


def decode(weir, folder, packets, addresses, header_max=1400):
    """The flow of each frame."""
    with open(folder / "samples.pcap", "wb") as out:
        out.write(struct.pack("<IHHIIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 101))
        for protocol, frame, length in packets:
            payload = sample(protocol, frame, length, header_max)
            packet = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 28 + len(payload), 0, 0, 64, 17, 0, b"\x0a\0\0\1", b"\x0a\0\0\2")
            packet += struct.pack(">HHHH", 6343, 6343, 8 + len(payload), 0) + payload
            out.write(struct.pack("<IIII", 1767225600, 0, len(packet), len(packet)) + packet)
    done = subprocess.run([weir, "decode", "-f", "ndjson", "--sflow-addresses", addresses, folder / "samples.pcap"],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    flows = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(flows) == len(packets)
    return flows


def shown(proto, field):
    node = proto.find(f"field[@name='{field}']")
    return None if node is None else node.get("show")


def headers(packet):
    """The IP headers of a packet of tshark's, outermost first, each with the ports behind it."""
    found = []
    for proto in packet.findall("proto"):
        name = proto.get("name")
        if name in ("icmp", "icmpv6"):  # what it quotes is no tunnel
            break
        if name in ("ip", "ipv6"):
            found.append({"src_addr": shown(proto, f"{name}.src"), "dst_addr": shown(proto, f"{name}.dst")})
        elif name in PORTS and found:
            found[-1]["src_port"] = int(shown(proto, f"{name}.srcport"))
            found[-1]["dst_port"] = int(shown(proto, f"{name}.dstport"))
    return found


def by_tshark(path):
    text = subprocess.run(["tshark", "-r", path, "-T", "pdml", "-d", "udp.port==8472,vxlan"], capture_output=True, text=True,
                          check=True, timeout=60).stdout
    return [headers(packet) for packet in ElementTree.fromstring(text)]


def told(flow):
    return {name: flow[name] for name in ("src_addr", "dst_addr", "src_port", "dst_port") if name in flow}


@pytest.mark.parametrize("name", FILES)
def test_addresses_as_tshark_reads_them(weir, captures, tmp_path, name):
    if not shutil.which("tshark"):
        pytest.skip("tshark is not installed: tools/setup test")
    packets = list(frames(captures / name))
    expected = by_tshark(captures / name)
    assert len(expected) == len(packets)
    for which, addresses in ((0, "outer"), (-1, "inner")):
        flows = decode(weir, tmp_path, packets, addresses)
        for number, (flow, found) in enumerate(zip(flows, expected), 1):
            assert told(flow) == (found[which] if found else {}), f"{addresses} of frame {number}"
            tunnel = flow.get("extra", {}).get("tunnel_dst_addr")
            assert tunnel == (found[0]["dst_addr"] if addresses == "inner" and len(found) > 1 else None), f"frame {number}"


@pytest.mark.parametrize("name, word", [("cw", "with"), ("invalid-cw", "with a sequence number in")])
def test_ethernet_pseudowire(weir, captures, tmp_path, name, word):
    """tshark does not see the IP packet within (its heuristic takes the control word for an address)."""
    flow, = decode(weir, tmp_path, list(frames(captures / f"akvorado/mpls-eompls-{name}.pcap")), "outer")
    assert told(flow) == {"src_addr": "10.31.0.1", "dst_addr": "10.34.0.1", "src_port": 11001, "dst_port": 23}, word
    assert (flow["src_mac"], flow["dst_mac"]) == ("02:00:00:00:00:04", "02:00:00:00:00:03")
    assert "mpls_label_1" in flow


def test_what_labels_carry_is_not_guessed(weir, captures, tmp_path):
    flow, = decode(weir, tmp_path, list(frames(captures / "akvorado/mpls-invalid-nibble.pcap")), "inner")
    assert told(flow) == {} and flow["mpls_label_1"] == 100


def test_samples_of_128_bytes(weir, captures, tmp_path):
    """What agents cut to: VXLAN's inner addresses are still there."""
    packets = list(frames(captures / "packets/vxlan_port_8472.pcap"))
    whole = decode(weir, tmp_path, packets, "inner")
    cut = decode(weir, tmp_path, packets, "inner", header_max=128)
    assert [told(flow) for flow in cut] == [told(flow) for flow in whole]
    assert sum("tunnel_dst_addr" in flow.get("extra", {}) for flow in cut) > 2


def test_packet_of_segmentation_offload(weir, captures, tmp_path):
    """Of 80 KB, so that its lengths are 0, which tshark does not follow into VXLAN."""
    packets = list(frames(captures / "packets/bigtcp-ipv4-vxlan-ipv6.pcap"))
    flow, = decode(weir, tmp_path, packets, "inner")
    assert told(flow) == {"src_addr": "fd00::2", "dst_addr": "fd00::1", "src_port": 33673, "dst_port": 36425}
    assert flow["extra"]["tunnel_src_addr"] == "10.25.132.11" and flow["bytes"] == 80064
