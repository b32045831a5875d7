"""What the roles take of memory."""
import random
import socket
import struct

from conftest import wait_until
from test_faults import made, memory_mb, system  # noqa: F401  pylint: disable=unused-import

EXPORTERS, TEMPLATES, RECORDS = 1000, 20, 2
COLLECT_MB_MAX = 64
# element, length: what routers send
FIELDS = [(8, 4), (12, 4), (7, 2), (11, 2), (4, 1), (6, 1), (5, 1), (1, 8), (2, 8), (152, 8), (153, 8), (10, 4), (14, 4),
          (16, 4), (17, 4), (9, 1), (13, 1)]


def set_of(number, body):
    return struct.pack(">HH", number, 4 + len(body)) + body


def datagrams(orders, domain):
    """All templates, and records of each, in messages below 1,500 bytes."""
    sequence = 0
    for first in range(0, len(orders), 7):
        sets = b""
        for number, order in enumerate(orders[first:first + 7], 256 + first):
            fields = b"".join(struct.pack(">HH", *field) for field in order)
            sets += set_of(2, struct.pack(">HH", number, len(order)) + fields)
            sets += set_of(number, bytes(sum(length for _, length in order)) * RECORDS)
        yield struct.pack(">HHIII", 10, 16 + len(sets), 1767225600, sequence, domain) + sets
        sequence += RECORDS * len(orders[first:first + 7])


def test_collect_with_a_thousand_exporters_of_twenty_templates(system):  # noqa: F811
    """In less than 64 MB, and no template is refused for want of room."""
    s = system()
    collect = s.start_collect()
    rng = random.Random(1)
    sent = 0
    for number in range(EXPORTERS):
        orders = [rng.sample(FIELDS, len(FIELDS)) for _ in range(TEMPLATES)]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as exporter:
            exporter.bind((f"127.20.{number // 250}.{number % 250 + 1}", 0))
            exporter.connect(("127.0.0.1", s.collect_port))
            for message in datagrams(orders, number):
                exporter.send(message)
            sent += TEMPLATES * RECORDS
        if number % 250 == 249:  # what the receive buffer holds
            wait_until("the flows", lambda: s.count("collect", "weir_collect_flows_total") == sent)
    assert s.count("collect", "weir_collect_flows_total") == EXPORTERS * TEMPLATES * RECORDS
    assert memory_mb(collect) < COLLECT_MB_MAX
