"""Section 9.5: parity of packs."""
import struct
from dataclasses import dataclass
from functools import cache

from . import crypto
from .errors import Unsupported, need
from .objects import OBJECT_LIMIT, reserved, whole

SHARDS, SHARD = 32_768, 65_536
BASIS = [int(n, 16) for n in
         "0001 ACCA 3C0E 163E C582 ED2E 914C 4012 6C98 10D8 6A72 B900 FDB8 FB34 FF38 991E".split()]


@dataclass
class Parity:
    pack: bytes
    pack_length: int
    shard: int
    data: int
    hashes: list    # of the data shards and then of the parity shards
    shards: list    # the parity shards

    @property
    def burst(self):
        """The longest run of damage that always heals."""
        return self.pack_length if self.data <= len(self.shards) else (len(self.shards) - 1) * self.shard + 1

    def damaged(self, pack):
        """Numbers of the data shards that do not match their hashes."""
        shards = [pack[i * self.shard:min((i + 1) * self.shard, self.pack_length)] for i in range(self.data)]
        return [i for i, shard in enumerate(shards) if crypto.hash32(shard)[:16] != self.hashes[i]]


def head(data, where):
    code, zero, shard, n, parities, length = struct.unpack_from("<HHIIIQ", data)
    need(crypto.hash32(b"strongroom v1 parity" + data[:64]) == data[64:], f"{where}: damaged head")
    need(code == 1, f"{where}: code {code}", Unsupported)
    reserved([zero, *data[24:32]], f"{where}: head")
    need(64 <= shard <= SHARD and shard % 64 == 0, f"{where}: shards of {shard} bytes")
    need(1 <= length <= OBJECT_LIMIT and n == -(-length // shard), f"{where}: {n} data shards for {length} bytes")
    need(1 <= n <= SHARDS and 1 <= parities <= SHARDS, f"{where}: {n} data shards, {parities} parity shards")
    return data[32:64], length, shard, n, parities


def parse(data, where):
    """A whole object, without its preamble, which is checked elsewhere."""
    body = whole(data, where)
    need(len(body) >= 64 + 2 * 96, f"{where}: too short")
    pack, length, shard, n, parities = head(body[64:160], where)
    table = 16 * (n + parities)
    need(len(body) == 64 + 2 * (96 + table) + parities * shard, f"{where}: wrong length")
    first, second = body[160:160 + table], body[len(body) - 96 - table:-96]
    need(body[64:160] == body[-96:] and first == second, f"{where}: the copies of head and table differ")
    need(where == f"parity/{pack.hex()}", f"{where}: is parity of {pack.hex()}")
    hashes = [first[i:i + 16] for i in range(0, table, 16)]
    start = 160 + table
    shards = [body[start + i * shard:start + (i + 1) * shard] for i in range(parities)]
    for i, one in enumerate(shards):
        need(crypto.hash32(one)[:16] == hashes[n + i], f"{where}: parity shard {i} does not match its hash")
    return Parity(pack, length, shard, n, hashes, shards)


def check(parity, pack, where, groups=4):
    """Compares parity with its pack: all hashes, and the code in a few groups of 64 bytes (all are slow to compute)."""
    need(len(pack) == parity.pack_length, f"{where}: the pack has {len(pack)} bytes, not {parity.pack_length}")
    damaged = parity.damaged(pack)
    need(not damaged, f"{where}: shards {damaged} of the pack do not match their hashes")
    last = parity.shard - 64
    for at in sorted({64 * (last // 64 * i // max(groups - 1, 1)) for i in range(groups)}):
        columns = [pack[i * parity.shard + at:min(i * parity.shard + at + 64, (i + 1) * parity.shard)] for i in range(parity.data)]
        columns = [numbers(column.ljust(64, b"\0")) for column in columns]
        for i, shard in enumerate(parity.shards):
            need(code(columns, i, len(parity.shards)) == numbers(shard[at:at + 64]),
                 f"{where}: parity shard {i} is not that of the pack at byte {at}")


def numbers(group):
    """The 32 numbers of 64 bytes."""
    return [group[k] | group[32 + k] << 8 for k in range(32)]


def code(columns, i, parities):
    """Parity shard i, for one group of 64 bytes of every data shard."""
    log, exp = field()
    m = 1 << (parities - 1).bit_length()
    out = [0] * 32
    for j, column in enumerate(columns):
        factor = log[j // m + 1] - log[i ^ (m + j)]
        for k, d in enumerate(column):
            if d:
                out[k] ^= exp[(log[d] + factor) % 65_535]
    return out


@cache
def field():
    """Logarithms of the numbers that stand for field elements, and the numbers of logarithms."""
    log_of_polynomial, polynomial = {}, 1
    for power in range(65_535):
        log_of_polynomial[polynomial] = power
        polynomial <<= 1
        if polynomial > 65_535:
            polynomial ^= 0x1002D
    log, exp = [None] * 65_536, [None] * 65_535
    for number in range(1, 65_536):
        polynomial = 0
        for i in range(16):
            if number >> i & 1:
                polynomial ^= BASIS[i]
        log[number] = log_of_polynomial[polynomial]
        exp[log[number]] = number
    return log, exp
