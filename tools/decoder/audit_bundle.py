"""An independent verifier of audit bundles, written from docs/audit-bundle.md.

    audit_bundle.py POLICY BUNDLE [--complete]

POLICY is a tlog-policy (C2SP): logs, witnesses, quorum. Prints what is proven, or why the bundle is refused. Keys of logs may have been
replaced (rotations); memory of earlier audits is not kept here: `verify` takes heads that are known as (size, root)."""
import argparse
import base64
import hashlib
import re
import struct
import sys
from dataclasses import dataclass

from srd import crypto
from srd.entries import open_entry, parse_entry
from srd.errors import Deviation, need
from srd.state import State

MAGIC = b"strongroom audit bundle v1\n"
LABEL = b"strongroom journal entry v1"
ORDER = ["about", "trust", "rotation", "checkpoint", "audited", "consistency", "journal-key", "evidence-key", "item", "tree", "policy",
         "report", "attachment"]
NUMBERED = {"rotation", "evidence-key", "entry", "absent", "instead"}
FILES = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,254}")


def sha256(data):
    return hashlib.sha256(data).digest()


def number(text):
    need(re.fullmatch(r"0|[1-9][0-9]*", text), f"{text!r} is no number")
    return int(text)


# Section 2: the file


def sections(data):
    """Yields nothing before everything is taken apart: ({(name, argument): bytes} in order, sealed bytes, seal)."""
    need(data.startswith(MAGIC), "first line")
    at, found, last = len(MAGIC), {}, None
    while True:
        end = data.index(b"\n", at)
        line = data[at:end].decode()
        if line.startswith("seal "):
            need(number(line[5:]) == len(data) - end - 1, "length of the seal")
            return found, data[:at], data[end + 1:]
        name, length, digest = line.rsplit(" ", 2)
        name, argument = place(name)
        key = sort_key(name, argument)
        need(last is None or last < key, f"order of {line!r}")
        start, last = end + 1, key
        at = start + number(length)
        content = data[start:at]
        need(sha256(content).hex() == digest, f"{name} {argument} was altered")
        need(data[at:at + 1] == b"\n", f"end of {name}")
        found[name, argument] = content
        at += 1


def place(name):
    name, _, argument = name.partition(" ")
    if name in NUMBERED:
        return name, number(argument)
    if name == "policy":
        need(re.fullmatch(r"[0-9a-f]{64}", argument), "hash of a policy")
        return name, argument
    if name in ("report", "attachment"):
        need(FILES.fullmatch(argument), "name of a file")
        return name, argument
    need(name in ORDER and name != "item" and not argument, f"section {name!r}")
    return name, ""


def sort_key(name, argument):
    kinds = {"entry": 0, "absent": 1, "instead": 2}
    if name in kinds:
        return ORDER.index("item"), argument, kinds[name]
    return ORDER.index(name), argument, 0


# Signed notes


@dataclass(frozen=True)
class Key:
    name: str
    kind: int
    public: bytes

    @classmethod
    def parse(cls, vkey):
        name, ident, rest = vkey.split("+", 2)
        raw = base64.b64decode(rest, validate=True)
        key = cls(name, raw[0], raw[1:])
        need(len(raw) == 33 and raw[0] in (1, 4) and key.id.hex() == ident, f"key {vkey}")
        return key

    @property
    def id(self):
        return sha256(self.name.encode() + b"\n" + bytes([self.kind]) + self.public)[:4]

    def verify(self, text, signature):
        """The time of a cosignature, 0 of another, None if it does not hold."""
        if self.kind == 1:
            return 0 if crypto.verify_signature(self.public, signature, text) else None
        time = struct.unpack(">Q", signature[:8])[0]
        message = f"cosignature/v1\ntime {time}\n".encode() + text
        return time if crypto.verify_signature(self.public, signature[8:], message) else None


def note(data):
    text, _, lines = data.rpartition(b"\n\n")
    need(text and lines.endswith(b"\n"), "note")
    signatures = []
    for line in lines.decode().splitlines():
        dash, name, blob = line.split(" ")
        need(dash == "—", "line of a signature")
        blob = base64.b64decode(blob, validate=True)
        signatures.append((name, blob[:4], blob[4:]))
    return text + b"\n", signatures


def signers(data, keys):
    """{key: time} of the keys that signed; one that claims to have and did not is an error."""
    text, lines = note(data)
    signed = {}
    for name, ident, signature in lines:
        for key in (k for k in keys if (k.name, k.id) == (name, ident)):
            time = key.verify(text, signature)
            need(time is not None, f"the signature of {name} does not hold")
            signed[key] = time
    return signed


def head(data):
    origin, size, root = note(data)[0].decode().split("\n")[:3]
    return origin, number(size), base64.b64decode(root, validate=True)


