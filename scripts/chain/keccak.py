"""Keccak-256, which Python's hashlib does not have: SHA-3 pads differently. The permutation is that of FIPS 202."""

import functools

MASK = (1 << 64) - 1
RATE = 136  # bytes


def _constants():
    """The offsets of rho with the places of pi, and the constants of iota, by their definitions."""
    moves, x, y = [], 1, 0
    for t in range(24):
        x, y, source = y, (2 * x + 3 * y) % 5, (x, y)
        moves.append((source[0] + 5 * source[1], x + 5 * y, (t + 1) * (t + 2) // 2 % 64))
    rounds, register = [], 1
    for _ in range(24):
        constant = 0
        for j in range(7):
            if register & 1:
                constant |= 1 << ((1 << j) - 1)
            register = (register << 1) ^ (0x171 if register >> 7 else 0)
        rounds.append(constant)
    return moves, rounds


MOVES, ROUNDS = _constants()


def _permute(a):
    for constant in ROUNDS:
        c = [a[x] ^ a[x + 5] ^ a[x + 10] ^ a[x + 15] ^ a[x + 20] for x in range(5)]
        d = [c[x - 1] ^ ((c[(x + 1) % 5] << 1 | c[(x + 1) % 5] >> 63) & MASK) for x in range(5)]
        a = [lane ^ d[i % 5] for i, lane in enumerate(a)]
        b = a[:]
        for source, target, offset in MOVES:
            lane = a[source]
            b[target] = (lane << offset | lane >> (64 - offset)) & MASK
        a = []
        for y in range(0, 25, 5):
            row = b[y : y + 5]
            a += [row[x] ^ (~row[(x + 1) % 5] & MASK & row[(x + 2) % 5]) for x in range(5)]
        a[0] ^= constant
    return a


@functools.lru_cache(maxsize=1 << 18)
def keccak(data):
    """The hash of bytes, as 32 bytes."""
    padded = bytearray(data + b"\x01" + bytes(-(len(data) + 1) % RATE))
    padded[-1] |= 0x80
    state = [0] * 25
    for start in range(0, len(padded), RATE):
        for i in range(RATE // 8):
            at = start + 8 * i
            state[i] ^= int.from_bytes(padded[at : at + 8], "little")
        state = _permute(state)
    return b"".join(lane.to_bytes(8, "little") for lane in state[:4])
