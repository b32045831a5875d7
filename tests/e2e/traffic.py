"""Traffic for the exporters to see: a pcap of conversations, seeded. Written by hand rather than with scapy, which
takes a second only to start."""
import random
import socket
import struct


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def ipv4(source, target, proto, payload):
    header = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 1, 0, 64, proto, 0, socket.inet_aton(source),
                         socket.inet_aton(target))
    header = header[:10] + struct.pack(">H", checksum(header)) + header[12:]
    return b"\x08\x00" + header + payload


def ipv6(source, target, proto, payload):
    return b"\x86\xdd" + struct.pack(">IHBB", 6 << 28, len(payload), proto, 64) + \
        socket.inet_pton(socket.AF_INET6, source) + socket.inet_pton(socket.AF_INET6, target) + payload


def tagged(frame, *vlans):
    """A frame with VLAN tags, the outermost first."""
    return b"".join(struct.pack(">HH", 0x8100, vlan) for vlan in vlans) + frame


def tcp(source, target, flags, size):
    return struct.pack(">HHIIBBHHH", source, target, 1, 1, 0x50, flags, 8192, 0, 0) + bytes(size)


def udp(source, target, size):
    return struct.pack(">HHHH", source, target, 8 + size, 0) + bytes(size)


def icmp(kind, code, size):
    body = struct.pack(">BBHHH", kind, code, 0, 1, 1) + bytes(size)
    return body[:2] + struct.pack(">H", checksum(body)) + body[4:]


def conversations(seed, count, with_ipv6):
    """Frames (without the Ethernet addresses) of `count` conversations, their packets mixed."""
    rng = random.Random(seed)
    packets = []
    for i in range(count):
        six = with_ipv6 and i % 4 == 3
        ip = ipv6 if six else ipv4
        here = f"2001:db8:1::{i % 50 + 1:x}" if six else f"192.0.2.{i % 50 + 1}"
        there = f"2001:db8:2::{i % 9 + 1:x}" if six else f"203.0.113.{i % 9 + 1}"
        port = 20000 + i
        kind = rng.choice(("tcp", "udp", "icmp"))
        for n in range(rng.randint(1, 12)):
            size = rng.randint(0, 1300)
            back = n % 2
            ends = (there, here) if back else (here, there)
            if kind == "tcp":
                ports = (443, port) if back else (port, 443)
                packets.append((rng.random(), ip(*ends, 6, tcp(*ports, 0x02 if n == 0 else 0x18, size))))
            elif kind == "udp":
                ports = (53, port) if back else (port, 53)
                packets.append((rng.random(), ip(*ends, 17, udp(*ports, size))))
            elif not six:
                packets.append((rng.random(), ip(*ends, 1, icmp(0 if back else 8, 0, size))))
    packets.sort(key=lambda p: p[0])
    return [frame for _, frame in packets]


def write_pcap(path, frames, times_us=None):
    """Frames without the Ethernet addresses, a millisecond apart, or at times of their own."""
    with open(path, "wb") as f:
        f.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
        for i, frame in enumerate(frames):
            data = bytes.fromhex("0200000000020200000000") + b"\x01" + frame
            at = times_us[i] if times_us else i * 1000
            f.write(struct.pack("<IIII", 1700000000 + at // 1000000, at % 1000000, len(data), len(data)))
            f.write(data)
    return path
