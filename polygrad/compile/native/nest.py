"""The code of one loop nest: everything it computes at an element, stores and running totals."""

import math
from collections.abc import Callable, Sequence
from typing import Any

from polygrad.compile import index as indexing
from polygrad.compile.graph import Equation, Value
from polygrad.compile.index import Line, identity
from polygrad.compile.native.pull import Puller
from polygrad.compile.native.schedule import Loop, Root
from polygrad.compile.native.text import Code
from polygrad.compile.native.totals import Total, combine, convert_total, to_memory, wide
from polygrad.compile.native.types import (
    constant,
    convert,
    load,
    memory,
    store,
)

Buffer = tuple[str, Any]  # what a pointer stands for: ("value", value) or ("copy", number)


BLOCK = 512
"""Elements that are added up before they are added to the rest, so that sums are exact to a few
units in the last place however long they are."""
ROWS = 1024
"""Rows from which on totals in memory, to which each row adds, are in float64."""


class Nest:
    """Writes a function for a loop.

    The outermost axis may be cut in chunks, run by several threads: the function then does the
    rows from ``%lo`` to ``%hi - 1``, and what it totals over them is a part, number ``%chunk``.
    """

    def __init__(
        self, number: int, loop: Loop, producers: dict[Value, Equation], stored: set[Value],
        chunks: Callable[[int, int, bool], int],
    ) -> None:  # fmt: skip
        self.number, self.loop = number, loop
        self.producers, self.stored = producers, stored
        self.buffers: dict[Buffer, str] = {}
        self.names = [f"%i{d}" if n != 1 else "" for d, n in enumerate(loop.space)]
        self._trial()
        self._merge()
        self.outer = next((d for d, name in enumerate(self.names) if name), None)
        rows = self.extent[self.outer] if self.outer is not None else 1
        self.rows = rows
        alone = any(root.part is not None and root.part.serial for root in loop.roots)
        work = math.prod(loop.space) * max(loop.cost, 1)
        self.chunks = 1 if alone or self.outer is None else chunks(work, rows, self._totals())
        self.step = -(-rows // self.chunks)
        self.chunks = -(-rows // self.step)
        self.parts: dict[Root, Value] = {}  # totals of the chunks, one after the other
        for root in loop.roots:
            if root.op and self.outer in root.axes and (self.chunks > 1 or self._long(root)):
                kept = [n for d, n in enumerate(loop.space) if d not in root.axes]
                old = root.value
                self.parts[root] = Value((self.chunks, *kept), wide(root), old.device)

    def _totals(self) -> bool:
        return any(root.op and self.outer in root.axes for root in self.loop.roots)

    def _long(self, root: Root) -> bool:
        """Whether a total in memory gets so many rows that it had better be a wide one."""
        inner = max(d for d, name in enumerate(self.names) if name)
        return inner not in root.axes and self.rows > ROWS and wide(root) != root.value.dtype

    # -- which axes can be one ------------------------------------------------------------------

    def target(self, root: Root) -> Line:
        """Where a root is written, in elements."""
        kept = [d for d in range(len(self.loop.space)) if d not in root.axes]
        steps = indexing.strides([self.loop.space[d] for d in kept])
        here = identity(self.names)
        return indexing.flat(tuple([here[d] for d in kept]), steps)

    def _trial(self) -> None:
        puller = self._body(Code())
        self.forms = puller.forms
        self.needs_status = bool(puller.code.refusals)

    def _body(self, code: Code) -> Puller:
        puller = Puller(code, self.producers, self.stored, self.pointer)
        here = identity(self.names)
        self.results = []
        for root in self.loop.roots:
            target = self.target(root) if root.part is None else root.part.place(puller, here)
            self.results.append((self._source(puller, root), target))
            puller.forms.append(target)
        return puller

    def _source(self, puller: Puller, root: Root) -> str:
        dtype = root.value.dtype
        if not isinstance(root.source, Value):
            return constant(root.source or 0, dtype)
        here = identity(self.names)
        if root.part is None:
            again = root.source is root.value and root.copy is None
            return puller.get(root.source, here, again)
        x = puller.get(root.source, root.part.index(here))
        return convert(puller.code, x, root.source.dtype, dtype)

    def _merge(self) -> None:
        """Make one axis of two where everything lies in memory as if they were one."""
        self.extent = list(self.loop.space)
        last = None
        for d in reversed(range(len(self.names))):
            if not self.names[d]:
                continue
            if last is not None and self._one(d, last):
                self.extent[last] *= self.extent[d]
                self.names[d] = ""
            else:
                last = d

    def _one(self, outer: int, inner: int) -> bool:
        names = self.names
        for root in self.loop.roots:
            if root.op and (outer in root.axes) != (inner in root.axes):
                return False
        for form in self.forms:
            factors = dict(form.terms)
            if factors.get(names[outer], 0) != factors.get(names[inner], 0) * self.extent[inner]:
                return False
        return True

    # -- memory ---------------------------------------------------------------------------------

    def pointer(self, value: Value) -> str:
        """The parameter for the memory of a value."""
        while (inner := self.producers.get(value)) is not None and value not in self.stored:
            value = inner.inputs[0]  # an alias
        return self.buffer(("value", value))

    def buffer(self, key: Buffer) -> str:
        """The parameter for a piece of memory."""
        return self.buffers.setdefault(key, f"%p{len(self.buffers)}")

    def written(self, root: Root) -> str:
        """The parameter for what a root writes."""
        if root.copy is not None:
            return self.buffer(("copy", root.copy))
        return self.buffer(("value", self.parts.get(root, root.value)))

    # -- code -----------------------------------------------------------------------------------

    def text(self) -> tuple[str, set[tuple[str, str]]]:
        """The function, and the math functions it calls."""
        self.buffers.clear()
        self.code = code = Code()
        self.dims = [d for d, name in enumerate(self.names) if name]
        self.totals = [self._total(root) for root in self.loop.roots if root.op]
        code.label("entry")
        self.block = "entry"
        for total in self.totals:
            if total.start >= len(self.dims) or not self._register_only(total):
                self._fill(total)
        begin = {id(t): t.first(t.wide) for t in self.totals}
        if self.dims:
            flag = self._loop(0, begin, "0")
        else:
            flag = self._inner({id(t): t.first(t.dtype) for t in self.totals}, "0")
            for total in self.totals:
                self._finish(total, convert_total(code, total.value, total.dtype, total.wide))
        if self.needs_status:
            code.do(f"%old = atomicrmw or ptr %status, i32 {flag} monotonic")
        code.do("ret void")
        pointers = "".join(f"ptr noalias {p}, " for p in self.buffers.values())
        head = (
            f"define internal void @loop{self.number}({pointers}i64 %lo, i64 %hi, i64 %chunk, "
            "ptr %status) nounwind {"
        )
        return "\n".join([head, *code.lines, "}"]), code.needs

    def _total(self, root: Root) -> Total:
        dtype = root.value.dtype
        large = wide(root)
        kept = large if root in self.parts else dtype
        if root.op == "sum" and root.source.dtype == large:
            dtype = large
        start = len(self.dims)
        while start and self.dims[start - 1] in root.axes:
            start -= 1
        return Total(root, start, self.target(root), dtype, large, kept)

    def _register_only(self, total: Total) -> bool:
        """Whether no loop outside of the total's own adds to it once more."""
        return not any(d in total.root.axes for d in self.dims[: total.start])

    def _place(self, total: Total) -> str:
        """The address of the total, or of this chunk's part of it."""
        code, root = self.code, total.root
        steps = total.target
        puller = Puller(code, {}, set(), lambda v: "")
        at = puller.number(steps)
        pointer = self.written(root)
        if root in self.parts:
            size = max(root.value.size, 1)
            at = code.put(f"add i64 {at}, {code.put(f'mul i64 %chunk, {size}')}")
        return code.put(f"getelementptr inbounds {memory(total.memory)}, ptr {pointer}, i64 {at}")

    def _fill(self, total: Total) -> None:
        """Begin a total in memory."""
        code, n = self.code, max(total.root.value.size, 1)
        pointer = self.written(total.root)
        base = "0"
        if total.root in self.parts:
            base = code.put(f"mul i64 %chunk, {n}")
        elif self.chunks > 1:  # each chunk begins its own rows
            step = dict(total.target.terms).get(self.names[self.outer], 0)  # type: ignore[index]
            base = code.put(f"mul i64 %lo, {step}")
            count = code.put(f"mul i64 {code.put('sub i64 %hi, %lo')}, {step}")
            self._fill_loop(pointer, base, count, total)
            return
        self._fill_loop(pointer, base, str(n), total)

    def _fill_loop(self, pointer: str, base: str, count: str, total: Total) -> None:
        code = self.code
        i, j, c = code.name(), code.name(), code.name()
        tag = i[1:]
        code.do(f"br label %f{tag}")
        code.label(f"f{tag}")
        code.do(f"{i} = phi i64 [ 0, %{self.block} ], [ {j}, %f{tag} ]")
        at = code.put(f"add i64 {i}, {base}")
        kind = memory(total.memory)
        place = code.put(f"getelementptr inbounds {kind}, ptr {pointer}, i64 {at}")
        first = total.first(total.memory)
        code.do(f"store {kind} {first}, ptr {place}, align {total.memory.itemsize}")
        code.do(f"{j} = add nuw nsw i64 {i}, 1")
        code.do(f"{c} = icmp ult i64 {j}, {count}")
        code.do(f"br i1 {c}, label %f{tag}, label %g{tag}")
        code.label(f"g{tag}")
        self.block = f"g{tag}"

    def _loop(self, depth: int, totals: dict[int, str], flag: str) -> str:
        """A loop and those inside it; totals are wide ones, and so are the values it leaves."""
        d = self.dims[depth]
        start = "%lo" if d == self.outer else "0"
        stop = "%hi" if d == self.outer else str(self.extent[d])
        carried = [t for t in self.totals if t.start <= depth]
        if depth == len(self.dims) - 1:
            flag = self._innermost(depth, start, stop, totals, flag)
        else:

            def body(phis: Sequence[str], flag: str) -> str:
                inside = dict(totals)
                inside.update((id(t), phi) for t, phi in zip(carried, phis, strict=True))
                begun = [t for t in self.totals if t.start == depth + 1]
                inside.update((id(t), t.first(t.wide)) for t in begun)
                flag = self._loop(depth + 1, inside, flag)
                for total in begun:
                    self._finish(total, total.value)
                return flag

            begins = [(memory(t.wide), totals[id(t)]) for t in carried]
            flag = self._turns(self.names[d], (start, stop, 1), carried, begins, flag, body)
        if depth == 0:
            for total in self.totals:
                if total.start == 0:
                    self._finish(total, total.value)
        return flag

    def _innermost(
        self, depth: int, start: str, stop: str, totals: dict[int, str], flag: str
    ) -> str:
        """The innermost loop; a long one that sums is one over blocks, and one in each of them."""
        code, d = self.code, self.dims[depth]
        carried = [t for t in self.totals if t.start <= depth]
        extent = self.step if d == self.outer else self.extent[d]

        def once(start: str, stop: str, totals: dict[int, str], flag: str) -> str:
            def body(phis: Sequence[str], flag: str) -> str:
                return self._inner({id(t): phi for t, phi in zip(carried, phis, strict=True)}, flag)

            begins = [
                (memory(t.dtype), t.first(t.dtype) if t.sums else totals[id(t)]) for t in carried
            ]
            flag = self._turns(self.names[d], (start, stop, 1), carried, begins, flag, body)
            for t in carried:
                t.value = convert_total(code, t.value, t.dtype, t.wide)
                if t.sums and totals[id(t)] != t.first(t.wide):
                    t.value = code.two("fadd", memory(t.wide), totals[id(t)], t.value)
            return flag

        if extent <= BLOCK or not any(t.sums for t in carried):
            return once(start, stop, totals, flag)
        block = f"{self.names[d]}b"

        def body(phis: Sequence[str], flag: str) -> str:
            end = code.put(f"add nuw nsw i64 {block}, {BLOCK}")
            less = code.put(f"icmp ult i64 {end}, {stop}")
            end = code.select(less, "i64", end, stop)
            return once(block, end, {id(t): p for t, p in zip(carried, phis, strict=True)}, flag)

        begins = [(memory(t.wide), totals[id(t)]) for t in carried]
        return self._turns(block, (start, stop, BLOCK), carried, begins, flag, body)

    def _turns(
        self, name: str, over: tuple[str, str, int], carried: Sequence[Total],
        begins: Sequence[tuple[str, str]], flag: str, body: Callable[[Sequence[str], str], str],
    ) -> str:  # fmt: skip
        """One loop of one turn at least, which carries totals and the flag."""
        code, before, (start, stop, step) = self.code, self.block, over
        header, after = f"h_{name[1:]}", f"x_{name[1:]}"
        code.do(f"br label %{header}")
        code.label(header)
        self.block = header
        following = f"{name}n"
        at = len(code.lines)
        phis = [code.name() for _ in begins]
        flag_phi = code.name() if self.needs_status else ""
        code.lines += [""] * (1 + len(phis) + self.needs_status)
        flag_next = body(phis, flag_phi)
        code.do(f"{following} = add nuw nsw i64 {name}, {step}")
        check = code.put(f"icmp ult i64 {following}, {stop}")
        code.do(f"br i1 {check}, label %{header}, label %{after}")
        ends = [(name, "i64", start, following)]
        ends += [
            (phi, kind, begin, t.value)
            for t, phi, (kind, begin) in zip(carried, phis, begins, strict=True)
        ]
        if self.needs_status:
            ends.append((flag_phi, "i32", flag, flag_next))
        for i, (phi, kind, begin, end) in enumerate(ends):
            code.lines[at + i] = (
                f"  {phi} = phi {kind} [ {begin}, %{before} ], [ {end}, %{self.block} ]"
            )
        code.label(after)
        self.block = after
        return flag_next

    def _inner(self, totals: dict[int, str], flag: str) -> str:
        code = self.code
        puller = self._body(code)
        rest = iter(self.totals)
        for root, (x, target) in zip(self.loop.roots, self.results, strict=True):
            if not root.op:
                dtype = root.value.dtype
                address = puller.address_of(self.written(root), dtype, target)
                if root.part is not None and root.part.adds:
                    x = combine(code, "sum", dtype, load(code, address, dtype), x)
                store(code, x, address, dtype)
                continue
            total = next(rest)
            x = to_memory(code, convert(code, x, root.source.dtype, total.dtype), total.dtype)
            if total.start < len(self.dims) or not self.dims:
                total.value = combine(code, root.op, total.dtype, totals[id(total)], x)
            else:
                self._add(total, convert_total(code, x, total.dtype, total.memory))
        if not self.needs_status:
            return flag
        for condition, reason in code.refusals:
            flag = code.two("or", "i32", flag, code.select(condition, "i32", str(reason), "0"))
        return flag

    def _add(self, total: Total, x: str) -> None:
        code, dtype = self.code, total.memory
        place, kind = self._place(total), memory(dtype)
        old = code.put(f"load {kind}, ptr {place}, align {dtype.itemsize}")
        new = combine(code, total.root.op, dtype, old, x)
        code.do(f"store {kind} {new}, ptr {place}, align {dtype.itemsize}")

    def _finish(self, total: Total, value: str) -> None:
        """Put a total from a register where it belongs."""
        value = convert_total(self.code, value, total.wide, total.memory)
        if self.dims and not self._register_only(total):
            self._add(total, value)
            return
        place, dtype = self._place(total), total.memory
        self.code.do(f"store {memory(dtype)} {value}, ptr {place}, align {dtype.itemsize}")
