"""Exports in words: the inputs of tests/golden/exporters, and how they become datagrams.

A line is a statement, # begins a comment. A datagram begins with its protocol, and sets follow:

    v9 sequence=7 domain=1          header fields that matter; or ipfix, or raw (what follows is all there is)
    flows 256                       a template and its records: one line a field
      8     ipv4   10.0.0.1 | 10.0.0.2      element, type, the value in each record
      6876.880 u8  6 | 17                   PEN.element
    template 256 / data 256         the same, of which only the template or only the records are sent
    options 257 scope=1             an options template and its records; the first fields are the scope
    options-template / options-data

Types: u8 to u64, ipv4, ipv6, mac, float64, text:N (padded to N bytes), text (variable length), hex (bytes), hex:var (variable length);
and times relative to the export, in seconds: seconds, ms, ntp (64 bits of RFC 5905), uptime (since the exporter's start).
In raw, lines are types and values without elements; { and } hold what a 32-bit length counts, as in sFlow.
"""
import ipaddress
import re
import struct

EXPORTED = 1767225600  # 2026-01-01T00:00:00Z, the time in all headers
UPTIME_MS = 3600000
NTP_EPOCH = 2208988800

VARIABLE = 65535


def variable(data):
    return (bytes([len(data)]) if len(data) < 255 else b"\xff" + struct.pack(">H", len(data))) + data


def value(kind, text):
    """(length in the template, bytes in the record)"""
    text = text.strip()
    name, _, more = kind.partition(":")
    if name == "text":
        data = text.encode()
        return (VARIABLE, variable(data)) if not more else (int(more), data.ljust(int(more), b"\0"))
    if name == "hex":
        data = bytes.fromhex(text)
        return (VARIABLE, variable(data)) if more else (len(data), data)
    if name in ("ipv4", "ipv6"):
        data = ipaddress.ip_address(text).packed
        assert len(data) == (4 if name == "ipv4" else 16), text
    elif name == "mac":
        data = bytes.fromhex(text.replace(":", ""))
    elif name == "float64":
        data = struct.pack(">d", float(text))
    elif name == "seconds":
        data = struct.pack(">I", EXPORTED + int(text))
    elif name == "ms":
        data = struct.pack(">Q", round((EXPORTED + float(text)) * 1000))
    elif name == "ntp":
        data = struct.pack(">Q", round((EXPORTED + NTP_EPOCH + float(text)) * 2**32))
    elif name == "uptime":
        data = struct.pack(">I", round(UPTIME_MS + float(text) * 1000))
    else:
        bits = re.fullmatch(r"u(\d+)", name)
        assert bits, f"no such type: {kind}"
        data = int(text, 0).to_bytes(int(bits[1]) // 8, "big")
    return len(data), data


class Message:
    def __init__(self, protocol, settings):
        self.protocol = protocol
        self.settings = settings
        self.body = b""
        self.count = 0  # of records: v9's header has it
        self.open = []  # of raw: where the lengths stand

    def number(self, name, otherwise):
        return int(self.settings.get(name, otherwise))

    def add_set(self, number, records, data):
        self.count += records
        data += b"\0" * (-len(data) % 4)
        self.body += struct.pack(">HH", number, 4 + len(data)) + data

    def bytes(self):
        assert not self.open, "a { without its }"
        if self.protocol == "raw":
            return self.body
        if self.protocol == "v9":
            return struct.pack(">HHIIII", 9, self.count, UPTIME_MS, EXPORTED, self.number("sequence", 0),
                               self.number("domain", 0)) + self.body
        return struct.pack(">HHIII", 10, 16 + len(self.body), EXPORTED, self.number("sequence", 0),
                           self.number("domain", 0)) + self.body


class Set:
    """Of fields (element, kind, values)."""

    def __init__(self, what, number, settings):
        self.what, self.number, self.settings, self.fields = what, int(number), settings, []

    def spec(self, protocol):
        out = b""
        for element, kind, values in self.fields:
            pen, _, number = element.rpartition(".")
            length = value(kind, values[0])[0]
            out += struct.pack(">HH", int(number) | (0x8000 if pen else 0), length)
            if pen:
                assert protocol == "ipfix", "v9 has no enterprises"
                out += struct.pack(">I", int(pen))
        return out

    def records(self):
        counts = {len(values) for _, _, values in self.fields}
        assert len(counts) == 1, f"template {self.number}: fields of {counts} records"
        records = counts.pop()
        return records, b"".join(value(kind, values[i])[1] for i in range(records) for _, kind, values in self.fields)

    def write(self, message):
        ipfix = message.protocol == "ipfix"
        options = self.what.startswith("options")
        scope = int(self.settings.get("scope", 0))
        if self.what in ("flows", "template"):
            spec = struct.pack(">HH", self.number, len(self.fields)) + self.spec(message.protocol)
            message.add_set(2 if ipfix else 0, 1, spec)
        if self.what in ("options", "options-template"):
            counts = (len(self.fields), scope) if ipfix else (4 * scope, 4 * (len(self.fields) - scope))
            spec = struct.pack(">HHH", self.number, *counts) + self.spec(message.protocol)
            message.add_set(3 if ipfix else 1, 1, spec)
        if self.what in ("flows", "data", "options", "options-data"):
            message.add_set(self.number, *self.records())
        assert options or not scope


def _raw(message, words):
    if words[0] == "{":
        message.open.append(len(message.body))
        message.body += b"\0\0\0\0"
    elif words[0] == "}":
        at = message.open.pop()
        message.body = message.body[:at] + struct.pack(">I", len(message.body) - at - 4) + message.body[at + 4:]
    else:
        message.body += value(words[0], " ".join(words[1:]))[1]


def datagrams(text):
    """The datagrams that a text describes."""
    messages, current = [], None
    for line in text.splitlines():
        words = re.sub(r"(^|\s)#.*", "", line).split()
        if not words:
            continue
        settings = dict(word.split("=") for word in words if "=" in word)
        if words[0] in ("v9", "ipfix", "raw"):
            if current:
                current.write(messages[-1])
            messages.append(Message(words[0], settings))
            current = None
        elif messages[-1].protocol == "raw":
            _raw(messages[-1], words)
        elif re.fullmatch(r"flows|template|data|options(-template|-data)?", words[0]):
            if current:
                current.write(messages[-1])
            current = Set(words[0], words[1], settings)
        else:
            current.fields.append((words[0], words[1], " ".join(words[2:]).split("|")))
    if current:
        current.write(messages[-1])
    return [message.bytes() for message in messages]
