"""Section 8: journal entries, bundles, checkpoints, and the state folded from them."""
import struct
from dataclasses import dataclass, field

from . import cbor, crypto
from .cbor import Opt, any_map, array, boolean, fields, octets, row, sint, text, text_map, uint
from .errors import Deviation, NoKey, NotWhole, Unsupported, need
from .objects import LIMITS, OBJECT_LIMIT, TEXTS, preamble, reserved, whole

WRITER, MAINTAINER, AUDITOR, ADMIN = 1, 2, 4, 8
HASH = octets(32)
PACK = row(HASH, uint(OBJECT_LIMIT), uint(2))
SEGMENT = row(HASH, uint(OBJECT_LIMIT), uint())
CERTIFICATE = row(uint(), HASH, text, uint())
EPOCH_STATE = row(uint((1 << 32) - 1), uint(2))
HASHES, PACKS, SEGMENTS = array(HASH), array(PACK), array(SEGMENT)
FRAMES = array(uint((1 << 20) - 1))

SNAPSHOT = {
    0: octets(16), 1: cbor.time, 2: cbor.time, 3: HASH, 4: text,
    5: Opt(array(text, order=lambda t: t.encode())), 6: Opt(text_map), 7: uint(1),
    8: fields({i: uint() for i in range(8)}), 9: Opt(row(uint((1 << 32) - 1), octets())), 10: Opt(HASH),
    11: row(uint(), uint(), uint(), uint()), 12: Opt(sint), 13: text,
}
DETAILS = {
    0: Opt(array(octets())), 1: Opt(array(text)), 2: Opt(text),
    3: Opt(array(row(octets(), uint(6), text), maximum=1000)), 4: Opt(array(text)),
}
HOLD = {0: uint(1), 1: octets(16), 2: HASHES, 3: Opt(text), 4: text, 5: Opt(cbor.time)}

# type: (name, roles of which one is needed, body)
TYPES = {
    0: ("Genesis", ADMIN, {0: HASH, 1: HASH, 2: array(CERTIFICATE), 3: Opt(uint(1), 0), 4: Opt(HASH), 5: boolean}),
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
    13: ("Evidence", WRITER | MAINTAINER | AUDITOR, {0: text, 1: uint(), 2: any_map, 3: Opt(row(uint((1 << 32) - 1), octets()))}),
    14: ("Takeover", ADMIN, {0: HASH, 1: text}),
}
PAYLOAD = {0: uint(), 1: cbor.time, 2: any_map, 3: Opt(boolean, False)}


def snapshot_id(keys, snapshot):
    return crypto.keyed(keys.page, b"\x05" + cbor.encode(snapshot))


def parse_signatures(data, at, where):
    """The signatures at `at`, which end the data; [(public, signature)]."""
    need(len(data) >= at + 2, f"{where}: ends before its signatures")
    count = struct.unpack_from("<H", data, at)[0]
    need(1 <= count <= 8, f"{where}: {count} signatures")
    need(len(data) == at + 2 + 100 * count, f"{where}: length does not fit {count} signatures")
    out = []
    for i in range(count):
        one = data[at + 2 + 100 * i:][:100]
        need(one[0] == 1, f"{where}: signature algorithm {one[0]}", Unsupported)
        reserved(one[1:4], f"{where}: signature {i}")
        out.append((one[4:36], one[36:]))
    return out


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
    problem: str = None  # why the payload cannot be read
    void: str = None     # why the entry has no effect

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
        entry.payload = payload
    except Deviation as e:
        entry.problem = str(e)


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


