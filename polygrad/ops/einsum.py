"""Einstein summation: a path of pairwise products, each a matrix product of the standard.

Only differentiable functions of the standard are used, so every derivative, data type and
backend that those have is inherited. The order of the products comes from opt_einsum.
"""

import math
from typing import Any

from polygrad.array import is_array
from polygrad.errors import ArgumentTypeError, ArgumentValueError, ShapeError
from polygrad.ops.arithmetic import multiply
from polygrad.ops.datatypes import check_same_library
from polygrad.ops.indexing import getitem
from polygrad.ops.linear_algebra import matmul
from polygrad.ops.manipulation import permute_dims, reshape
from polygrad.ops.statistical import sum as total

Term = tuple[Any, str]  # an operand, and a letter for each of its axes


def einsum(subscripts: Any, *operands: Any, optimize: Any = "auto") -> Any:
    """Sums of products of array elements in Einstein's notation, as in ``numpy.einsum``.

    ``"ij,jk->ik"`` names the axes of each operand and of the result; without ``->`` the result
    has the letters that occur once, in alphabetical order. A letter that occurs twice in one
    operand takes its diagonal; ``...`` stands for any axes, which broadcast. The other form,
    ``einsum(x, [0, 1], y, [1, 2], [0, 2])``, uses numbers for letters. With more than two
    operands ``optimize`` chooses the order of the products: True, False (from left to right),
    or what ``opt_einsum.contract_path`` takes. Differentiable, to any order.

    Raises ArgumentValueError for subscripts that cannot be read or do not fit the number of
    operands, ShapeError where axes of one letter differ in length.

    >>> a = pg.asarray([[1.0, 2.0], [3.0, 4.0]])
    >>> pg.einsum("ij,jk->ik", a, a)
    Array([[ 7., 10.],
           [15., 22.]], dtype=float64, device=cpu)
    """
    if not isinstance(subscripts, str):
        subscripts, operands = _from_numbers(subscripts, operands)
    arrays = list(operands)
    for i, x in enumerate(arrays):
        if not is_array(x):
            raise ArgumentTypeError(
                f"einsum: operand {i + 1} is {type(x).__name__}, expected an array"
            )
    check_same_library("einsum", arrays)
    inputs, output = _parse(subscripts, [tuple(x.shape) for x in arrays])
    terms = [_diagonal(x, labels) for x, labels in zip(arrays, inputs, strict=True)]
    lengths = _lengths(subscripts, terms)
    terms = [_without_stretched(x, labels, lengths) for x, labels in terms]
    for pair in _path(terms, output, lengths, optimize):
        picked = [terms[i] for i in pair]
        terms = [term for i, term in enumerate(terms) if i not in pair]
        needed = set(output).union(*(labels for _, labels in terms))
        product = _sum_out(picked[0], needed) if len(picked) == 1 else picked[0]
        for other in picked[1:]:
            product = _product(product, other, needed)
        terms.append(product)
    x, labels = _sum_out(terms[0], set(output))
    missing = [c for c in output if c not in labels]
    if missing:  # a letter of length 1 was dropped from every operand that had it
        x, labels = reshape(x, (*x.shape, *(1,) * len(missing))), labels + "".join(missing)
    order = tuple(labels.index(c) for c in output)
    return x if order == tuple(range(len(order))) else permute_dims(x, order)


def _from_numbers(first: Any, rest: tuple[Any, ...]) -> tuple[str, tuple[Any, ...]]:
    values = (first, *rest)
    out = values[-1] if len(values) % 2 else None
    pairs = values[: len(values) - len(values) % 2]
    lists = pairs[1::2]

    def text(places: Any) -> str:
        try:
            return "".join("..." if p is Ellipsis else _symbol(int(p)) for p in places)
        except (TypeError, ValueError):
            raise ArgumentTypeError(
                f"einsum: got {places!r} for the axes of an operand, expected a list of integers; "
                "the first argument is a string, or arrays alternate with such lists"
            ) from None

    subscripts = ",".join(map(text, lists))
    return subscripts if out is None else f"{subscripts}->{text(out)}", pairs[::2]


def _symbol(number: int) -> str:
    """A letter for a number: the alphabet, then Greek and beyond."""
    if number < 0:
        raise ValueError(number)
    letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
    return letters[number] if number < len(letters) else chr(number - len(letters) + 0x3B1)


