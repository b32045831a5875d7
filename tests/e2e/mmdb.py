"""Writes small MMDB files, by the format's specification (version 2.0): a binary tree with records of 24 bits, and data."""
import ipaddress


UINT16, UINT32, UINT64 = 5, 6, 9


def _control(kind, size):
    extended = kind > 7
    length = size if size < 29 else 29 if size < 285 else 30
    head = bytes([(0 if extended else kind << 5) | length])
    if extended:
        head += bytes([kind - 7])
    if length == 29:
        head += bytes([size - 29])
    elif length == 30:
        head += (size - 285).to_bytes(2)
    return head


def encode(value):
    if isinstance(value, str):
        data = value.encode()
        return _control(2, len(data)) + data
    if isinstance(value, dict):
        return _control(7, len(value)) + b"".join(encode(key) + encode(member) for key, member in value.items())
    if isinstance(value, list):
        return _control(11, len(value)) + b"".join(map(encode, value))
    kind, number = value if isinstance(value, tuple) else (UINT32, value)
    data = number.to_bytes((number.bit_length() + 7) // 8)
    return _control(kind, len(data)) + data


def write(path, prefixes, kind="Test", version=6):
    """prefixes: {"192.0.2.0/24": record …}; of nested ones the longer counts."""
    nodes = [[None, None]]
    data, places = bytearray(), {}
    for text, record in sorted(prefixes.items(), key=lambda item: ipaddress.ip_network(item[0]).prefixlen):
        network = ipaddress.ip_network(text)
        bits = f"{int(network.network_address):0{network.max_prefixlen}b}"[:network.prefixlen]
        if network.version == 4 and version == 6:
            bits = "0" * 96 + bits
        if repr(record) not in places:
            places[repr(record)] = len(data)
            data += encode(record)
        node = 0
        for bit in map(int, bits[:-1]):
            below = nodes[node][bit]
            if not isinstance(below, list):
                nodes.append([below, below])  # what held for all of it holds for both halves
                nodes[node][bit] = [len(nodes) - 1]
            node = nodes[node][bit][0]
        nodes[node][int(bits[-1])] = ("data", places[repr(record)])

    def number(side):
        if side is None:
            return len(nodes)
        return side[0] if isinstance(side, list) else len(nodes) + 16 + side[1]

    tree = b"".join(number(side).to_bytes(3) for node in nodes for side in node)
    about = {"binary_format_major_version": (UINT16, 2), "binary_format_minor_version": (UINT16, 0),
             "build_epoch": (UINT64, 1767225600), "database_type": kind, "description": {"en": "test"},
             "ip_version": (UINT16, version), "languages": ["en"], "node_count": len(nodes), "record_size": (UINT16, 24)}
    path.write_bytes(tree + bytes(16) + bytes(data) + b"\xab\xcd\xefMaxMind.com" + encode(about))
    return path
