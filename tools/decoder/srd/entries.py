"""Sections 8.1, 8.3, 8.5 and 8.7: journal entries and bundles, where they are found, and the bodies of the types."""
import struct
from dataclasses import dataclass, field

from . import cbor, crypto
from .cbor import Opt, any_map, array, boolean, choice, fields, octets, row, short_text, sint, text, text_map, u8, u32, uint
from .errors import Deviation, Missing, NotWhole, Unsupported, need
from .objects import LIMITS, TEXTS, parse_signatures, preamble, whole

WRITER, MAINTAINER, AUDITOR, ADMIN = 1, 2, 4, 8
HASH = octets(32)
PACK = row(HASH, u32, choice(2))
SEGMENT = row(HASH, u32, uint())
CERTIFICATE = row(u8, HASH, text, uint())
EPOCH_STATE = row(u32, choice(2))
HASHES, PACKS, SEGMENTS = array(HASH), array(PACK), array(SEGMENT)
FRAMES = array(u32)

SNAPSHOT = {
    0: octets(16), 1: cbor.time, 2: cbor.time, 3: HASH, 4: short_text,
    5: Opt(array(short_text, order=lambda t: t.encode()), []), 6: Opt(text_map, {}), 7: choice(1),
    8: fields({i: uint() for i in range(8)}), 9: Opt(row(u32, octets())), 10: Opt(HASH),
    11: row(uint(), uint(), uint(), uint()), 12: Opt(sint), 13: text,
}
DETAILS = {
    0: Opt(array(octets())), 1: Opt(array(text)), 2: Opt(text),
    3: Opt(array(row(octets(), uint(), text), maximum=1000)), 4: Opt(array(text)),
}
HOLD = {0: choice(1), 1: octets(16), 2: Opt(HASHES), 3: Opt(text), 4: Opt(text), 5: Opt(cbor.time)}

# type: (name, roles of which one is needed, body)
TYPES = {
    0: ("Genesis", ADMIN, {0: HASH, 1: HASH, 2: array(CERTIFICATE), 3: Opt(choice(1), 0), 4: Opt(HASH), 5: boolean, 6: Opt(any_map)}),
    1: ("Commit", WRITER, {0: fields(SNAPSHOT), 1: PACKS, 2: SEGMENTS, 3: HASH, 4: Opt(row(uint(), HASH))}),
    2: ("Packs", WRITER, {0: HASH, 1: PACKS, 2: SEGMENTS}),
    3: ("Abandon", WRITER | MAINTAINER, {0: HASHES}),
    4: ("Forget", MAINTAINER, {0: HASHES, 1: Opt(array(text))}),
    5: ("Condemn", MAINTAINER, {0: HASHES}),
    6: ("Tombstone", MAINTAINER, {0: fields({0: HASHES, 1: HASHES, 2: HASHES}), 1: fields({0: PACKS, 1: SEGMENTS})}),
    7: ("Index", MAINTAINER, {0: HASHES, 1: SEGMENTS}),
    8: ("Damaged", WRITER | MAINTAINER | AUDITOR, {0: array(row(HASH, FRAMES))}),
    9: ("Keys", ADMIN, {0: Opt(uint()), 1: Opt(HASH), 2: Opt(array(CERTIFICATE)), 3: Opt(HASHES),
                        4: Opt(array(EPOCH_STATE))}),
    10: ("Feature", ADMIN, {0: TEXTS, 1: TEXTS, 2: TEXTS}),
    11: ("Hold", ADMIN, HOLD),
    12: ("Policy", ADMIN, {0: HASH, 1: Opt(octets()), 2: Opt(HASH), 3: text}),
    13: ("Evidence", WRITER | MAINTAINER | AUDITOR, {0: text, 1: uint(), 2: any_map, 3: Opt(row(u32, octets()))}),
    14: ("Takeover", ADMIN, {0: HASH, 1: text}),
    15: ("Bridge", ADMIN, {0: Opt(HASH), 1: Opt(array(row(uint(), any_map)), []), 2: Opt(array(row(uint(), HASH)), []), 3: text}),
}
BRIDGE = 15
LOCKED = row(uint(), sint)
PAYLOAD = {0: uint(), 1: cbor.time, 2: any_map, 3: Opt(boolean, False), 4: Opt(LOCKED)}


def snapshot_id(keys, snapshot):
    return crypto.keyed(keys.page, b"\x05" + cbor.encode(snapshot))


@dataclass
class Entry:
    number: int
    raw: bytes
    aad: bytes
    previous: bytes
    box: bytes
    signatures: list
    hash: bytes = b""
    valid: list = field(default_factory=list)
    payload: dict = None
    problem: Deviation = None  # why the payload cannot be read
    void: str = None           # why the entry has no effect

    @property
    def type(self):
        return self.payload[0] if self.payload else None

    @property
    def name(self):
        return TYPES[self.type][0] if self.type in TYPES else f"type {self.type}"

    @property
    def body(self):
        return self.payload[2]


