"""Deterministic CBOR as section 1 restricts it, and checks of structure."""
from .errors import Deviation, Unsupported, need

MAX_DEPTH = 16


def encode(value):
    def head(major, n):
        if n < 24:
            return bytes([major << 5 | n])
        for code, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
            if n < 1 << 8 * size:
                return bytes([major << 5 | code]) + n.to_bytes(size, "big")
        raise ValueError("integer too large for CBOR")
    if value is True or value is False:
        return b"\xf5" if value else b"\xf4"
    if isinstance(value, int):
        return head(0, value) if value >= 0 else head(1, -1 - value)
    if isinstance(value, (bytes, bytearray)):
        return head(2, len(value)) + bytes(value)
    if isinstance(value, str):
        raw = value.encode("utf-8")
        return head(3, len(raw)) + raw
    if isinstance(value, (list, tuple)):
        return head(4, len(value)) + b"".join(map(encode, value))
    if isinstance(value, dict):
        items = sorted((encode(k), encode(v)) for k, v in value.items())
        return head(5, len(items)) + b"".join(k + v for k, v in items)
    raise TypeError(f"not representable: {type(value)}")


class _Decoder:
    def __init__(self, data, where):
        self.data, self.pos, self.where = data, 0, where

    def fail(self, what):
        raise Deviation(f"{self.where}: CBOR at byte {self.pos}: {what}")

    def take(self, n):
        if n > len(self.data) - self.pos:
            self.fail("ends too early")
        self.pos += n
        return self.data[self.pos - n:self.pos]

    def head(self):
        first = self.take(1)[0]
        major, info = first >> 5, first & 31
        if major == 7:
            if info not in (20, 21):
                self.fail(f"simple value or float {first:#04x} is not allowed")
            return major, info
        if info < 24:
            return major, info
        if info > 27:
            self.fail("indefinite or reserved length")
        size = 1 << info - 24
        n = int.from_bytes(self.take(size), "big")
        if n < (24 if size == 1 else 1 << 4 * size):
            self.fail("integer is not in its shortest form")
        return major, n

    def item(self, depth):
        major, n = self.head()
        if major == 7:
            return n == 21
        if major == 0:
            return n
        if major == 1:
            if n >> 63:
                self.fail("integer below -2^63")
            return -1 - n
        if major == 2:
            return bytes(self.take(n))
        if major == 3:
            try:
                return bytes(self.take(n)).decode("utf-8")
            except UnicodeDecodeError:
                self.fail("text is not UTF-8")
        if major == 6:
            self.fail("tags are not allowed")
        if depth >= MAX_DEPTH:
            self.fail(f"nested deeper than {MAX_DEPTH}")
        if n > len(self.data) - self.pos:
            self.fail("more elements than bytes")
        if major == 4:
            return [self.item(depth + 1) for _ in range(n)]
        out, last = {}, None
        for _ in range(n):
            start = self.pos
            if self.data[start:start + 1] and self.data[start] >> 5 not in (0, 3):
                self.fail("map key is neither an unsigned integer nor text")
            key = self.item(depth + 1)
            raw = bytes(self.data[start:self.pos])
            if last is not None and raw <= last:
                self.fail("map keys are not in order, or one is there twice")
            last = raw
            out[key] = self.item(depth + 1)
        return out


def decode(data, where):
    decoder = _Decoder(data, where)
    value = decoder.item(0)
    if decoder.pos != len(data):
        decoder.fail("bytes follow the value")
    return value


# Checks: each is a function (value, where) that raises Deviation.

def uint(maximum=(1 << 64) - 1, minimum=0):
    def check(v, where):
        need(type(v) is int and v >= 0, f"{where}: not an unsigned integer")
        need(minimum <= v <= maximum, f"{where}: {v} is outside {minimum} to {maximum}")
    return check


def sint(v, where):
    need(type(v) is int, f"{where}: not an integer")
    need(-1 << 63 <= v < 1 << 63, f"{where}: {v} is outside -2^63 to 2^63 - 1")


u8, u32 = uint((1 << 8) - 1), uint((1 << 32) - 1)


def choice(maximum):
    """A number whose meanings the document lists: those above `maximum` belong to a later version."""
    def check(v, where):
        uint()(v, where)
        need(v <= maximum, f"{where}: {v} has no meaning in this version", Unsupported)
    return check


def octets(size=None, maximum=None, minimum=0):
    def check(v, where):
        need(type(v) is bytes, f"{where}: not bytes")
        need(size is None or len(v) == size, f"{where}: {len(v)} bytes instead of {size}")
        need(maximum is None or len(v) <= maximum, f"{where}: {len(v)} bytes, more than {maximum}")
        need(len(v) >= minimum, f"{where}: {len(v)} bytes, fewer than {minimum}")
    return check


def text(v, where):
    need(type(v) is str, f"{where}: not text")


def short_text(v, where):
    text(v, where)
    need(len(v.encode()) <= 65_536, f"{where}: longer than 65536 bytes")


def boolean(v, where):
    need(type(v) is bool, f"{where}: not a bool")


def array(each, minimum=0, maximum=None, order=None):
    """`order` maps an element to what must strictly increase."""
    def check(v, where):
        need(type(v) is list, f"{where}: not an array")
        need(len(v) >= minimum, f"{where}: fewer than {minimum} elements")
        need(maximum is None or len(v) <= maximum, f"{where}: more than {maximum} elements")
        for i, x in enumerate(v):
            each(x, f"{where}[{i}]")
            if order and i:
                need(order(v[i - 1]) < order(x), f"{where}[{i}]: not sorted, or there twice")
    return check


def row(*columns):
    def check(v, where):
        need(type(v) is list and len(v) == len(columns), f"{where}: not an array of {len(columns)}")
        for i, (x, column) in enumerate(zip(v, columns)):
            column(x, f"{where}[{i}]")
    return check


time = row(sint, uint(999_999_999))


def text_map(v, where):
    need(type(v) is dict, f"{where}: not a map")
    for k, x in v.items():
        short_text(k, f"{where} label")
        short_text(x, f"{where} {k!r}")


def any_map(v, where):
    need(type(v) is dict, f"{where}: not a map")


class Opt:
    """An optional key; one that holds its default should have been absent. Empty arrays are accepted unless they are the `default`."""

    def __init__(self, check, default=None):
        self.check, self.default = check, default


def fields(spec):
    """A map of the keys in `spec`; unknown keys are kept, whatever they hold."""
    def check(v, where):
        need(type(v) is dict, f"{where}: not a map")
        for k in v:
            need(type(k) is int, f"{where}: key {k!r} is not an unsigned integer")
        for k, rule in spec.items():
            optional = isinstance(rule, Opt)
            if k not in v:
                need(optional, f"{where}: key {k} is missing")
                continue
            (rule.check if optional else rule)(v[k], f"{where}.{k}")
            if optional and rule.default is not None:
                need(v[k] != rule.default or type(v[k]) is not type(rule.default),
                     f"{where}.{k}: present although it has its default value")
    return check
