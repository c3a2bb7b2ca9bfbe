"""Section 8.6: checkpoints."""
import struct

from . import cbor, crypto
from .cbor import Opt, array, fields, octets, row, uint
from .entries import CERTIFICATE, EPOCH_STATE, HASH, HOLD, PACK, SEGMENT, SNAPSHOT, check_body
from .errors import need
from .objects import TEXTS, parse_signatures, preamble, whole

PART_LIMIT = 16_777_216


def first(x):
    return x[0]


def itself(x):
    return x


SORTED = array(HASH, order=itself)
CHECKPOINT = {
    0: array(PACK, order=first), 1: array(SEGMENT, order=first), 2: array(row(uint(), fields(SNAPSHOT)), order=first),
    3: array(row(HASH, SORTED), order=first), 4: array(CERTIFICATE, order=lambda c: (c[1], c[0])), 5: row(uint(), HASH),
    6: array(EPOCH_STATE, order=first), 7: row(TEXTS, TEXTS, TEXTS), 8: array(fields(HOLD), order=lambda h: h[1]),
    9: array(row(HASH, array(cbor.u32, order=itself)), order=first), 10: SORTED, 11: SORTED, 12: SORTED,
    13: array(row(uint(), HASH), maximum=1), 14: array(octets(32), maximum=1), 15: HASH, 16: octets(32), 17: Opt(uint()),
    18: Opt(SORTED), 19: Opt(array(row(uint(), HASH, HASH), order=first)),
}


def parse_checkpoint(data, n, where, config, keys):
    """(hash of entry n-1, map, public keys that signed)."""
    body = whole(data, where)
    preamble(body, "H", where, config, n)
    need(n and n % 64 == 0, f"{where}: number is not a positive multiple of 64")
    need(len(body) >= 100, f"{where}: too short")
    head, parts, at = body[:100], [], 100
    need(head[96:] != bytes(4), f"{where}: no part")
    for i in range(struct.unpack_from("<I", body, 96)[0]):
        need(at + 4 <= len(body), f"{where}: ends before part {i}")
        length = struct.unpack_from("<I", body, at)[0]
        need(at + 4 + length <= len(body) and length <= PART_LIMIT + crypto.BOX_OVERHEAD, f"{where}: part {i} is too long")
        box = body[at + 4:at + 4 + length]
        parts.append(crypto.box_open(config.suite, keys.checkpoint, head + struct.pack("<I", i), box, f"{where} part {i}"))
        at += 4 + length
    signatures = parse_signatures(body, at, where)
    message = b"strongroom v1 checkpoint" + head + crypto.hash32(body[100:at])
    for public, signature in signatures:
        need(crypto.verify_signature(public, signature, message), f"{where}: signature of {public.hex()} is wrong")
    m = cbor.decode(b"".join(parts), where)
    fields(CHECKPOINT)(m, where)
    for hold in m[8]:
        check_body(11, hold, f"{where} hold")
    return body[64:96], m, [public for public, _ in signatures]


def state_map(state):
    """The map that a checkpoint of this state holds."""
    m = {
        0: [[n, *v] for n, v in sorted(state.packs.items())],
        1: [[n, *v] for n, v in sorted(state.segments.items())],
        2: sorted([list(s) for s in state.snapshots.values()], key=first),
        3: [[s, sorted(p)] for s, p in sorted(state.sessions.items())],
        4: [state.certificates[key] for key in sorted(state.certificates)], 5: list(state.keyring),
        6: [list(x) for x in sorted(state.epochs.items())],
        7: [sorted(f, key=str.encode) for f in state.features], 8: [h for _, h in sorted(state.holds.items())],
        9: [[n, sorted(f)] for n, f in sorted(state.damaged.items())], 10: sorted(state.condemned),
        11: sorted(state.dropped), 12: sorted(state.dead), 13: [list(state.policy)] if state.policy else [],
        14: [state.only_writer] if state.only_writer else [], 15: state.genesis, 16: state.admin,
    }
    if state.read_only is not None:
        m[17] = state.read_only
    if state.committed:
        m[18] = sorted(state.committed)
    if state.bridges:
        m[19] = [[n, *bridge] for n, bridge in sorted(state.bridges.items())]
    return m


def compare_checkpoint(found, state, where):
    expected = state_map(state)
    for key in CHECKPOINT:
        a, b = found.get(key), expected.get(key)
        need(a == b or not (a or b), f"{where}: key {key} differs from the folded journal: {a!r} instead of {b!r}"[:2000])
