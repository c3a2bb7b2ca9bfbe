"""Sections 9.1, 9.2 and 10: packs, frames and index segments, and finding blobs."""
import io
import struct
from collections import OrderedDict
from dataclasses import dataclass

import zstandard

from . import crypto
from .errors import Deviation, Unsupported, need
from .objects import magic, preamble, reserved

MAX_PLAIN, MAX_FRAME_BLOBS = 16_777_216, 65_536
MAX_FRAMES, MAX_BLOBS, MAX_HEADER = 1_048_576, 4_194_304, 67_108_864
KINDS = {0: {0, 3, *range(16, 32)}, 1: {1}, 2: {2}}
PAGE = 65_520
MAX_WINDOW = 16_777_216
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"


@dataclass
class Frame:
    offset: int
    stored: int
    plain: int
    key: int
    kind: int
    codec: int
    blobs: list  # (id, length, offset in the plaintext)


def decompress(data, plain, where):
    """One zstd frame, never more than `plain` bytes out of it."""
    need(data[:4] == ZSTD_MAGIC, f"{where}: not a zstd frame")
    try:
        p = zstandard.get_frame_parameters(data)
        need(p.dict_id == 0, f"{where}: zstd frame needs a dictionary")
        need(p.content_size == plain, f"{where}: zstd frame says {p.content_size} bytes instead of {plain}")
        need(p.window_size <= MAX_WINDOW, f"{where}: zstd window of {p.window_size} bytes")
        reader = zstandard.ZstdDecompressor().stream_reader(io.BytesIO(data), read_across_frames=False)
        out = reader.read(plain + 1)
        need(len(out) == plain, f"{where}: decompressed length is not {plain}")
        whole = zstandard.ZstdDecompressor().decompressobj()  # bounded: the frame was just seen to end
        need(whole.decompress(data) == out and whole.eof and not whole.unused_data,
             f"{where}: not exactly one zstd frame")
        return out
    except zstandard.ZstdError as e:
        raise Deviation(f"{where}: zstd: {e}") from None


