"""Section 3: suites, derived keys, boxes, frame seals, ids, signatures; section 6: recovery codes; HPKE."""
import hmac
import hashlib
import struct

from blake3 import blake3
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from .errors import Deviation, need

BOX_OVERHEAD = 80
FRAME_OVERHEAD = 48


def hash32(data):
    return blake3(data).digest()


def keyed(key, data, n=32):
    return blake3(data, key=key).digest(length=n)


def derive_key(context, data):
    return blake3(data, derive_key_context=context).digest()


def derive(key, label):
    return keyed(key, b"strongroom v1 " + label.encode())


def session_id(secret):
    return derive_key("strongroom v1 session id", secret)


def blob_id(keys, kind, plain):
    key = keys.page if kind == 2 else keys.id
    return keyed(key, bytes([kind]) + plain)


def _aead(suite, key):
    return {1: AESGCM, 2: ChaCha20Poly1305}[suite](key)


def aead_open(suite, key, nonce, sealed):
    need(len(sealed) >= 16, "shorter than its tag")
    if suite == 0:
        plain = sealed[:-16]
        need(hmac.compare_digest(keyed(key, nonce + plain, 16), sealed[-16:]), "tag is wrong")
        return plain
    try:
        return _aead(suite, key).decrypt(nonce, sealed, None)
    except InvalidTag:
        raise Deviation("tag is wrong") from None


def _box_keys(suite, key, salt, aad):
    out = keyed(key, b"box" + struct.pack("<H", suite) + salt + hash32(aad), 76)
    return out[:32], out[32:44], out[44:]


def box_open(suite, key, aad, box, where):
    need(len(box) >= BOX_OVERHEAD, f"{where}: box of {len(box)} bytes is too short")
    k, nonce, commit = _box_keys(suite, key, box[:32], aad)
    if not hmac.compare_digest(commit, box[32:64]):
        raise Deviation(f"{where}: box does not open")
    try:
        return aead_open(suite, k, nonce, box[64:])
    except Deviation:
        raise Deviation(f"{where}: box does not open") from None


def _frame_keys(suite, secret, salt, aad):
    out = keyed(secret, b"frame" + struct.pack("<H", suite) + salt + hash32(aad), 44)
    return out[:32], out[32:]


def frame_open(suite, secret, aad, frame, where):
    need(len(frame) >= FRAME_OVERHEAD, f"{where}: frame of {len(frame)} bytes is too short")
    k, nonce = _frame_keys(suite, secret, frame[:32], aad)
    try:
        return aead_open(suite, k, nonce, frame[32:])
    except Deviation:
        raise Deviation(f"{where}: frame does not open") from None


def verify_signature(public, signature, message):
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
        return True
    except (InvalidSignature, ValueError):
        return False


def ed25519_public(seed):
    return Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def x25519_public(private):
    return X25519PrivateKey.from_private_bytes(private).public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def argon2id(passphrase, salt, m, t, p):
    return Argon2id(salt=salt, length=32, iterations=t, lanes=p, memory_cost=m).derive(passphrase)


def recovery_key(code):
    return derive_key("strongroom v1 recovery code", code)


ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def recovery_decode(written):
    digits = "".join(written.split()).replace("-", "").upper().translate(str.maketrans("OIL", "011"))
    need(len(digits) == 56, f"recovery code has {len(digits)} characters instead of 56")
    n = 0
    for c in digits:
        need(c in ALPHABET, f"recovery code has a character that is not base32: {c!r}")
        n = n << 5 | ALPHABET.index(c)
    raw = n.to_bytes(35, "big")
    need(hash32(raw[:32])[:3] == raw[32:], "recovery code is mistyped: its check does not match")
    return raw[:32]


# HPKE, RFC 9180, base mode, DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20Poly1305.

_KEM = b"KEM" + struct.pack(">H", 0x0020)
_HPKE = b"HPKE" + struct.pack(">HHH", 0x0020, 0x0001, 0x0003)


def _extract(suite, salt, label, ikm):
    return hmac.new(salt or bytes(32), b"HPKE-v1" + suite + label + ikm, hashlib.sha256).digest()


def _expand(suite, prk, label, info, n):
    info = struct.pack(">H", n) + b"HPKE-v1" + suite + label + info
    out, block, i = b"", b"", 1
    while len(out) < n:
        block = hmac.new(prk, block + info + bytes([i]), hashlib.sha256).digest()
        out, i = out + block, i + 1
    return out[:n]


def hpke_key_schedule(dh, enc, recipient_public, info):
    prk = _extract(_KEM, b"", b"eae_prk", dh)
    shared = _expand(_KEM, prk, b"shared_secret", enc + recipient_public, 32)
    context = b"\0" + _extract(_HPKE, b"", b"psk_id_hash", b"") + _extract(_HPKE, b"", b"info_hash", info)
    secret = _extract(_HPKE, shared, b"secret", b"")
    return _expand(_HPKE, secret, b"key", context, 32), _expand(_HPKE, secret, b"base_nonce", context, 12)


def hpke_open(private, enc, info, aad, ct):
    try:
        dh = X25519PrivateKey.from_private_bytes(private).exchange(X25519PublicKey.from_public_bytes(enc))
        key, nonce = hpke_key_schedule(dh, enc, x25519_public(private), info)
        return ChaCha20Poly1305(key).decrypt(nonce, ct, aad)
    except (InvalidTag, ValueError):
        raise Deviation("HPKE ciphertext does not open") from None
