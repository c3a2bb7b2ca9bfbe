"""A tiny writer of repositories for the tests, written from docs/format.md; it shares only the CBOR encoder and the
primitives with the reader. It makes no attempt at being a good writer."""
import os
import secrets
import struct

import zstandard
from blake3 import blake3
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305

from srd import crypto
from srd.cbor import encode

rand = secrets.token_bytes


def b3(data):
    return blake3(data).digest()


def b3k(key, data, n=32):
    return blake3(data, key=key).digest(length=n)


def derive(key, label):
    return b3k(key, b"strongroom v1 " + label)


def aead_seal(suite, key, nonce, plain):
    if suite == 0:
        return plain + b3k(key, nonce + plain, 16)
    return (AESGCM(key) if suite == 1 else ChaCha20Poly1305(key)).encrypt(nonce, plain, None)


def box(suite, key, aad, plain):
    salt = rand(32)
    okm = b3k(key, b"box" + suite.to_bytes(2, "little") + salt + b3(aad), 76)
    return salt + okm[44:76] + aead_seal(suite, okm[:32], okm[32:44], plain)


def frame(suite, secret, aad, plain):
    salt = rand(32)
    okm = b3k(secret, b"frame" + suite.to_bytes(2, "little") + salt + b3(aad), 44)
    return salt + aead_seal(suite, okm[:32], okm[32:44], plain)


def hpke_seal(public, info, plain, ephemeral=None, aad=b""):
    ephemeral = ephemeral or rand(32)
    x = crypto.X25519PrivateKey.from_private_bytes(ephemeral)
    dh = x.exchange(crypto.X25519PublicKey.from_public_bytes(public))
    enc = crypto.x25519_public(ephemeral)
    key, nonce = crypto.hpke_key_schedule(dh, enc, public, info)
    return enc, ChaCha20Poly1305(key).encrypt(nonce, plain, aad)


def recovery_text(code):
    bits = "".join(f"{byte:08b}" for byte in code + b3(code)[:3])
    digits = "".join("0123456789ABCDEFGHJKMNPQRSTVWXYZ"[int(bits[i:i + 5], 2)] for i in range(0, 280, 5))
    return "-".join(digits[i:i + 7] for i in range(0, 56, 7))


class Signer:
    def __init__(self):
        self.seed = rand(32)
        self.key = Ed25519PrivateKey.from_private_bytes(self.seed)
        self.public = self.key.public_key().public_bytes_raw()


