"""Exporters that send too much: NetFlow v5 from addresses of the loopback network, as fast as asked. As a program it floods:
flood.py PORT SECONDS SOURCE…"""
import socket
import struct
import sys
import time


def netflow5(sequence, flows=30):
    """A datagram whose flows are alike."""
    now = time.time()
    record = struct.pack("!4s4s4sHHIIIIHHBBBBHHBBH", bytes([192, 0, 2, 1]), bytes([192, 0, 2, 2]), bytes(4), 1, 2, 10, 1000,
                         1000, 2000, 40000, 443, 0, 16, 6, 0, 0, 0, 24, 24, 0)
    header = struct.pack("!HHIIIIBBH", 5, flows, 60000, int(now), 0, sequence & 0xFFFFFFFF, 0, 0, 0)
    return header + record * flows


class Exporter:
    """One source address."""

    def __init__(self, source, port, flows=30):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((source, 0))
        self.socket.connect(("127.0.0.1", port))
        self.flows, self.sent = flows, 0

    def send(self):
        self.socket.send(netflow5(self.sent * self.flows, self.flows))
        self.sent += 1


def flood(port, seconds, sources):
    """Everything that this processor can send; how many datagrams."""
    exporters = [Exporter(source, port) for source in sources]
    datagram = netflow5(0)
    end, sent = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        for exporter in exporters:
            for _ in range(64):
                try:
                    exporter.socket.send(datagram)
                except OSError:  # its own buffer is full
                    continue
                sent += 1
    return sent


if __name__ == "__main__":
    print(flood(int(sys.argv[1]), float(sys.argv[2]), sys.argv[3:]))
