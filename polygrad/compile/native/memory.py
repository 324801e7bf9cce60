"""Where values live while a program runs: one stretch of memory, in which parts are used again."""

from collections.abc import Iterable

ALIGN = 64


def plan(lives: Iterable[tuple[object, int, int, int]]) -> tuple[dict[object, int], int]:
    """Offsets for things of (key, bytes, first step, last step), and the bytes of the whole.

    The largest are placed first, each as low as it fits among those alive at the same time.

    >>> plan([("a", 64, 0, 1), ("b", 64, 1, 2), ("c", 64, 2, 3)])
    ({'a': 0, 'b': 64, 'c': 0}, 128)
    """
    placed: list[tuple[int, int, int, int]] = []
    offsets: dict[object, int] = {}
    total = 0
    for key, nbytes, first, last in sorted(lives, key=lambda life: -life[1]):
        size = -(-max(nbytes, 1) // ALIGN) * ALIGN
        beside = sorted(p for p in placed if p[2] <= last and first <= p[3])
        at = 0
        for start, end, _, _ in beside:
            if start - at >= size:
                break
            at = max(at, end)
        offsets[key] = at
        placed.append((at, at + size, first, last))
        total = max(total, at + size)
    return offsets, total