class Pack:
    def __init__(self, store, name, config, keys):
        self.where, self.config, self.keys = f"pack/{name.hex()[:2]}/{name.hex()}", config, keys
        need(self.where in store.names, f"{self.where}: missing")
        self.name, self.store, self.size = name, store, store.names[self.where]
        need(self.size >= 64 + crypto.BOX_OVERHEAD + 32, f"{self.where}: too short for a pack")
        self.preamble = preamble(self.at(0, 64), "P", self.where, config)
        self.kind_class = self.preamble.flags
        end = self.at(self.size - 32, 32)
        self.header_offset, self.header_length = struct.unpack_from("<QI", end)
        need(end[24:] == magic("P")[::-1], f"{self.where}: does not end with the reversed magic")
        reserved(end[12:24], f"{self.where}: trailer")
        need(self.header_offset >= 64 and self.header_offset + self.header_length + 32 == self.size,
             f"{self.where}: header position does not fit the pack")
        need(self.header_length <= MAX_HEADER + crypto.BOX_OVERHEAD, f"{self.where}: header is too large")
        aad = self.preamble.raw + struct.pack("<Q", self.header_offset)
        box = self.at(self.header_offset, self.header_length)
        self.parse(crypto.box_open(config.suite, keys.header, aad, box, f"{self.where} header"))
        self.secrets, self._by_id = {}, None

    def at(self, offset, length):
        with self.store.open(self.where) as f:
            f.seek(offset)
            data = f.read(length)
        need(len(data) == length, f"{self.where}: ends early")
        return data

    def parse(self, h):
        where, pos = f"{self.where} header", 0

        def take(layout):
            nonlocal pos
            size = struct.calcsize(layout)
            need(pos + size <= len(h), f"{where}: ends early")
            pos += size
            return struct.unpack_from(layout, h, pos - size)
        self.sessions = []
        for i in range(take("<I")[0]):
            session, epoch, kind, zero, w = take("<32sIBBH")
            reserved([zero], f"{where}: session key {i}")
            need(kind != 1 or w == 112, f"{where}: wrap of {w} bytes")
            need(i < 65_535, f"{where}: too many session keys")
            self.sessions.append((session, epoch, kind, take(f"{w}s")[0]))
        count = take("<I")[0]
        need(count <= MAX_FRAMES, f"{where}: {count} frames")
        rows = [take("<IIIIHBBI") for _ in range(count)]
        need(sum(r[3] for r in rows) <= MAX_BLOBS, f"{where}: too many blobs")
        self.frames = []
        for i, (offset, stored, plain, nblobs, key, kind, codec, zero) in enumerate(rows):
            w = f"{where}: frame {i}"
            reserved([zero], w)
            need(any(kind in known for known in KINDS.values()), f"{w}: kind {kind}", Unsupported)
            need(kind in KINDS[self.kind_class], f"{w}: kind {kind} in a pack of class {self.kind_class}")
            need(codec in (0, 1), f"{w}: codec {codec}", Unsupported)
            need((key == 65_535) == (kind == 2), f"{w}: key {key} for kind {kind}")
            need(key == 65_535 or key < len(self.sessions), f"{w}: key {key} is not there")
            need(plain <= MAX_PLAIN and 1 <= nblobs <= MAX_FRAME_BLOBS, f"{w}: {nblobs} blobs of {plain} bytes are over the limits")
            fits = crypto.FRAME_OVERHEAD < stored < plain + crypto.FRAME_OVERHEAD if codec else stored == plain + crypto.FRAME_OVERHEAD
            need(fits, f"{w}: stored length {stored} does not fit {plain} bytes in codec {codec}")
            blobs, at = [], 0
            for _ in range(nblobs):
                blob, length = take("<32sI")
                blobs.append((blob, length, at))
                at += length
            need(at == plain, f"{w}: blobs have {at} bytes, the frame {plain}")
            self.frames.append(Frame(offset, stored, plain, key, kind, codec, blobs))
        reserved(h[pos:], f"{where}: padding")
        end = 64
        for f in self.frames:
            need(f.offset >= end, f"{where}: frames overlap or are out of order at {f.offset}")
            end = f.offset + f.stored
        need(end <= self.header_offset, f"{where}: a frame reaches into the header")

    def secret(self, key):
        if key == 65_535:
            return self.keys.refs
        if key not in self.secrets:
            session, epoch, kind, wrap = self.sessions[key]
            where = f"{self.where} session key {key}"
            need(kind == 1, f"{where}: wrap kind {kind}", Unsupported)
            wrapping = crypto.derive(self.keys.epoch(epoch, where), "session wrap")
            aad = b"session" + self.config.repository + session + struct.pack("<I", epoch)
            secret = crypto.box_open(self.config.suite, wrapping, aad, wrap, where)
            need(crypto.session_id(secret) == session, f"{where}: secret does not have the session's id")
            self.secrets[key] = secret
        return self.secrets[key]

    def open_frame(self, number):
        f, where = self.frames[number], f"{self.where} frame {number}"
        aad = (b"strongroom v1 frame" + self.config.repository + bytes([f.kind, f.codec, 0, 0])
               + struct.pack("<I", len(f.blobs)) + b"".join(b + struct.pack("<I", n) for b, n, _ in f.blobs))
        plain = crypto.frame_open(self.config.suite, self.secret(f.key), aad, self.at(f.offset, f.stored), where)
        return decompress(plain, f.plain, where) if f.codec else plain

    def check_frame(self, number):
        """Opens the frame and recomputes every id."""
        plain = self.open_frame(number)
        for i, (blob, length, at) in enumerate(self.frames[number].blobs):
            self.check_blob(blob, self.frames[number].kind, plain[at:at + length], f"frame {number} blob {i}")

    def check_blob(self, blob, kind, data, what):
        need(crypto.blob_id(self.keys, kind, data) == blob, f"{self.where} {what}: content does not have id {blob.hex()}")

    @property
    def by_id(self):
        if self._by_id is None:
            self._by_id = {}
            for number, f in enumerate(self.frames):
                for blob, length, at in f.blobs:
                    self._by_id.setdefault(blob, []).append((number, length, at))
        return self._by_id


@dataclass
class Segment:
    where: str
    author: bytes
    packs: list    # (name, length, H, L, class)
    frames: list   # (pack row, offset, stored length, position)
    entries: bytes  # rows of 24

    def rows(self):
        return struct.iter_unpack("<20sI", self.entries)


