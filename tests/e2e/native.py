"""Reads segments of the spool without weir: LZ4 frames through liblz4, then ClickHouse's Native format by hand."""
import ctypes
import ctypes.util
import struct

WIDTHS = {"UInt8": 1, "UInt16": 2, "UInt32": 4, "UInt64": 8, "IPv4": 4, "IPv6": 16, "DateTime64(3, 'UTC')": 8}
LETTERS = {"UInt8": "B", "UInt16": "H", "UInt32": "I", "UInt64": "Q"}  # a column has the narrowest that holds its values


def _lz4():
    library = ctypes.CDLL(ctypes.util.find_library("lz4") or "liblz4.so.1")
    size_t, pointer = ctypes.c_size_t, ctypes.c_void_p
    library.LZ4F_createDecompressionContext.argtypes = [ctypes.POINTER(pointer), ctypes.c_uint]
    library.LZ4F_createDecompressionContext.restype = size_t
    library.LZ4F_freeDecompressionContext.argtypes = [pointer]
    library.LZ4F_decompress.argtypes = [pointer, pointer, ctypes.POINTER(size_t), pointer, ctypes.POINTER(size_t), pointer]
    library.LZ4F_decompress.restype = size_t
    library.LZ4F_isError.argtypes = [size_t]
    return library


def decompress(data):
    """All frames of data; ValueError where it does not end with a whole one."""
    library = _lz4()
    context = ctypes.c_void_p()
    library.LZ4F_createDecompressionContext(ctypes.byref(context), 100)
    source = ctypes.create_string_buffer(data, len(data))
    target = ctypes.create_string_buffer(1 << 20)
    out, at, hint = [], 0, 1
    try:
        while at < len(data):
            made, used = ctypes.c_size_t(len(target)), ctypes.c_size_t(len(data) - at)
            hint = library.LZ4F_decompress(context, target, ctypes.byref(made), ctypes.byref(source, at),
                                           ctypes.byref(used), None)
            if library.LZ4F_isError(hint):
                raise ValueError("not LZ4 frames")
            out.append(target.raw[:made.value])
            at += used.value
    finally:
        library.LZ4F_freeDecompressionContext(context)
    if hint:
        raise ValueError("the last frame is cut off")
    return b"".join(out)


class _Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, n):
        if self.at + n > len(self.data):
            raise ValueError("a Native block is cut off")
        self.at += n
        return self.data[self.at - n:self.at]

    def varint(self):
        value = shift = 0
        while True:
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7

    def string(self):
        return self.take(self.varint()).decode()

    def column(self, kind, rows):
        if kind.startswith("Enum8"):
            return self.take(rows)
        if kind == "String":
            return [self.string() for _ in range(rows)]
        if kind == "Map(String, String)":
            ends = struct.unpack(f"<{rows}Q", self.take(8 * rows))
            total = ends[-1] if rows else 0
            return [self.string() for _ in range(2 * total)]
        if kind == "LowCardinality(String)":
            _, flags, keys = struct.unpack("<3Q", self.take(24))
            names = [self.string() for _ in range(keys)]
            width = 1 << (flags & 0xFF)
            assert self.take(8) == struct.pack("<Q", rows)
            indexes = self.take(rows * width)
            return [names[int.from_bytes(indexes[at:at + width], "little")] for at in range(0, len(indexes), width)]
        return self.take(WIDTHS[kind] * rows)


def sums(path):
    """The rows of a segment and the sum of their bytes."""
    reader = _Reader(decompress(path.read_bytes()))
    flows = total = 0
    while reader.at < len(reader.data):
        columns, rows = reader.varint(), reader.varint()
        flows += rows
        for _ in range(columns):
            name, kind = reader.string(), reader.string()
            values = reader.column(kind, rows)
            if name == "bytes":
                total += sum(struct.unpack(f"<{rows}{LETTERS[kind]}", values))
    return flows, total


def names(path):
    """The columns of names of a segment, by name."""
    reader = _Reader(decompress(path.read_bytes()))
    found = {}
    while reader.at < len(reader.data):
        columns, rows = reader.varint(), reader.varint()
        for _ in range(columns):
            name, kind = reader.string(), reader.string()
            values = reader.column(kind, rows)
            if kind == "LowCardinality(String)":
                found.setdefault(name, []).extend(values)
    return found
