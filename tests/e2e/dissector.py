"""What tshark's cflow dissector makes of NetFlow and IPFIX: an opinion from outside on what weir decodes.

A record is a dictionary of weir's column names, so far as both have them. Only fields that a record has once are
in it.
"""
import re
import struct
import subprocess
import xml.etree.ElementTree as ElementTree

# tshark's field, weir's column, and how to read the text.
FIELDS = {
    "cflow.srcaddr": ("src_addr", str),
    "cflow.srcaddrv6": ("src_addr", str),
    "cflow.dstaddr": ("dst_addr", str),
    "cflow.dstaddrv6": ("dst_addr", str),
    "cflow.srcport": ("src_port", int),
    "cflow.dstport": ("dst_port", int),
    "cflow.protocol": ("proto", int),
    "cflow.tcpflags": ("tcp_flags", lambda text: int(text, 0)),
    "cflow.tos": ("ip_tos", lambda text: int(text, 0)),
    "cflow.octets": ("bytes", int),
    "cflow.octets64": ("bytes", int),
    "cflow.packets": ("packets", int),
    "cflow.packets64": ("packets", int),
    "cflow.inputint": ("in_if", int),
    "cflow.outputint": ("out_if", int),
    "cflow.srcas": ("src_as", int),
    "cflow.dstas": ("dst_as", int),
    "cflow.srcmask": ("src_mask", int),
    "cflow.dstmask": ("dst_mask", int),
    "cflow.srcmaskv6": ("src_mask", int),
    "cflow.dstmaskv6": ("dst_mask", int),
    "cflow.nexthop": ("next_hop", str),
    "cflow.bgpnexthop": ("bgp_next_hop", str),
    "cflow.direction": ("direction", int),
    "cflow.srcmac": ("src_mac", str),
    "cflow.dstmac": ("dst_mac", str),
    "cflow.vlanid": ("src_vlan", int),
}


def messages(data):
    """The messages of a file of IPFIX or NetFlow v5 messages; of any other file, all of it."""
    while data:
        number = struct.unpack(">H", data[2:4])[0]
        length = {b"\0\x0a": number, b"\0\x05": 24 + 48 * number}.get(data[:2], len(data))
        # What follows a message of v5 is another one, or belongs to it and is too much.
        if not 16 <= length <= len(data) or (data[:2] == b"\0\x05" and data[length:length + 2] != data[:2]):
            length = len(data)
        yield data[:length]
        data = data[length:]


def datagrams(path):
    """(source, payload) of each datagram of a little-endian pcap file of Ethernet and IPv4, or of a raw file."""
    data = path.read_bytes()
    if data[:4] != b"\xd4\xc3\xb2\xa1":
        for message in messages(data):
            yield b"", message
        return
    assert struct.unpack("<I", data[20:24])[0] == 1, f"{path} is not of Ethernet"
    at = 24
    while at < len(data):
        length = struct.unpack("<I", data[at + 8:at + 12])[0]
        packet = data[at + 16:at + 16 + length]
        at += 16 + length
        while packet[12:14] == b"\x81\0":
            packet = packet[:12] + packet[16:]
        packet = packet[14:]
        if packet[0] >> 4 == 4 and packet[9] == 17:
            header = (packet[0] & 15) * 4
            end = header + struct.unpack(">H", packet[header + 4:header + 6])[0]
            yield packet[12:16], packet[header + 8:end]


def write_pcap(path, groups):
    """All datagrams of all groups in one capture of raw IP; the sources of group n become 10.n.0.1, 10.n.1.1 …"""
    with open(path, "wb") as out:
        out.write(struct.pack("<IHHIIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 101))
        for number, files in enumerate(groups):
            sources = []
            for source, payload in (each for file in files for each in datagrams(file)):
                if source not in sources:
                    sources.append(source)
                address = bytes([10, number, sources.index(source), 1])
                packet = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 28 + len(payload), 0, 0, 64, 17, 0, address, b"\x0a\0\0\2")
                packet += struct.pack(">HHHH", 2055, 2055, 8 + len(payload), 0) + payload
                out.write(struct.pack("<IIII", 1767225600, 0, len(packet), len(packet)) + packet)


def read_record(node):
    values = {}
    for field in node.iter("field"):
        if field.get("name") in FIELDS:
            column, read = FIELDS[field.get("name")]
            values.setdefault(column, []).append(read(field.get("show")))
    return {column: several[0] for column, several in values.items() if len(several) == 1}


def read_message(proto, options):
    """Each record of a message as (is it of an options template, its values). options: their numbers so far."""
    for node in proto.iter("field"):
        show = node.get("show") or ""
        match = re.match(r"Options Template \(Id = (\d+)\)", show)
        if match:
            options.add(int(match[1]))
    for flow_set in proto.findall("field"):
        show = flow_set.get("show") or ""
        number = re.match(r"(?:FlowSet|Set) \d+ \[id=(\d+)\]", show)
        if number:
            for node in flow_set.findall("field"):
                if re.match(r"Flow \d+", node.get("show") or ""):
                    yield int(number[1]) in options, read_record(node)
        elif re.match(r"pdu \d+/\d+", show):
            yield False, read_record(flow_set)


def dissect(groups, folder):
    """What tshark sees in each group of files: a list of (flows, options records)."""
    capture = folder / "groups.pcap"
    write_pcap(capture, groups)
    pdml = subprocess.run(["tshark", "-n", "-r", capture, "-d", "udp.port==2055,cflow", "-T", "pdml"],
                          capture_output=True, check=True).stdout
    seen = [([], [], set()) for _ in groups]
    for packet in ElementTree.fromstring(pdml).iter("packet"):
        source = next(node.get("show") for node in packet.iter("field") if node.get("name") == "ip.src")
        flows, records, options = seen[int(source.split(".")[1])]
        for proto in packet.findall("proto"):
            if proto.get("name") == "cflow":
                for is_options, values in read_message(proto, options):
                    (records if is_options else flows).append(values)
    return [(flows, records) for flows, records, _ in seen]
