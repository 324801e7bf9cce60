"""Threefry-2x32: random bits from a key and a number, in integer operations of any library."""

import operator
from typing import Any

from polygrad.dtypes import as_dtype

WORD = 0xFFFFFFFF
_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
_PARITY = 0x1BD11BDA
_ROUNDS = 20


def threefry(words: tuple[Any, Any], x0: Any, x1: Any, *, in_place: bool = True) -> tuple[Any, Any]:
    """The Threefry-2x32-20 blocks with the numbers ``(x0, x1)`` under a key of two words.

    Everything is an unsigned 32-bit word: Python ints, arrays of int64 that hold one, or arrays
    of uint32, which wrap around by themselves. Numbers and words are of one of these kinds, but
    words that are Python ints go with any. Arrays are not written to; ``in_place`` says that
    those made here may be, where the library can.

    >>> [hex(word) for word in pg.random.threefry((0, 0), 0, 0)]
    ['0x6b200159', '0x99ba4efe']
    """
    # Without it a sum of two words would leave the 32 bits.
    wider = type(x0) is int or as_dtype(x0.dtype).bits > 32
    add, left, join, differ = (
        (operator.iadd, operator.ilshift, operator.ior, operator.ixor)
        if in_place
        else (operator.add, operator.lshift, operator.or_, operator.xor)
    )
    schedule = (*words, words[0] ^ words[1] ^ _PARITY)
    x0, x1 = x0 + schedule[0], x1 + schedule[1]
    if wider:
        x0, x1 = x0 & WORD, x1 & WORD
    for group in range(_ROUNDS // 4):
        for rotation in _ROTATIONS[group % 2]:
            # Written in arrays made here: libraries that cannot write rebind the name.
            x0 = add(x0, x1)
            carried = x1 >> (32 - rotation)
            x1 = join(left(x1, rotation), carried)
            if wider:
                x0, x1 = x0 & WORD, x1 & WORD
            x1 = differ(x1, x0)
        x0 = add(x0, schedule[(group + 1) % 3])
        number = schedule[(group + 2) % 3] + group + 1
        x1 = add(x1, number & WORD if wider or type(number) is int else number)
        if wider:
            x0, x1 = x0 & WORD, x1 & WORD
    return x0, x1
