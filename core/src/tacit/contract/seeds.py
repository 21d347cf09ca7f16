"""Seeds of seeds: independent random streams named by integers."""

from __future__ import annotations

_MASK = (1 << 64) - 1


START = 0x9E3779B97F4A7C15


def derive(*keys: int) -> int:
    """One 63-bit seed of several integers (run seed, epoch, step, rank, purpose).

    The same keys give the same seed on every machine; neighbouring keys give unrelated seeds, so
    that a stream can be named by its place in the run instead of carried in a checkpoint.

    Source: the finaliser of splitmix64 (Steele, Lea and Flood 2014), applied key by key.
    """
    return absorb(START, *keys) >> 1


def absorb(state: int, *keys: int) -> int:
    """The state after further keys: what many seeds begin with alike need be taken in only once."""
    for key in keys:
        state = (state ^ (key & _MASK)) * 0xBF58476D1CE4E5B9 & _MASK
        state = (state ^ (state >> 27)) * 0x94D049BB133111EB & _MASK
        state ^= state >> 31
    return state