CHECKPOINT = {
    0: array(PACK, order=lambda p: p[0]), 1: array(SEGMENT, order=lambda s: s[0]),
    2: array(row(uint(), fields(SNAPSHOT)), order=lambda s: s[0]), 3: array(row(HASH, HASHES)),
    4: array(CERTIFICATE), 5: row(uint(), HASH), 6: array(EPOCH_STATE), 7: row(TEXTS, TEXTS, TEXTS),
    8: array(fields(HOLD)), 9: array(row(HASH, FRAMES)), 10: HASHES, 11: array(HASH, order=lambda h: h),
    12: HASHES, 13: array(row(uint(), HASH), maximum=1), 14: array(HASH, maximum=1), 15: HASH, 16: HASH,
}


def parse_checkpoint(data, n, where, config, keys):
    """(hash of entry n-1, map, public keys that signed)."""
    body = whole(data, where)
    preamble(body, "H", where, config, n)
    need(n and n % 64 == 0, f"{where}: number is not a positive multiple of 64")
    need(len(body) >= 100, f"{where}: too short")
    head, parts, at = body[:100], [], 100
    for i in range(struct.unpack_from("<I", body, 96)[0]):
        need(at + 4 <= len(body), f"{where}: ends before part {i}")
        length = struct.unpack_from("<I", body, at)[0]
        need(at + 4 + length <= len(body), f"{where}: part {i} is too long")
        box = body[at + 4:at + 4 + length]
        parts.append(crypto.box_open(config.suite, keys.checkpoint, head + struct.pack("<I", i), box, f"{where} part {i}"))
        at += 4 + length
    signatures = parse_signatures(body, at, where)
    message = b"strongroom v1 checkpoint" + head + crypto.hash32(body[100:at])
    for public, signature in signatures:
        need(crypto.verify_signature(public, signature, message), f"{where}: signature of {public.hex()} is wrong")
    m = cbor.decode(b"".join(parts), where)
    fields(CHECKPOINT)(m, where)
    return body[64:96], m, [public for public, _ in signatures]