def _parse(subscripts: str, shapes: list[tuple[int, ...]]) -> tuple[list[str], str]:
    """The letters of each operand and of the result, with ``...`` written out."""
    text = subscripts.replace(" ", "")
    left, arrow, right = text.partition("->")
    inputs = left.split(",")
    if len(inputs) != len(shapes):
        raise ArgumentValueError(
            f"einsum: {subscripts!r} describes {len(inputs)} operands, got {len(shapes)}"
        )
    for part in (*inputs, right):
        letters = part.replace("...", "", 1)
        if letters and not letters.isalpha():
            raise ArgumentValueError(
                f"einsum: got {part!r} in {subscripts!r}, expected letters and at most one '...'"
            )
    used = set(text)
    fresh = [c for c in map(_symbol, range(len(used) + 80)) if c not in used]
    widest = 0
    written = []
    for part, shape in zip(inputs, shapes, strict=True):
        named = len(part.replace("...", ""))
        extra = len(shape) - named
        if extra < 0 or (extra and "..." not in part):
            raise ShapeError(
                f"einsum: {part!r} in {subscripts!r} names {named} axes, the operand has shape "
                f"{shape}; expected a letter for each axis, or '...' for the rest"
            )
        if "..." in part:
            widest = max(widest, extra)
            part = part.replace("...", "".join(fresh[:extra][::-1]))
        written.append(part)
    broad = "".join(fresh[:widest][::-1])
    if arrow:
        output = right.replace("...", broad)
    else:
        joined = "".join(inputs).replace(".", "")
        output = broad + "".join(sorted(c for c in set(joined) if joined.count(c) == 1))
    unknown = [c for c in output if c not in "".join(written)]
    if unknown or len(set(output)) < len(output):
        raise ArgumentValueError(
            f"einsum: the result {right!r} of {subscripts!r} may name each letter of the operands "
            "once, and no other"
        )
    return written, output


def _diagonal(x: Any, labels: str) -> tuple[Any, str]:
    """``x`` with letters that occur twice on one axis, the diagonal."""
    for c in dict.fromkeys(labels):
        while labels.count(c) > 1:
            i = labels.index(c)
            j = labels.index(c, i + 1)
            n = x.shape[i]
            if x.shape[j] != n:
                raise ShapeError(
                    f"einsum: {c!r} names two axes of lengths {n} and {x.shape[j]} of one "
                    "operand; a diagonal needs equal lengths"
                )
            rest = [k for k in range(len(labels)) if k not in (i, j)]
            x = permute_dims(x, (*rest, i, j))
            x = reshape(x, (*x.shape[:-2], n * n))
            # Each diagonal element is n + 1 after the one before.
            x = getitem(x, (Ellipsis, slice(None, None, n + 1)))
            labels = "".join(labels[k] for k in rest) + c
    return x, labels


def _lengths(subscripts: str, terms: list[Term]) -> dict[str, int]:
    lengths: dict[str, int] = {}
    for x, labels in terms:
        for c, n in zip(labels, x.shape, strict=True):
            known = lengths.setdefault(c, n)
            if known != n and 1 not in (known, n):
                raise ShapeError(
                    f"einsum: {c!r} in {subscripts!r} stands for axes of lengths {known} and {n}, "
                    "expected equal lengths, or 1"
                )
            lengths[c] = n if known == 1 else known
    return lengths


def _without_stretched(x: Any, labels: str, lengths: dict[str, int]) -> tuple[Any, str]:
    """``x`` without axes of length 1 that would broadcast: a product does it by itself."""
    keep = [i for i, c in enumerate(labels) if x.shape[i] == lengths[c]]
    if len(keep) == len(labels):
        return x, labels
    return reshape(x, tuple(x.shape[i] for i in keep)), "".join(labels[i] for i in keep)


def _path(terms: list[Term], output: str, lengths: Any, optimize: Any) -> list[Any]:
    if len(terms) < 3:
        return [tuple(range(len(terms)))]
    if optimize is False:
        return [(0, 1)] + [(0, n - 1) for n in range(len(terms) - 1, 1, -1)]
    from opt_einsum import contract_path  # imports NumPy, which `import polygrad` does not

    subscripts = ",".join(labels for _, labels in terms) + "->" + output
    shapes = [tuple(x.shape) for x, _ in terms]
    how = "auto" if optimize is True else optimize
    return contract_path(subscripts, *shapes, shapes=True, optimize=how)[0]


def _sum_out(term: Term, needed: set[str]) -> Term:
    x, labels = term
    axes = tuple(i for i, c in enumerate(labels) if c not in needed)
    if not axes:
        return x, labels
    return total(x, axis=axes, dtype=x.dtype), "".join(c for c in labels if c in needed)


def _product(one: Term, two: Term, needed: set[str]) -> Term:
    """The product of two terms, summed over what neither the result nor others need."""
    a, left = _sum_out(one, needed | set(two[1]))
    b, right = _sum_out(two, needed | set(one[1]))
    both = [c for c in left if c in right]
    batch = [c for c in both if c in needed]
    inner = [c for c in both if c not in needed]
    rows = [c for c in left if c not in right]
    columns = [c for c in right if c not in left]
    size = dict(zip(left, a.shape, strict=True)) | dict(zip(right, b.shape, strict=True))

    def shape(*groups: list[str]) -> tuple[int, ...]:
        return tuple(math.prod(size[c] for c in group) for group in groups)

    a = permute_dims(a, tuple(left.index(c) for c in batch + rows + inner))
    b = permute_dims(b, tuple(right.index(c) for c in batch + inner + columns))
    labels = "".join(batch + rows + columns)
    full = tuple(size[c] for c in labels)
    if inner:
        out = matmul(
            reshape(a, shape(batch, rows, inner)), reshape(b, shape(batch, inner, columns))
        )
    else:
        out = multiply(
            reshape(a, (*shape(batch, rows), 1)), reshape(b, (*shape(batch), 1, *shape(columns)))
        )
    return reshape(out, full), labels