class Policy:
    def __init__(self, text):
        self.logs, self.witnesses, self.groups, self.quorum = [], {}, {}, None
        for line in text.splitlines():
            match line.split():
                case ["log", vkey, *_]:
                    self.logs.append(Key.parse(vkey))
                case ["witness", name, vkey, *_]:
                    self.witnesses[name] = Key.parse(vkey)
                case ["group", name, k, *members]:
                    self.groups[name] = ({"any": 1, "all": len(members)}.get(k) or number(k), members)
                case ["quorum", name]:
                    self.quorum = name

    def enough(self, signed):
        done = {name for name, key in self.witnesses.items() if key in signed}
        for name, (k, members) in self.groups.items():
            if len(done & set(members)) >= k:
                done.add(name)
        return self.quorum == "none" or self.quorum in done


# Sections 1 and 3: the tree


def node(left, right):
    return sha256(b"\1" + left + right)


def leaf(n, digest):
    return sha256(b"\0" + LABEL + struct.pack(">Q", n) + digest)


def half(count):
    return 1 << (count - 1).bit_length() - 1


def root_of(leaves, size, proof):
    numbers, rest = sorted(leaves), list(proof)

    def root(start, end, numbers):
        if not numbers:
            need(rest, "the tree has too few hashes")
            return rest.pop(0)
        if end - start == 1:
            return leaves[start]
        middle = start + half(end - start)
        left = root(start, middle, [n for n in numbers if n < middle])
        return node(left, root(middle, end, [n for n in numbers if n >= middle]))

    found = root(0, size, numbers) if size else sha256(b"")
    need(not rest, "the tree has hashes left over")
    return found


def consistent(old, old_root, new, new_root, proof):
    """RFC 9162, section 2.1.4.2."""
    if old == 0 or old == new:
        return not proof and (old == 0 or old_root == new_root)
    path = list(proof) if old & (old - 1) else [old_root, *proof]
    fn, sn = old - 1, new - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    if not path:
        return False
    fr = sr = path[0]
    for c in path[1:]:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            fr, sr = node(c, fr), node(c, sr)
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = node(sr, c)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and fr == old_root and sr == new_root


# Section 4: verification


@dataclass
class Report:
    about: dict
    size: int
    root: bytes
    witnesses: dict
    entries: list
    complete: bool


def about_of(data):
    fields = [line.split(" ", 1) for line in data.decode().split("\n")[:-1]]
    need([name for name, _ in fields] == ["origin", "repository", "suite", "made", "tool"], "about")
    return dict(fields)


def keys_of(policy, found, origin):
    """Keys of the log with the sizes from which and up to which they sign."""
    keys = {key: (0, float("inf")) for key in policy.logs if key.name == origin}
    for (name, _), data in found.items():
        if name != "rotation":
            continue
        lines = note(data)[0].decode().split("\n")
        need(lines[0] == "strongroom rotation of a log's key v1" and lines[1] == origin and len(lines) == 7, "rotation")
        at, old, new = number(lines[2]), Key.parse(lines[4]), Key.parse(lines[5])
        need(len(signers(data, [old, new])) == 2 and old.public != new.public, "a rotation is not signed by both keys")
        if old in keys and keys[old][0] <= at <= keys[old][1]:
            keys[old] = (keys[old][0], at)
            keys[new] = (at, float("inf"))
    return keys


def verify(data, policy, known=(), complete=False):
    found, sealed, seal = sections(data)
    for name in ("about", "trust", "checkpoint", "tree"):
        need((name, "") in found, f"{name} is missing")
    about = about_of(found["about", ""])
    origin, size, root = head(found["checkpoint", ""])
    need(origin == about["origin"], "origin")
    log = keys_of(policy, found, origin)
    need(log, "the log is not known")

    def at(size):
        return [key for key, (first, last) in log.items() if first <= size <= last]

    text = f"strongroom audit bundle seal v1\n{origin}\n{len(sealed)}\n{sha256(sealed).hex()}\n"
    need(note(seal)[0] == text.encode(), "the bundle was altered")
    names = {(key.name, key.id) for key in at(size)}
    need(all((name, ident) in names for name, ident, _ in note(seal)[1]), "a stranger signed the seal")
    need(signers(seal, at(size)), "nobody who is known sealed it")

    def endorsed(data, size):
        signed = signers(data, at(size) + list(policy.witnesses.values()))
        need(any(key in signed for key in at(size)), "the log did not sign the head")
        need(policy.enough(signed), "the quorum of witnesses is not reached")
        return signed

    signed = endorsed(found["checkpoint", ""], size)
    rows, config = read_rows(found, about), config_of(about)
    leaves = {n: leaf(n, digest) for n, (digest, _, _) in rows.items()}
    need(all(n < size for n in leaves), "an entry that is not under the head")
    proof = [found["tree", ""][i:i + 32] for i in range(0, len(found["tree", ""]), 32)]
    need(root_of(leaves, size, proof) == root, "the entries do not lead to the root")
    roots = earlier(found, origin, size, root, endorsed)
    for old, old_root in known:
        need(old <= size, "the log went back")
        if all(n in leaves for n in range(old)):
            roots[old] = root_of({n: leaves[n] for n in range(old)}, old, [])
        need(old in roots, "what was seen is not proven to be continued")
        need(roots[old] == old_root, f"there are two histories of {old} entries")
    need(len(leaves) == size or not complete, "entries are left out")
    entries = judge(found, rows, config)
    witnesses = {name: signed[key] for name, key in policy.witnesses.items() if key in signed}
    return Report(about, size, root, witnesses, entries, len(leaves) == size)