class State:
    """Section 8.4: what is in force after the entries applied so far."""

    def __init__(self, config, keys):
        self.config, self.keys = config, keys
        self.next, self.head = 0, config.hash
        self.packs, self.segments, self.snapshots = {}, {}, {}
        self.dropped, self.dead, self.committed, self.sessions = set(), set(), set(), {}
        self.certificates, self.admin, self.admin_in_force, self.genesis = [], None, False, None
        self.keyring, self.epochs = (0, bytes(32)), {}
        self.features = [list(config.map[i]) for i in (3, 4, 5)]
        self.holds, self.damaged, self.condemned, self.policy = {}, {}, set(), None
        self.single, self.only_writer, self.read_only = False, None, False

    # Who may do what

    def roles(self, public):
        roles = ADMIN if self.admin_in_force and public == self.admin else 0
        for granted, key, _, _ in self.certificates:
            roles |= granted if key == public else 0
        return roles

    def held(self, snapshot, series, at):
        for hold in self.holds.values():
            if 5 in hold and hold[5] <= at:
                continue
            if snapshot in hold[2] or (not hold[2] and hold.get(3) == series):
                return True
        return False

    # What makes an entry void

    def void_reason(self, e):
        if not all(e.valid):
            return "a signature does not verify"
        if e.problem:
            return f"payload cannot be read: {e.problem}"
        signers = [public for public, _ in e.signatures]
        if e.number == 0:
            if e.type != 0:
                return "entry 0 is not Genesis"
            return None if e.body[0] in signers else "Genesis is not signed by the admin it names"
        if e.type == 0:
            return "a second Genesis"
        wanted = TYPES[e.type][1] if e.type in TYPES else 15
        if not any(self.roles(public) & wanted for public in signers):
            return "no signer is certified for a role the type needs"
        if self.single and e.type not in (9, 14) and self.only_writer not in signers:
            return "signer is not the only writer"
        b, t = e.body, e.type
        if t in (1, 2):
            if b[3 if t == 1 else 0] in self.dead:
                return "its session was abandoned or dropped"
        drops = {6: lambda: set(b[0][0]) | set(b[0][1]), 7: lambda: set(b[0])}.get(t, set)()
        for name in self.adds(e):
            if name in self.dropped or name in drops:
                return f"adds {name.hex()}, which was dropped"
        if t == 4:
            for sid in b[0]:
                if sid not in self.snapshots:
                    return f"snapshot {sid.hex()} is not in force"
                if self.held(sid, self.snapshots[sid][1][4], e.payload[1]):
                    return f"snapshot {sid.hex()} is held"
        return None

    @staticmethod
    def adds(e):
        b = e.body
        lists = {1: lambda: b[1] + b[2], 2: lambda: b[1] + b[2], 6: lambda: b[1][0] + b[1][1], 7: lambda: b[1]}
        return [x[0] for x in lists.get(e.type, list)()]

    # The fold

    def apply(self, e):
        where = f"journal/{e.number:016x}"
        need(e.number == self.next, f"{where}: not the next entry")
        need(e.previous == self.head, f"{where}: previous hash is wrong")
        self.next, self.head = e.number + 1, e.hash
        e.void = self.void_reason(e)
        if e.number == 0:
            need(not e.void, f"{where}: Genesis has no effect: {e.void}")
        if e.void:
            return
        if e.type in TYPES:
            getattr(self, "_" + e.name.lower())(e, e.body)
        elif e.payload.get(3):
            self.read_only = True

    def add(self, packs, segments):
        for name, length, kind in packs:
            self.packs.setdefault(name, (length, kind))
        for name, length, entries in segments:
            self.segments.setdefault(name, (length, entries))

    def drop(self, packs, segments):
        for name in list(packs) + list(segments):
            self.dropped.add(name)
        for name in packs:
            self.packs.pop(name, None)
            self.damaged.pop(name, None)
            self.condemned.discard(name)
        for name in segments:
            self.segments.pop(name, None)

    def end(self, sessions):
        for session in sessions:
            self.dead.add(session)
            self.sessions.pop(session, None)

    def _genesis(self, e, b):
        self.genesis, self.admin, self.admin_in_force = e.hash, b[0], True
        need(b[1] == self.config.hash, "Genesis: hash of config is not that of the config object")
        need((4 in b) == (b.get(3) == 1), "Genesis: single-writer mode and its only writer do not go together")
        self.certificates = list(b[2])
        self.single, self.only_writer = b.get(3) == 1, b.get(4)

    def _commit(self, e, b):
        self.add(b[1], b[2])
        self.snapshots.setdefault(snapshot_id(self.keys, b[0]), (e.number, b[0]))
        self.committed.add(b[3])
        self.sessions.pop(b[3], None)

    def _packs(self, e, b):
        self.add(b[1], b[2])
        if b[0] not in self.committed:
            names = self.sessions.setdefault(b[0], [])
            names += [p[0] for p in b[1] if p[0] not in names]

    def _abandon(self, e, b):
        self.end(b[0])

    def _forget(self, e, b):
        for sid in b[0]:
            self.snapshots.pop(sid, None)

    def _condemn(self, e, b):
        self.condemned |= set(b[0])

    def _tombstone(self, e, b):
        self.drop(b[0][0], b[0][1])
        self.end(b[0][2])
        self.add(b[1][0], b[1][1])

    def _index(self, e, b):
        self.drop([], b[0])
        self.add([], b[1])

    def _damaged(self, e, b):
        for name, frames in b[0]:
            old = self.damaged.get(name)
            self.damaged[name] = [] if not frames or old == [] else sorted(set(old or []) | set(frames))

    def _keys(self, e, b):
        if 0 in b and 1 in b:
            self.keyring = (b[0], b[1])
        ended = set(b.get(3, []))
        if self.admin in ended:
            self.admin_in_force = False
        self.certificates = [c for c in self.certificates if c[1] not in ended]
        self.certificates += [c for c in b.get(2, []) if c not in self.certificates]
        self.epochs.update({epoch: state for epoch, state in b.get(4, [])})

    def _feature(self, e, b):
        for i in range(3):
            self.features[i] = sorted(set(self.features[i]) | set(b[i]), key=str.encode)

    def _hold(self, e, b):
        if b[0]:
            self.holds[b[1]] = b
        else:
            self.holds.pop(b[1], None)

    def _policy(self, e, b):
        self.policy = (e.number, b[0])

    def _evidence(self, e, b):
        pass

    def _takeover(self, e, b):
        if self.single:
            self.only_writer = b[0]

    def checkpoint(self):
        """The map of section 8.6 as this state gives it."""
        return {
            0: [[n, *v] for n, v in sorted(self.packs.items())],
            1: [[n, *v] for n, v in sorted(self.segments.items())],
            2: sorted([list(s) for s in self.snapshots.values()], key=lambda s: s[0]),
            3: [[s, p] for s, p in self.sessions.items()], 4: list(self.certificates), 5: list(self.keyring),
            6: [list(x) for x in self.epochs.items()], 7: self.features, 8: list(self.holds.values()),
            9: [[n, f] for n, f in self.damaged.items()], 10: list(self.condemned), 11: sorted(self.dropped),
            12: list(self.dead), 13: [list(self.policy)] if self.policy else [],
            14: [self.only_writer] if self.only_writer else [], 15: self.genesis, 16: self.admin,
        }


