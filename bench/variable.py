"""A capture of IPFIX whose records have two fields of variable length, the application and the user (RFC 7011 §7): what
firewalls and deep inspection send, and what no collector can copy column by column. `weir generate` has none such."""
import json
import random
import struct

EXPORTERS = 8
RECORDS = 15  # a datagram, which stays below 1,500 bytes
TEMPLATE = 256
VARIABLE = 65535
# element, length
FIELDS = [(8, 4), (12, 4), (7, 2), (11, 2), (4, 1), (6, 1), (5, 1), (1, 8), (2, 8), (152, 8), (153, 8), (10, 4), (14, 4),
          (96, VARIABLE), (371, VARIABLE)]
FIXED = struct.Struct(">4s4sHHBBBQQQQII")
APPLICATIONS = [b"ssl", b"dns", b"web-browsing", b"ms-teams-audio-video", b"quic", b"ldap", b"smb", b"ntp", b"office365-exchange"]
START_S = 1769853600  # 2026-01-31T10:00:00Z


def set_of(number, body):
    return struct.pack(">HH", number, 4 + len(body)) + body


def frame(exporter, payload, when_s, when_us):
    udp = struct.pack(">HHHH", 40000 + exporter, 4739, 8 + len(payload), 0)
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 28 + len(payload), 0, 0, 64, 17, 0, bytes((127, 1, 0, exporter + 1)),
                     bytes((127, 0, 0, 1)))
    data = bytes.fromhex("0200000000020200000000010800") + ip + udp + payload
    return struct.pack("<IIII", when_s, when_us, len(data), len(data)) + data


def records(rng, count, now_ms):
    out = []
    for _ in range(count):
        packets = int(rng.paretovariate(1.1))
        end = now_ms - rng.randrange(60000)
        server = rng.randrange(400)
        name = APPLICATIONS[server % len(APPLICATIONS)]
        user = b"corp\\user%04d" % rng.randrange(3000)
        out.append(FIXED.pack(bytes((10, 0, rng.randrange(32), rng.randrange(1, 250))),
                              bytes((10, 1, server >> 8, server & 255)), rng.randrange(1024, 65536), (443, 53, 80, 445)[server & 3],
                              6 if server & 3 != 1 else 17, 0x1b, 0, packets * rng.randrange(60, 1400), packets,
                              end - rng.randrange(30000), end, rng.randrange(1, 9), rng.randrange(1, 9)))
        out.append(bytes((len(name),)) + name + bytes((len(user),)) + user)
    return b"".join(out)


def write(path, flows, rate=100000):
    """Returns the summary, as `weir generate --summary json` has it."""
    rng = random.Random(7)
    fields = b"".join(struct.pack(">HH", *f) for f in FIELDS)
    template = set_of(2, struct.pack(">HH", TEMPLATE, len(FIELDS)) + fields)
    sequence = [0] * EXPORTERS
    sent = datagrams = 0
    with open(path, "wb") as f:
        f.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
        while sent < flows:
            exporter = datagrams % EXPORTERS
            count = min(RECORDS, flows - sent)
            us = sent * 1000000 // rate
            when_s = START_S + us // 1000000
            # The template comes with the first datagram of an exporter, and every now and then.
            sets = template if datagrams // EXPORTERS % 200 == 0 else b""
            sets += set_of(TEMPLATE, records(rng, count, when_s * 1000 + us % 1000000 // 1000))
            payload = struct.pack(">HHIII", 10, 16 + len(sets), when_s, sequence[exporter], exporter) + sets
            f.write(frame(exporter, payload, when_s, us % 1000000))
            sequence[exporter] += count
            sent += count
            datagrams += 1
    return json.dumps({"flows": sent, "datagrams": datagrams})
