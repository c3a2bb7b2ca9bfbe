"""Sections 2, 5, 6 and 7: the store, preambles, config, slots and keyrings."""
import os
import re
import struct
from dataclasses import dataclass

from . import cbor, crypto
from .cbor import Opt, array, fields, octets, row, text, uint
from .errors import Missing, NoKey, NotWhole, Unsupported, need

OBJECT_LIMIT = 268_435_456
LIMITS = {"C": 65_536, "S": 65_536, "K": 4_194_304, "J": 2_097_152, "N": 65_536}
HEX64, HEX16 = "[0-9a-f]{64}", "[0-9a-f]{16}"
NAMES = [
    ("C", r"config(\.copy)?"), ("S", "slot/[0-9a-f]{32}"), ("K", rf"keyring/{HEX16}(\.copy)?"),
    ("J", rf"journal/{HEX16}(\.copy)?"), ("B", f"bundle/{HEX16}"), ("H", f"checkpoint/{HEX16}"),
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
        need(name in self.names, f"{name}: missing", Missing)
        need(self.names[name] <= OBJECT_LIMIT, f"{name}: larger than an object may be")
        return open(os.path.join(self.root, name), "rb")

    def read(self, name, limit=OBJECT_LIMIT):
        need(name in self.names, f"{name}: missing", Missing)
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
    if len(data) < 96 or crypto.hash32(data[:-32]) != data[-32:]:
        other = data[:3] == b"\x89SR" and data[4:8] == b"\r\n\x1a\n" and data[8:10] != b"\1\0"
        need(not other, f"{where}: another major version", Unsupported)
        raise NotWhole(f"{where}: not whole")
    return data[:-32]


def sealed_map(data, letter, where, spec, config=None, number=None):
    body = whole(data, where)
    p = preamble(body, letter, where, config, number)
    value, end = map_at_64(body, where)
    need(len(body) == end, f"{where}: {len(body) - end} bytes between the map and the seal")
    fields(spec)(value, where)
    return p, value


def map_at_64(body, where):
    """The map that follows the preamble and its length, and where it ends."""
    need(len(body) >= 68, f"{where}: too short")
    end = 68 + struct.unpack_from("<I", body, 64)[0]
    need(len(body) >= end, f"{where}: shorter than its length says")
    return cbor.decode(body[68:end], where), end


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


def read_config(store):
    """The config object from whichever of its two copies is whole."""
    found, problems = [], []
    for name in ("config", "config.copy"):
        try:
            found.append(parse_config(store.read(name, LIMITS["C"]), name))
        except (NotWhole, Missing) as e:
            problems.append(str(e))
    need(found, "; ".join(problems))
    need(found[0].raw == found[-1].raw, "config and config.copy are whole and differ")
    return found[0]


BEACON = {0: cbor.time, 1: Opt(text)}
SLOT_KINDS = {1: "passphrase", 2: "recovery code", 3: "HPKE recipient", 4: "external key service"}
SLOT = {0: uint(), 1: octets(32), 2: Opt(row(uint(), uint(), uint(), octets(16))), 3: Opt(octets(144)),
        4: Opt(text), 5: Opt(octets())}
UNKNOWN_SLOT = {0: uint(), 1: octets(maximum=4096)}
SLOT_KEYS = {1: {2, 3}, 2: {3}, 3: set(), 4: {4, 5}}


def parse_slot(data, where, config):
    """(slot id, map); the map is None for a slot of a later version, which is skipped."""
    p, m = sealed_map(data, "S", where, UNKNOWN_SLOT, config)
    need(where == f"slot/{p.random.hex()}", f"{where}: slot id in the preamble is {p.random.hex()}")
    if m[0] not in SLOT_KINDS or len(m[1]) != 32:
        return p.random, None
    fields(SLOT)(m, where)
    need(m.keys() & {2, 3, 4, 5} == SLOT_KEYS[m[0]], f"{where}: wrong keys for kind {m[0]}")
    if m[0] == 1:
        memory, passes, lanes, _ = m[2]
        need(1 <= passes <= 16 and 1 <= lanes <= 16 and 8 <= memory <= 1_048_576 and memory >= 8 * lanes,
             f"{where}: Argon2id parameters out of bounds")
    return p.random, m


@dataclass
class Credentials:
    passphrase: bytes = None
    recovery: str = None
    recipient: bytes = None  # a private X25519 key
    pin: bytes = None        # hash of Genesis


def open_slot(slot_id, m, config, credentials, where):
    """(private key, admin's public key or None); None when no credential of the slot's kind was given."""
    kind = m[0]
    if kind == 1 and credentials.passphrase is not None:
        memory, passes, lanes, salt = m[2]
        key = crypto.argon2id(credentials.passphrase, salt, memory, passes, lanes)
    elif kind == 2 and credentials.recovery is not None:
        key = crypto.recovery_key(crypto.recovery_decode(credentials.recovery))
    elif kind == 3 and credentials.recipient is not None:
        return (credentials.recipient, None) if crypto.x25519_public(credentials.recipient) == m[1] else None
    else:
        return None
    aad = b"slot" + config.repository + slot_id + bytes([kind])
    plain = crypto.box_open(config.suite, key, aad, m[3], where)
    private, admin = plain[:32], plain[32:]
    need(crypto.x25519_public(private) == m[1], f"{where}: private key does not belong to the public key")
    return private, admin


def parse_signatures(data, at, where):
    """The signatures at `at`, which end the data; [(public, signature)] of the rows whose algorithm is known."""
    need(len(data) >= at + 2, f"{where}: ends before its signatures")
    count, at, out = struct.unpack_from("<H", data, at)[0], at + 2, []
    need(1 <= count <= 8, f"{where}: {count} signatures")
    for i in range(count):
        need(len(data) >= at + 6, f"{where}: ends before signature {i}")
        algorithm, zero, key, signature = struct.unpack_from("<BBHH", data, at)
        reserved([zero], f"{where}: signature {i}")
        need(key <= 4096 and signature <= 8192, f"{where}: signature {i} is over the limits")
        need(algorithm != 1 or (key, signature) == (32, 64), f"{where}: signature {i} has wrong lengths")
        need(len(data) >= at + 6 + key + signature, f"{where}: ends in signature {i}")
        if algorithm == 1:
            out.append((data[at + 6:at + 38], data[at + 38:at + 102]))
        at += 6 + key + signature
    need(len(data) == at, f"{where}: bytes after the signatures")
    return out


KEYRING = {0: uint(), 1: array(row(cbor.u8, octets())),
           2: array(row(octets(16), cbor.u8, uint(), octets(maximum=4096), octets(maximum=4096)))}
EPOCH_STATES = {0: "open", 1: "closed", 2: "retired"}
BUNDLE = {
    0: octets(32), 1: octets(32), 2: array(row(cbor.u32, uint(), cbor.choice(2), octets())), 3: octets(32),
    4: array(row(cbor.u8, octets(32), octets(32))),
    5: array(row(octets(16), uint(), text, cbor.time, octets(maximum=4096), cbor.u8)),
}
ROLE = 0  # the full bundle; others belong to a later version


@dataclass
class Keyring:
    raw: bytes
    generation: int
    bundles: list     # (role, box)
    grants: list      # (slot id, role, kem, enc, ct)
    message: bytes    # what is signed
    signatures: list  # (public, signature)

    def signed_by(self, admin):
        return any(public == admin and crypto.verify_signature(public, signature, self.message)
                   for public, signature in self.signatures)

    def grant(self, slot_id):
        """(enc, ct) of the grant to a slot that this reader understands."""
        return next(((enc, ct) for slot, role, kem, enc, ct in self.grants if (slot, role, kem) == (slot_id, ROLE, 1)), None)


def parse_keyring(data, where, config):
    number = int(where.split("/")[1][:16], 16)
    body = whole(data, where)
    preamble(body, "K", where, config, number)
    m, end = map_at_64(body, where)
    fields(KEYRING)(m, where)
    need(m[0] == number, f"{where}: generation {m[0]} differs from the preamble's")
    roles = [role for role, _ in m[1]]
    need(len(set(roles)) == len(roles), f"{where}: a role appears twice")
    need(config.suite or not m[2], f"{where}: grants in suite 0")
    for slot_id, role, kem, enc, ct in m[2]:
        need(role in roles, f"{where}: grant of role {role} to slot {slot_id.hex()} without a bundle")
        need(kem != 1 or (len(enc), len(ct)) == (32, 48), f"{where}: grant to slot {slot_id.hex()} has wrong lengths")
    return Keyring(data, number, m[1], m[2], b"strongroom v1 keyring" + body[:end], parse_signatures(body, end, where))


@dataclass
class Keys:
    id: bytes
    struct: bytes
    genesis: bytes
    epochs: dict
    bundle: dict

    def __post_init__(self):
        for name, label in (("journal", "journal"), ("checkpoint", "checkpoint"), ("header", "pack header"),
                            ("index", "index"), ("refs", "refs"), ("page", "page id")):
            setattr(self, name, crypto.derive(self.struct, label))

    def epoch(self, number, where):
        if number not in self.epochs:
            raise NoKey(f"{where}: no key of epoch {number}")
        return self.epochs[number]


def open_bundle(config, keyring, key, where):
    box = next((b for r, b in keyring.bundles if r == ROLE), None)
    need(box is not None, f"{where}: no bundle of role {ROLE}")
    aad = b"keyring" + config.repository + struct.pack("<QB", keyring.generation, ROLE)
    m = cbor.decode(crypto.box_open(config.suite, key, aad, box, where), f"{where} bundle")
    fields(BUNDLE)(m, f"{where} bundle")
    for number, kind, _, secret in m[2]:
        need(kind == 1, f"{where}: epoch {number} is of kind {kind}", Unsupported)
        need(len(secret) == 32, f"{where}: key of epoch {number} has {len(secret)} bytes")
    for _, public, seed in m[4]:
        need(crypto.ed25519_public(seed) == public, f"{where}: seed does not belong to key {public.hex()}")
    listed, granted = [(x[0], x[5]) for x in m[5]], [g[:2] for g in keyring.grants]
    need(sorted(listed) == sorted(map(tuple, granted)), f"{where}: its list of slots differs from its grants")
    epochs = {number: secret for number, _, _, secret in m[2]}
    need(len(epochs) == len(m[2]), f"{where}: an epoch appears twice")
    return Keys(m[0], m[1], m[3], epochs, m)