def parse_segment(data, where, config, keys):
    p = preamble(data, "I", where, config)
    at, number = 64, 0

    def page(length):
        nonlocal at, number
        need(at + length + crypto.BOX_OVERHEAD <= len(data), f"{where}: ends before page {number}")
        box = data[at:at + length + crypto.BOX_OVERHEAD]
        plain = crypto.box_open(config.suite, keys.index, b"index" + p.raw + struct.pack("<I", number), box,
                                f"{where} page {number}")
        at, number = at + len(box), number + 1
        return plain
    head = page(64)
    entries, packs, frames, author = struct.unpack_from("<QII32s", head)
    reserved(head[48:], f"{where}: head")
    need(packs <= 1 << 24 and entries <= 1 << 33, f"{where}: over the limits")
    pages = -(-24 * entries // PAGE)
    sizes = [48 * packs, 16 * frames, 8 * pages, 24 * entries]
    need(sum(sizes) <= len(data), f"{where}: tables are larger than the object")
    tables = [b"".join(page(min(PAGE, size - i)) for i in range(0, size, PAGE)) for size in sizes]
    need(at == len(data), f"{where}: bytes after the last page")
    pack_rows = []
    for name, length, h, l, kind, zero in struct.iter_unpack("<32sIIIB3s", tables[0]):
        reserved(zero, f"{where}: pack row {len(pack_rows)}")
        pack_rows.append((name, length, h, l, kind))
    frame_rows = list(struct.iter_unpack("<IIII", tables[1]))
    need(all(r[0] < packs for r in frame_rows), f"{where}: a frame refers to a pack row that is not there")
    last = b""
    for i, (blob, frame) in enumerate(struct.iter_unpack("<20sI", tables[3])):
        need(blob >= last, f"{where}: entry {i} is not sorted")
        need(frame < frames, f"{where}: entry {i} refers to a frame row that is not there")
        last = blob
        if 24 * i % PAGE == 0:
            fence = 24 * i // PAGE * 8
            need(tables[2][fence:fence + 8] == blob[:8], f"{where}: fence {fence // 8} is wrong")
    return Segment(where, author, pack_rows, frame_rows, tables[3])


class Blobs:
    """Finds and opens blobs, through index segments or through the packs' headers."""

    def __init__(self, repository, state, use_index=True):
        self.store, self.config, self.keys, self.state = repository.store, repository.config, repository.keys, state
        self.packs, self.cache, self.cached, self.where_is = OrderedDict(), OrderedDict(), 0, {}
        self.opened = set()    # ids of blobs that were asked for
        self.unreadable = []  # a pack in force that cannot be read costs its blobs, not those of others
        if use_index:
            for name in sorted(state.segments):
                self.add_segment(name)
        else:
            for name in sorted(state.packs):
                try:
                    frames = self.pack(name).frames
                except Deviation as e:
                    self.unreadable.append(str(e))
                    continue
                for number, frame in enumerate(frames):
                    for blob, _, _ in frame.blobs:
                        self.where_is.setdefault(blob[:20], []).append((name, number))

    def add_segment(self, name):
        where = f"index/{name.hex()}"
        segment = parse_segment(self.store.read(where), where, self.config, self.keys)
        for blob, row in segment.rows():
            pack, _, _, position = segment.frames[row]
            found = (segment.packs[pack][0], position)
            if found[0] in self.state.packs and found not in self.where_is.setdefault(blob, []):
                self.where_is[blob].append(found)

    def pack(self, name):
        if name not in self.packs:
            while len(self.packs) >= 256:
                self.packs.popitem(last=False)
            self.packs[name] = Pack(self.store, name, self.config, self.keys)
        self.packs.move_to_end(name)
        return self.packs[name]

    def plain(self, name, number):
        if (name, number) not in self.cache:
            data = self.pack(name).open_frame(number)
            self.cache[name, number] = data
            self.cached += len(data)
            while self.cached > 1 << 27 and len(self.cache) > 1:
                self.cached -= len(self.cache.popitem(last=False)[1])
        self.cache.move_to_end((name, number))
        return self.cache[name, number]

    def get(self, blob, kind, length=None):
        problems = list(self.unreadable)
        self.opened.add(blob)
        for name, number in self.where_is.get(blob[:20], []):
            try:
                pack = self.pack(name)
                need(number < len(pack.frames), f"{pack.where}: has no frame {number}")
                for frame, size, at in pack.by_id.get(blob, []):
                    if frame != number or pack.frames[frame].kind != kind or length not in (None, size):
                        continue
                    data = self.plain(name, frame)[at:at + size]
                    pack.check_blob(blob, kind, data, f"frame {frame}")
                    return data
            except Deviation as e:
                problems.append(str(e))
        raise Deviation(f"blob {blob.hex()} of kind {kind}: " + "; ".join(["not found", *problems]))