def compare_checkpoint(found, state, where):
    """Arrays whose order the document leaves open are compared as sets."""
    expected = state.checkpoint()
    for key in range(17):
        a, b = found[key], expected[key]
        if key in (4, 6, 8, 9, 10, 12):
            a, b = sorted(map(cbor.encode, a)), sorted(map(cbor.encode, b))
        elif key == 3:
            a, b = ({s: sorted(p) for s, p in x} for x in (a, b))
        if a != b and key == 7:
            b = [[f for f in b[i] if f not in state.config.map[3 + i]] for i in range(3)]
        need(a == b, f"{where}: key {key} differs from the folded journal: {a!r} instead of {b!r}"[:2000])


class Journal:
    """All entries in order, from their objects or from bundles, and the state they fold into."""

    def __init__(self, repository, at=None):
        self.store, self.config, self.keys = repository.store, repository.config, repository.keys
        if not self.keys.struct:
            raise NoKey("the role that was opened has no K_struct, which reads the journal")
        self.entries, self.from_bundle, self.bundles = [], [], {}
        numbers, bundles = self.store.numbers("J"), self.store.numbers("B")
        self.state = State(self.config, self.keys)
        last = max(numbers[-1:] + [b - 1 for b in bundles[-1:]], default=-1)
        for n in range(last + 1):
            entry = self.read(n)
            open_entry(entry, f"journal/{n:016x}", self.config, self.keys)
            self.state.apply(entry)
            self.entries.append(entry)
            if at and n + 1 in at:
                at[n + 1](self.state)
        need(self.entries, "the journal is empty")
        need(self.keys.genesis in (None, self.entries[0].hash), "entry 0 is not the Genesis that the keyring names")

    def read(self, n):
        name, problem = f"journal/{n:016x}", "missing"
        if name in self.store.names:
            try:
                return parse_entry(self.store.read(name, LIMITS["J"]), n, name, self.config)
            except NotWhole:
                problem = "not whole"
        need(self.bundle_of(n), f"{name}: {problem}, and no bundle has it")
        self.from_bundle.append(n)
        return parse_entry(self.bundle_of(n)[n % 64], n, f"{name} in its bundle", self.config)

    def bundle_of(self, n):
        number = (n // 64 + 1) * 64
        name = f"bundle/{number:016x}"
        if name not in self.store.names:
            return None
        if number not in self.bundles:
            self.bundles[number] = parse_bundle(self.store.read(name), number, name, self.config)
        return self.bundles[number]