def parse_entry(data, n, where, config):
    need(len(data) <= LIMITS["J"], f"{where}: larger than a journal entry may be")
    body = whole(data, where)
    preamble(body, "J", where, config, n)
    need(len(body) >= 100, f"{where}: too short")
    length = struct.unpack_from("<I", body, 96)[0]
    need(100 + length <= len(body), f"{where}: box is longer than the entry")
    entry = Entry(n, data, body[:96], body[64:96], body[100:100 + length],
                  parse_signatures(body, 100 + length, where), crypto.hash32(data))
    message = b"strongroom v1 journal" + entry.aad + crypto.hash32(entry.box)
    entry.valid = [crypto.verify_signature(public, signature, message) for public, signature in entry.signatures]
    return entry


def open_entry(entry, where, config, keys):
    try:
        plain = crypto.box_open(config.suite, keys.journal, entry.aad, entry.box, where)
        payload = cbor.decode(plain, where)
        fields(PAYLOAD)(payload, where)
        if payload[0] in TYPES:
            fields(TYPES[payload[0]][2])(payload[2], f"{where} body")
            check_body(payload[0], payload[2], f"{where} body")
        entry.payload = payload
    except Deviation as e:
        entry.problem = e


def check_body(kind, b, where):
    """What the table of section 8.3 says about keys that depend on each other."""
    if kind == 0:
        need((4 in b) == (b.get(3) == 1), f"{where}: single-writer mode and its only writer do not go together")
    elif kind == 9:
        need((0 in b) == (1 in b), f"{where}: a keyring generation without its hash, or the reverse")
    elif kind == 11 and b[0] == 1:
        need(2 in b and 4 in b, f"{where}: a hold that is placed needs keys 2 and 4")
    elif kind == BRIDGE:
        effects = b.get(1, [])
        need(not b.get(2) or (0 not in b and not effects), f"{where}: a bridge that names others has other keys")
        need(all(t not in (0, BRIDGE) for t, _ in effects), f"{where}: an effect of a type that none may have")
        need(all(t in TYPES for t, _ in effects), f"{where}: an effect of an unknown type", Unsupported)
        need(sum(t == 1 for t, _ in effects) <= 1, f"{where}: more than one Commit among the effects")
        for t, effect in effects:
            fields(TYPES[t][2])(effect, f"{where} effect")
            check_body(t, effect, f"{where} effect")


def parse_bundle(data, n, where, config):
    body = whole(data, where)
    preamble(body, "B", where, config, n)
    need(n and n % 64 == 0, f"{where}: number is not a positive multiple of 64")
    need(len(body) >= 68 and struct.unpack_from("<I", body, 64)[0] == 64, f"{where}: count is not 64")
    entries, at = [], 68
    for i in range(64):
        need(at + 4 <= len(body), f"{where}: ends before entry {i}")
        length = struct.unpack_from("<I", body, at)[0]
        need(length <= LIMITS["J"] and at + 4 + length <= len(body), f"{where}: entry {i} is too long")
        entries.append(body[at + 4:at + 4 + length])
        at += 4 + length
    need(at == len(body), f"{where}: bytes after the last entry")
    return entries


class JournalObjects:
    """The entries as they are stored: their own objects, and bundles and copies where those are missing or not whole."""

    def __init__(self, store, config):
        self.store, self.config = store, config
        self.from_bundle, self.from_copy, self.bundles = [], [], {}
        self.end = max([n + 1 for n in store.numbers("J")[-1:]] + store.numbers("B")[-1:], default=0)

    def places(self, n):
        """What is found in the places of entry n, in their order: (note, entry) or (None, why there is none)."""
        name, where = f"journal/{n:016x}", f"journal/{n:016x} in its bundle"
        sources = [(None, name, lambda: self.store.read(name, LIMITS["J"])),
                   (self.from_bundle, where, lambda: self.bundle_of(n)[n % 64]),
                   (self.from_copy, name + ".copy", lambda: self.store.read(name + ".copy", LIMITS["J"]))]
        for note, where, get in sources:
            try:
                yield note, parse_entry(get(), n, where, self.config)
            except (NotWhole, Missing) as e:
                yield None, e

    def read(self, n, wanted=None):
        """Entry n, the one with the hash that is wanted if any is."""
        problem = None
        for note, found in self.places(n):
            if isinstance(found, Entry) and wanted in (None, found.hash):
                if note is not None:
                    note.append(n)
                return found
            problem = problem or (found if not isinstance(found, Entry) else Missing(f"journal/{n:016x}: is not {wanted.hex()}"))
        raise Missing(f"{problem}, and no bundle and no copy has it")

    def bundle_of(self, n):
        number = (n // 64 + 1) * 64
        name = f"bundle/{number:016x}"
        need(name in self.store.names, f"{name}: missing", Missing)
        if number not in self.bundles:
            self.bundles[number] = parse_bundle(self.store.read(name), number, name, self.config)
        return self.bundles[number]