class MiniWriter:
    def __init__(self, root, suite):
        self.root, self.suite, self.repository = root, suite, rand(16)
        self.k_id, self.k_struct, self.epoch = rand(32), rand(32), rand(32)
        self.k_page, self.k_refs = derive(self.k_struct, b"page id"), derive(self.k_struct, b"refs")
        self.admin, self.worker = Signer(), Signer()
        self.entries, self.waiting, self.tables = [], {0: [], 1: [], 2: []}, []
        self.known = set()
        self.secret = rand(32)
        self.session = blake3(self.secret, derive_key_context="strongroom v1 session id").digest()

    # Objects

    def put(self, name, data):
        path = os.path.join(self.root, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "xb") as f:
            f.write(data)

    def preamble(self, letter, flags=0, number=0, random=None):
        return (b"\x89SR" + letter + b"\r\n\x1a\n" + struct.pack("<HHHH", 1, 0, self.suite, flags) + self.repository
                + (random or rand(16)) + struct.pack("<QQ", number, 0))

    def map_object(self, letter, m, number=0, random=None):
        raw = encode(m)
        body = self.preamble(letter, 0, number, random) + struct.pack("<I", len(raw)) + raw
        return body + b3(body)

    def config(self):
        data = self.map_object(b"C", {0: 1, 1: self.repository, 2: self.suite, 3: [], 4: [], 5: [], 6: [1700000000, 5]})
        self.put("config", data)
        self.put("config.copy", data)
        self.config_hash = b3(data)

    def slot(self, kind, secret):
        """(slot id, kind, public key); the secret of kind 3 is the private key."""
        slot_id, private = rand(16), secret if kind == 3 else rand(32)
        m = {0: kind, 1: crypto.x25519_public(private)}
        if kind == 3:
            self.put(f"slot/{slot_id.hex()}", self.map_object(b"S", m, random=slot_id))
            return slot_id, kind, m[1]
        if kind == 1:
            m[2] = [64, 1, 1, rand(16)]
            key = crypto.argon2id(secret, m[2][3], *m[2][:3])
        else:
            key = blake3(secret, derive_key_context="strongroom v1 recovery code").digest()
        m[3] = box(self.suite, key, b"slot" + self.repository + slot_id + bytes([kind]), private + self.admin.public)
        self.put(f"slot/{slot_id.hex()}", self.map_object(b"S", m, random=slot_id))
        return slot_id, kind, m[1]

    def keyring(self, slots, genesis, generation=0, signer=None):
        """Returns the hash of the object."""
        if self.suite == 0:
            key = blake3(self.repository, derive_key_context="strongroom v1 suite 0").digest()
        else:
            key = rand(32)
        bundle = {0: self.k_id, 1: self.k_struct, 2: [[0, 1, 0, self.epoch]], 3: genesis,
                  4: [[8, self.admin.public, self.admin.seed], [3, self.worker.public, self.worker.seed]],
                  5: [[slot, kind, "a slot", [1700000000, 0], public, 0] for slot, kind, public in slots]}
        tail = self.repository + struct.pack("<QB", generation, 0)
        grants = [[slot, 0, 1, *hpke_seal(public, b"strongroom v1 grant" + tail + slot, key)] for slot, _, public in slots]
        raw = encode({0: generation, 1: [[0, box(self.suite, key, b"keyring" + tail, encode(bundle))]], 2: grants})
        data = self.preamble(b"K", 0, generation) + struct.pack("<I", len(raw)) + raw
        data += self.signatures(b"strongroom v1 keyring" + data, [signer or self.admin])
        data += b3(data)
        self.put(f"keyring/{generation:016x}", data)
        self.put(f"keyring/{generation:016x}.copy", data)
        return b3(data)

    # Journal

    def signatures(self, message, signers):
        """The first row is of an algorithm that nobody knows."""
        rows = [struct.pack("<BBHH", 200, 0, 3, 5) + b"keysigna"]
        rows += [struct.pack("<BBHH", 1, 0, 32, 64) + s.public + s.key.sign(message) for s in signers]
        return struct.pack("<H", len(rows)) + b"".join(rows)

    def append(self, kind, body, signers, wrong_signature=False, random=None):
        data = self.entry(len(self.entries), kind, body, signers, wrong_signature, random)
        self.put(f"journal/{len(self.entries):016x}", data)
        self.entries.append(data)

    def entry(self, n, kind, body, signers, wrong_signature=False, random=None):
        head = self.preamble(b"J", 0, n, random) + (b3(self.entries[n - 1]) if n else self.config_hash)
        sealed = box(self.suite, derive(self.k_struct, b"journal"), head, encode({0: kind, 1: [1700000000 + n, 0], 2: body}))
        message = b"strongroom v1 journal" + head + b3(sealed)
        data = head + struct.pack("<I", len(sealed)) + sealed
        data += self.signatures(message + b"x" * wrong_signature, signers)
        return data + b3(data)

    def genesis(self):
        body = {0: self.admin.public, 1: self.config_hash, 2: [[3, self.worker.public, "worker", 0]], 5: True}
        self.append(0, body, [self.admin])
        self.put(f"journal/{0:016x}.copy", self.entries[0])
        return b3(self.entries[0])

    def bundle(self, n):
        body = self.preamble(b"B", 0, n) + struct.pack("<I", 64)
        body += b"".join(struct.pack("<I", len(e)) + e for e in self.entries[n - 64:n])
        self.put(f"bundle/{n:016x}", body + b3(body))

    def checkpoint(self, n, m):
        plain = encode(m)
        parts = [plain[i:i + 200] for i in range(0, len(plain), 200)]
        head = self.preamble(b"H", 0, n) + b3(self.entries[n - 1]) + struct.pack("<I", len(parts))
        key, raw = derive(self.k_struct, b"checkpoint"), b""
        for i, part in enumerate(parts):
            sealed = box(self.suite, key, head + struct.pack("<I", i), part)
            raw += struct.pack("<I", len(sealed)) + sealed
        body = head + raw + self.signatures(b"strongroom v1 checkpoint" + head + b3(raw), [self.worker])
        self.put(f"checkpoint/{n:016x}", body + b3(body))

    # Blobs, packs, segments

    def blob(self, kind, plain):
        blob = b3k(self.k_page if kind == 2 else self.k_id, bytes([kind]) + plain)
        if blob not in self.known:
            self.known.add(blob)
            self.waiting[kind].append((blob, plain))
        return blob

    def packs(self):
        """Writes what waits, one pack of each class with at most 50 blobs in a frame; returns packs as the journal names them."""
        return [self.pack(kind) for kind in (0, 1, 2) if self.waiting[kind]]

    def pack(self, kind):
        blobs, self.waiting[kind] = self.waiting[kind], []
        head = self.preamble(b"P", kind)
        body, rows, ids = head, [], b""
        for i in range(0, len(blobs), 50):
            some = blobs[i:i + 50]
            plain = b"".join(p for _, p in some)
            codec = int(i // 50 % 2 == 1 and len(zstandard.compress(plain)) < len(plain))
            names = b"".join(b + struct.pack("<I", len(p)) for b, p in some)
            aad = (b"strongroom v1 frame" + self.repository + bytes([kind, codec]) + bytes(2)
                   + struct.pack("<I", len(some)) + names)
            stored = zstandard.compress(plain) if codec else plain
            sealed = frame(self.suite, self.k_refs if kind == 2 else self.secret, aad, stored)
            rows.append((len(body), len(sealed), len(plain), codec, some))
            ids += names
            body += sealed
        body += rand(77)
        if kind == 2:
            sessions = struct.pack("<I", 0)
        else:
            wrap = box(self.suite, derive(self.epoch, b"session wrap"),
                       b"session" + self.repository + self.session + struct.pack("<I", 0), self.secret)
            sessions = struct.pack("<I", 1) + self.session + struct.pack("<IBBH", 0, 1, 0, len(wrap)) + wrap
        key = 65535 if kind == 2 else 0
        header = sessions + struct.pack("<I", len(rows)) + b"".join(
            struct.pack("<IIIIHBBI", offset, stored, plain, len(some), key, kind, codec, 0)
            for offset, stored, plain, codec, some in rows) + ids
        header += bytes(padme(max(len(header), 1024)) - len(header))
        offset = len(body)
        sealed = box(self.suite, derive(self.k_struct, b"pack header"), head + struct.pack("<Q", offset), header)
        body += sealed + struct.pack("<QIIQ", offset, len(sealed), 0, 0) + head[:8][::-1]
        name = b3(body)
        self.put(f"pack/{name.hex()[:2]}/{name.hex()}", body)
        self.tables.append((name, len(body), offset, len(sealed), kind, rows))
        return [name, len(body), kind]

    def parity(self, name, shard):
        """Parity of one shard, for which the code is the sum of the data shards."""
        with open(os.path.join(self.root, f"pack/{name.hex()[:2]}/{name.hex()}"), "rb") as f:
            pack = f.read()
        data = [pack[i:i + shard] for i in range(0, len(pack), shard)]
        code = bytearray(shard)
        for one in data:
            for i, byte in enumerate(one):
                code[i] ^= byte
        head = struct.pack("<HHIIIQQ", 1, 0, shard, len(data), 1, len(pack), 0) + name
        head += b3(b"strongroom v1 parity" + head)
        table = b"".join(b3(one)[:16] for one in [*data, bytes(code)])
        body = self.preamble(b"Y") + head + table + code + table + head
        self.put(f"parity/{name.hex()}", body + b3(body))

    def segment(self):
        packs, frames, entries = b"", b"", []
        for p, (name, length, h, l, kind, rows) in enumerate(self.tables):
            packs += name + struct.pack("<IIIB3x", length, h, l, kind)
            for position, (offset, stored, _, _, some) in enumerate(rows):
                entries += [b[:20] + struct.pack("<I", len(frames) // 16) for b, _ in some]
                frames += struct.pack("<IIII", p, offset, stored, position)
        entries.sort()
        pages = [entries[i:i + 2730] for i in range(0, len(entries), 2730)]
        fences = b"".join(page[0][:8] for page in pages)
        head = struct.pack("<QII", len(entries), len(self.tables), len(frames) // 16) + self.session + bytes(16)
        pre, key, number = self.preamble(b"I"), derive(self.k_struct, b"index"), 0
        data = pre
        for table in ([head], *(chunks(t) for t in (packs, frames, fences, b"".join(entries)))):
            for page in table:
                data += box(self.suite, key, b"index" + pre + struct.pack("<I", number), page)
                number += 1
        name = b3(data)
        self.put(f"index/{name.hex()}", data)
        self.tables = []
        return [name, len(data), len(entries)]

    # Trees

    def page(self, kind, height, references):
        raw = struct.pack("<BBBBI", 1, kind, height, 0, len(references))
        raw += b"".join(blob + (length | ref << 56).to_bytes(8, "little") for blob, length, ref in references)
        return self.blob(2, raw)

    def data(self, content):
        return self.blob(0, content), len(content), 0

    @staticmethod
    def zeros(n):
        return bytes(32), n, 3

    def recipe(self, references, height=0):
        return self.page(3, height, references), sum(r[1] for r in references), 2

    def leaf(self, entries, own=None):
        """Entries are (map without 11 and 12, references); returns a reference to the page."""
        references, maps = [None], []
        for e, refs in sorted(entries, key=lambda x: x[0][0]):
            e = dict(e)
            if refs:
                e[11] = len(references)
                if len(refs) > 1:
                    e[12] = len(refs)
                size = sum(r[1] for r in refs)
                if size and e[1] != 1:
                    e[10] = size
                references += refs
            maps.append(e)
        names = encode({0: 1, 1: maps, 2: [[0, b"root"]], **({4: own} if own else {})})
        references[0] = (self.blob(1, names), len(names), 1)
        return self.page(1, 0, references), sum(r[1] for r in references[1:]), 2

    def interior(self, children, height=1):
        """Children are (reference, first name, entries below)."""
        names = encode({0: 2, 1: [[first, count] for _, first, count in children]})
        references = [(self.blob(1, names), len(names), 1)] + [c[0] for c in children]
        return self.page(2, height, references), sum(c[0][1] for c in children), 2

    def snapshot(self, root):
        key0 = rand(16)
        details = box(self.suite, derive(self.epoch, b"details"), b"details" + self.repository + key0,
                      encode({0: [b"/home/x"], 2: "a test", 3: [[b"/home/y", 1, "denied"]]}))
        return {0: key0, 1: [1700000000, 1], 2: [1700000001, 2], 3: root[0], 4: "tests", 5: ["a", "b"],
                6: {"host": "here", "z": "longer"}, 7: 0, 8: {i: i for i in range(8)}, 9: [0, details],
                11: [1, 65536, 65536, 65536], 12: -3600, 13: "mini writer 1"}


def padme(length):
    e = length.bit_length() - 1
    s = e.bit_length()  # floor(log2 e) + 1
    step = 1 << max(e - s, 0)
    return -(-length // step) * step


def chunks(table):
    return [table[i:i + 65520] for i in range(0, len(table), 65520)]