def earlier(found, origin, size, root, endorsed):
    need((("audited", "") in found) == (("consistency", "") in found), "consistency is missing")
    roots = {size: root}
    if ("audited", "") in found:
        old_origin, old, old_root = head(found["audited", ""])
        proof = found["consistency", ""]
        proof = [proof[i:i + 32] for i in range(0, len(proof), 32)]
        endorsed(found["audited", ""], old)
        need(old_origin == origin and consistent(old, old_root, size, root, proof), "the last audit is not continued")
        roots[old] = old_root
    return roots


@dataclass
class Config:
    suite: int
    repository: bytes
    hash: bytes = b""


def config_of(about):
    return Config(number(about["suite"]), bytes.fromhex(about["repository"]))


def read_rows(found, about):
    """{n: (hash in the log, object or None, whether it is a Bridge instead)}, and the chain."""
    config, rows = config_of(about), {}
    for (name, n), data in found.items():
        if name == "entry":
            need(n not in rows, f"entry {n} is there twice")
            rows[n] = (crypto.hash32(data), parse_entry(data, n, f"entry {n}", config), False)
        elif name == "absent":
            need(n not in rows and len(data) == 32, f"entry {n} is there twice")
            rows[n] = (data, None, False)
        elif name == "instead":
            need(n in rows and rows[n][1] is None, f"a Bridge in the place of nothing, {n}")
            rows[n] = (rows[n][0], parse_entry(data, n, f"entry {n}", config), True)
    for n, (_, entry, _) in rows.items():
        if entry and n - 1 in rows:
            before, instead = rows[n - 1][0], rows[n - 1][1]
            need(entry.previous in (before, instead and instead.hash), f"entry {n} does not follow entry {n - 1}")
    return rows


class JournalKey:
    def __init__(self, key):
        self.journal = key


def judge(found, rows, config):
    """[(n, kind, standing, sensitive part)]"""
    key = found.get(("journal-key", ""))
    if key is None:
        return [(n, "sealed" if entry else "absent", "unjudged", None) for n, (_, entry, _) in rows.items()]
    config.hash = rows[0][1].previous if 0 in rows and rows[0][1] else b""
    state, dense, judged, opened = State(config, JournalKey(key)), True, [], 0
    for n, (_, entry, instead) in rows.items():
        dense = dense and state.next == n and entry is not None
        if entry is None:
            judged.append((n, "absent", "absent", None))
            continue
        open_entry(entry, f"entry {n}", config, state.keys)
        opened += entry.payload is not None
        need(entry.payload or n, "the key does not open entry 0")
        if not all(entry.valid):
            entry.void = "a signature does not verify"
        elif dense:
            entry.void = state.void_reason(entry)
        if dense and entry.void is None and entry.type in (0, 9, 14, 15):
            getattr(state, {0: "_genesis", 9: "_keys", 14: "_takeover", 15: "_bridge"}[entry.type])(entry, entry.body)
        state.next += 1
        standing = "void" if entry.void else "in force" if dense else "unjudged"
        if not instead:
            judged.append((n, entry.name, standing, sensitive(found, entry, config)))
        else:
            need(entry.payload is None or entry.type == 15 and not entry.void, f"what stands in the place of entry {n} is no Bridge")
            judged.append((n, "absent", "absent", None))
    need(opened or not rows, "the key opens nothing")
    named = {bytes(entry.body[0]).hex() for _, entry, _ in rows.values() if entry and entry.payload and entry.type == 12 and not entry.void}
    for (name, digest), data in found.items():
        if name == "policy":
            need(crypto.hash32(data).hex() == digest and digest in named, f"policy {digest} is in no entry")
    return judged


def sensitive(found, entry, config):
    if entry.type != 13 or 3 not in entry.body:
        return None
    epoch, box = entry.body[3]
    key = found.get(("evidence-key", epoch))
    aad = b"evidence" + config.repository + entry.aad
    return crypto.box_open(config.suite, key, aad, box, f"entry {entry.number}") if key else None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("policy")
    parser.add_argument("bundle")
    parser.add_argument("--complete", action="store_true")
    arguments = parser.parse_args()
    try:
        with open(arguments.policy) as policy, open(arguments.bundle, "rb") as bundle:
            report = verify(bundle.read(), Policy(policy.read()), complete=arguments.complete)
    except (Deviation, ValueError) as e:
        print(f"REFUSED: {e}")
        return 1
    print(f"{len(report.entries)} of {report.size} entries of {report.about['origin']}, root {base64.b64encode(report.root).decode()}")
    for n, kind, standing, _ in report.entries:
        print(f"{n:8} {kind:12} {standing}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
