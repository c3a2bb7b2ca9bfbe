"""Sections 2, 5, 6 and 7: the store, preambles, config, slots, keyring, and how a repository is opened."""
import os
import re
import struct
from dataclasses import dataclass, field

from . import cbor, crypto
from .cbor import Opt, array, fields, octets, row, text, uint
from .errors import Deviation, NoKey, NotWhole, Unsupported, need

OBJECT_LIMIT = 268_435_456
LIMITS = {"C": 65_536, "S": 65_536, "K": 4_194_304, "J": 2_097_152}
HEX64, HEX16 = "[0-9a-f]{64}", "[0-9a-f]{16}"
NAMES = [
    ("C", r"config(\.copy)?"), ("S", "slot/[0-9a-f]{32}"), ("K", rf"keyring/{HEX16}(\.copy)?"),
    ("J", f"journal/{HEX16}"), ("B", f"bundle/{HEX16}"), ("H", f"checkpoint/{HEX16}"),
    ("P", rf"pack/([0-9a-f]{{2}})/(?=\1){HEX64}"), ("I", f"index/{HEX64}"), ("Y", f"parity/{HEX64}"),
    ("N", f"session/{HEX64}"),
]


class Store:
    """A plain directory; files and folders whose name begins with a dot are not objects."""

    def __init__(self, root):
        self.root = os.path.abspath(root)
        need(os.path.isdir(self.root), f"{root}: not a directory")
        self.names = {}
        pending = [""]
        while pending:
            prefix = pending.pop()
            with os.scandir(os.path.join(self.root, prefix)) as folder:
                for item in folder:
                    if item.name.startswith("."):
                        continue
                    if item.is_dir(follow_symlinks=False):
                        pending.append(prefix + item.name + "/")
                    else:
                        self.names[prefix + item.name] = item.stat().st_size

    def of_kind(self, letter):
        pattern = re.compile(dict(NAMES)[letter])
        return sorted(n for n in self.names if pattern.fullmatch(n))

    def numbers(self, letter):
        return sorted({int(n.split("/")[1][:16], 16) for n in self.of_kind(letter)})

    @staticmethod
    def letter(name):
        return next((letter for letter, pattern in NAMES if re.fullmatch(pattern, name)), None)

    def open(self, name):
        need(name in self.names, f"{name}: missing")
        need(self.names[name] <= OBJECT_LIMIT, f"{name}: larger than an object may be")
        return open(os.path.join(self.root, name), "rb")

    def read(self, name, limit=OBJECT_LIMIT):
        need(name in self.names, f"{name}: missing")
        need(self.names[name] <= limit, f"{name}: {self.names[name]} bytes, more than {limit}")
        with self.open(name) as f:
            return f.read()


@dataclass
class Preamble:
    raw: bytes
    minor: int
    suite: int
    flags: int
    repository: bytes
    random: bytes
    number: int


def preamble(data, letter, where, config=None, number=None):
    need(len(data) >= 64, f"{where}: shorter than a preamble")
    raw = bytes(data[:64])
    need(raw[:8] == magic(letter), f"{where}: wrong magic {raw[:8].hex()}")
    major, minor, suite, flags = struct.unpack_from("<HHHH", raw, 8)
    need(major == 1, f"{where}: major version {major}", Unsupported)
    need(suite in (0, 1, 2), f"{where}: suite {suite}", Unsupported)
    need(letter == "P" or flags == 0, f"{where}: flags {flags:#x}", Unsupported)
    need(letter != "P" or flags in (0, 1, 2), f"{where}: class {flags}", Unsupported)
    p = Preamble(raw, minor, suite, flags, raw[16:32], raw[32:48], struct.unpack_from("<Q", raw, 48)[0])
    reserved(raw[56:], f"{where}: preamble")
    need(p.number == (number or 0), f"{where}: number {p.number} instead of {number or 0}")
    if config:
        need(p.suite == config.suite, f"{where}: suite {p.suite} differs from config's {config.suite}")
        need(p.repository == config.repository, f"{where}: belongs to another repository")
    return p


def magic(letter):
    return b"\x89SR" + letter.encode() + b"\r\n\x1a\n"


def reserved(data, where):
    need(not any(data), f"{where}: reserved bytes are not zero", Unsupported)


def whole(data, where):
    """Takes the seal of wholeness off."""
    need(len(data) >= 96 and crypto.hash32(data[:-32]) == data[-32:], f"{where}: not whole", NotWhole)
    return data[:-32]


