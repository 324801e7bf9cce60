"""Threefry-2x32: random bits from a key and a number, in integer operations of any library."""

from typing import Any

from polygrad.dtypes import as_dtype

WORD = 0xFFFFFFFF
_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
_PARITY = 0x1BD11BDA
_ROUNDS = 20


def threefry(words: tuple[Any, Any], x0: Any, x1: Any) -> tuple[Any, Any]:
    """The Threefry-2x32-20 blocks with the numbers ``(x0, x1)`` under a key of two words.

    Everything is an unsigned 32-bit word: a Python int, an array of int64 that holds one, or
    an array of uint32, which wraps around by itself. Arrays are not written to.

    >>> [hex(word) for word in pg.random.threefry((0, 0), 0, 0)]
    ['0x6b200159', '0x99ba4efe']
    """
    wider = type(x0) is int or as_dtype(x0.dtype).bits > 32
    schedule = (*words, words[0] ^ words[1] ^ _PARITY)
    x0, x1 = x0 + schedule[0], x1 + schedule[1]
    if wider:
        x0, x1 = x0 & WORD, x1 & WORD
    for group in range(_ROUNDS // 4):
        for rotation in _ROTATIONS[group % 2]:
            # In place, in arrays made here: libraries that cannot write rebind the name.
            x0 += x1
            carried = x1 >> (32 - rotation)
            x1 <<= rotation
            x1 |= carried
            if wider:
                x0, x1 = x0 & WORD, x1 & WORD
            x1 ^= x0
        x0 += schedule[(group + 1) % 3]
        x1 += (schedule[(group + 2) % 3] + group + 1) & WORD
        if wider:
            x0, x1 = x0 & WORD, x1 & WORD
    return x0, x1