def sealed_map(data, letter, where, spec, config=None, number=None):
    body = whole(data, where)
    p = preamble(body, letter, where, config, number)
    need(len(body) >= 68, f"{where}: too short")
    length = struct.unpack_from("<I", body, 64)[0]
    need(len(body) == 68 + length, f"{where}: length says {length}, there are {len(body) - 68} bytes")
    value = cbor.decode(body[68:], where)
    fields(spec)(value, where)
    return p, value


def first_whole(store, names, limit, parse):
    problems = []
    for name in names:
        if name not in store.names:
            problems.append(f"{name}: missing")
            continue
        data = store.read(name, limit)
        try:
            return data, parse(data, name)
        except NotWhole as e:
            problems.append(str(e))
    raise Deviation("; ".join(problems))


TEXTS = array(text, order=lambda t: t.encode())
CONFIG = {0: uint(1, 1), 1: octets(16), 2: uint(), 3: TEXTS, 4: TEXTS, 5: TEXTS, 6: cbor.time}


@dataclass
class Config:
    raw: bytes
    suite: int
    repository: bytes
    map: dict

    @property
    def hash(self):
        return crypto.hash32(self.raw)


def parse_config(data, where):
    p, m = sealed_map(data, "C", where, CONFIG)
    need(m[1] == p.repository, f"{where}: repository id differs from the preamble's")
    need(m[2] == p.suite, f"{where}: suite differs from the preamble's")
    need(not m[3], f"{where}: unknown features {m[3]}", Unsupported)
    return Config(data, p.suite, p.repository, m)


SLOT_KINDS = {1: "passphrase", 2: "recovery code", 3: "HPKE recipient", 4: "external key service"}
SLOT = {0: uint(), 1: octets(32), 2: Opt(row(uint(), uint(), uint(), octets(16))), 3: Opt(octets(112)),
        4: Opt(text), 5: Opt(octets())}
SLOT_KEYS = {1: {2, 3}, 2: {3}, 3: set(), 4: {4, 5}}


def parse_slot(data, where, config):
    kind = cbor.decode(whole(data, where)[68:], where)
    known = isinstance(kind, dict) and kind.get(0) in SLOT_KINDS
    p, m = sealed_map(data, "S", where, SLOT if known else {0: uint()}, config)
    need(where == f"slot/{p.random.hex()}", f"{where}: slot id in the preamble is {p.random.hex()}")
    if known:
        need(m.keys() & {2, 3, 4, 5} == SLOT_KEYS[m[0]], f"{where}: wrong keys for kind {m[0]}")
    if m[0] == 1:
        memory, passes, lanes, _ = m[2]
        need(1 <= passes <= 16 and 1 <= lanes <= 16 and 8 <= memory <= 1_048_576 and memory >= 8 * lanes,
             f"{where}: Argon2id parameters out of bounds")
    return p, m


@dataclass
class Credentials:
    passphrase: bytes = None
    recovery: str = None
    recipient: bytes = None  # a private X25519 key


def open_slot(slot_id, m, config, credentials, where):
    """The private key, or None when no credential of the slot's kind was given."""
    kind = m[0]
    if kind == 1 and credentials.passphrase is not None:
        memory, passes, lanes, salt = m[2]
        key = crypto.argon2id(credentials.passphrase, salt, memory, passes, lanes)
    elif kind == 2 and credentials.recovery is not None:
        key = crypto.recovery_key(crypto.recovery_decode(credentials.recovery))
    elif kind == 3 and credentials.recipient is not None:
        private = credentials.recipient
        return private if crypto.x25519_public(private) == m[1] else None
    else:
        return None
    aad = b"slot" + config.repository + slot_id + bytes([kind])
    private = crypto.box_open(config.suite, key, aad, m[3], where)
    need(len(private) == 32 and crypto.x25519_public(private) == m[1],
         f"{where}: private key does not belong to the public key")
    return private


ROLE = uint(4)
KEYRING = {0: uint(), 1: array(row(ROLE, octets())), 2: array(row(octets(16), ROLE, octets(32), octets(48)))}
EPOCH_STATES = {0: "open", 1: "closed", 2: "retired"}
BUNDLE = {
    0: Opt(octets(32)), 1: Opt(octets(32)),
    2: Opt(array(row(uint((1 << 32) - 1), uint(), uint(2), octets()))),
    3: Opt(octets(32)), 4: Opt(array(row(uint(), octets(32), octets(32)))),
    5: Opt(array(row(octets(16), uint(), text, cbor.time, octets(32), uint()))),
}


def parse_keyring(data, where, config):
    number = int(where.split("/")[1][:16], 16)
    _, m = sealed_map(data, "K", where, KEYRING, config, number)
    need(m[0] == number, f"{where}: generation {m[0]} differs from the preamble's")
    roles = [role for role, _ in m[1]]
    need(len(set(roles)) == len(roles), f"{where}: a role appears twice")
    need(config.suite or not m[2], f"{where}: grants in suite 0")
    for slot_id, role, _, _ in m[2]:
        need(role in roles, f"{where}: grant of role {role} to slot {slot_id.hex()} without a bundle")
    return m


@dataclass
class Keys:
    role: int
    id: bytes = None
    struct: bytes = None
    genesis: bytes = None
    epochs: dict = field(default_factory=dict)
    bundle: dict = None

    def __post_init__(self):
        for name, label in (("journal", "journal"), ("checkpoint", "checkpoint"), ("header", "pack header"),
                            ("index", "index"), ("refs", "refs"), ("page", "page id")):
            setattr(self, name, crypto.derive(self.struct, label) if self.struct else None)

    def epoch(self, number, where):
        if number not in self.epochs:
            raise NoKey(f"{where}: no key of epoch {number}")
        return self.epochs[number]


def open_bundle(config, keyring, role, key, where):
    box = next(b for r, b in keyring[1] if r == role)
    aad = b"keyring" + config.repository + struct.pack("<QB", keyring[0], role)
    m = cbor.decode(crypto.box_open(config.suite, key, aad, box, where), f"{where} bundle {role}")
    fields(BUNDLE)(m, f"{where} bundle {role}")
    need(role or m.keys() >= set(range(6)), f"{where}: bundle 0 is not complete")
    for number, kind, _, secret in m.get(2, []):
        need(kind != 1 or len(secret) == 32, f"{where}: key of epoch {number} has {len(secret)} bytes")
    for _, public, seed in m.get(4, []):
        need(crypto.ed25519_public(seed) == public, f"{where}: seed does not belong to key {public.hex()}")
    epochs = {number: secret for number, kind, _, secret in m.get(2, []) if kind == 1}
    need(len(epochs) == sum(kind == 1 for _, kind, _, _ in m.get(2, [])), f"{where}: an epoch appears twice")
    return Keys(role, m.get(0), m.get(1), m.get(3), epochs, m)


def grant_info(config, generation, role, slot_id):
    return b"strongroom v1 grant" + config.repository + struct.pack("<QB", generation, role) + slot_id


class Repository:
    """A repository whose config and keyring have been read; `unlock` opens the keyring."""

    def __init__(self, root):
        self.store = Store(root)
        _, self.config = first_whole(self.store, ["config", "config.copy"], LIMITS["C"], parse_config)
        generations = self.store.numbers("K")
        need(generations, "no keyring")
        need(generations == list(range(len(generations))), "keyring generations are not dense from 0")
        self.generation = generations[-1]
        self.keyring_raw, self.keyring = self.read_keyring(self.generation)
        self.keys = None

    def read_keyring(self, generation):
        name = f"keyring/{generation:016x}"
        return first_whole(self.store, [name, name + ".copy"], LIMITS["K"],
                           lambda data, where: parse_keyring(data, where, self.config))

    def unlock(self, credentials):
        where = f"keyring/{self.generation:016x}"
        if self.config.suite == 0:
            key = crypto.derive_key("strongroom v1 suite 0", self.config.repository)
            self.keys = open_bundle(self.config, self.keyring, 0, key, where)
            return
        tried, privates = [], {}
        for slot_id, role, enc, ct in sorted(self.keyring[2], key=lambda g: g[1]):
            name = f"slot/{slot_id.hex()}"
            if slot_id not in privates:
                privates[slot_id] = None
                try:
                    _, m = parse_slot(self.store.read(name, LIMITS["S"]), name, self.config)
                    privates[slot_id] = open_slot(slot_id, m, self.config, credentials, name)
                except Deviation as e:
                    tried.append(str(e))
            if privates[slot_id] is None:
                continue
            info = grant_info(self.config, self.generation, role, slot_id)
            try:
                key = crypto.hpke_open(privates[slot_id], enc, info, b"", ct)
            except Deviation as e:
                raise Deviation(f"{where}: grant of role {role} to {name}: {e}") from None
            self.keys = open_bundle(self.config, self.keyring, role, key, where)
            return
        raise NoKey("no slot opens with the credentials given" + "".join(f"; {t}" for t in tried))
