"""The code of one loop nest: everything it computes at an element, stores and running totals."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from polygrad.compile import index as indexing
from polygrad.compile.graph import Equation, Value
from polygrad.compile.index import Line
from polygrad.compile.native.pull import Puller, identity
from polygrad.compile.native.schedule import Loop, Root
from polygrad.compile.native.text import Code, real
from polygrad.compile.native.types import (
    constant,
    convert,
    is_float,
    is_signed,
    load,
    memory,
    store,
)

Buffer = tuple[str, Any]  # what a pointer stands for: ("value", value) or ("copy", number)


@dataclass
class Total:
    """A reduction as the loops carry it: in a register, over the last axes, or in memory."""

    root: Root
    start: int  # the first loop that carries it in a register; beyond the last: in memory
    target: Line
    first: str  # what a total begins with
    kind: str
    value: str = ""


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
            if root.op and self.chunks > 1 and self.outer in root.axes:
                kept = [n for d, n in enumerate(loop.space) if d not in root.axes]
                old = root.value
                self.parts[root] = Value((self.chunks, *kept), old.dtype, old.device)

    def _totals(self) -> bool:
        return any(root.op and self.outer in root.axes for root in self.loop.roots)

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
        if self.dims:
            flag = self._loop(0, {id(t): t.first for t in self.totals}, "0")
        else:
            flag = self._inner({id(t): t.first for t in self.totals}, "0")
            for total in self.totals:
                self._finish(total, total.value)
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
        kind = memory(dtype)
        start = len(self.dims)
        while start and self.dims[start - 1] in root.axes:
            start -= 1
        return Total(root, start, self.target(root), first_value(root.op, dtype), kind)

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
        return code.put(f"getelementptr inbounds {total.kind}, ptr {pointer}, i64 {at}")

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
        place = code.put(f"getelementptr inbounds {total.kind}, ptr {pointer}, i64 {at}")
        code.do(f"store {total.kind} {total.first}, ptr {place}, align {total.root.value.dtype.itemsize}")  # fmt: skip # noqa: E501
        code.do(f"{j} = add nuw nsw i64 {i}, 1")
        code.do(f"{c} = icmp ult i64 {j}, {count}")
        code.do(f"br i1 {c}, label %f{tag}, label %g{tag}")
        code.label(f"g{tag}")
        self.block = f"g{tag}"

    def _loop(self, depth: int, totals: dict[int, str], flag: str) -> str:
        code, d = self.code, self.dims[depth]
        name = self.names[d]
        header, after = f"h{depth}", f"x{depth}"
        before = self.block
        code.do(f"br label %{header}")
        code.label(header)
        self.block = header
        carried = [t for t in self.totals if t.start <= depth]
        holes: list[tuple[int, str, str, str, Total]] = []
        start = "%lo" if d == self.outer else "0"
        stop = "%hi" if d == self.outer else str(self.extent[d])
        following = f"{name}n"
        code.do(f"{name} = phi i64 [ {start}, %{before} ], [ {following}, %LATCH ]")
        variable_at = len(code.lines) - 1
        inside = dict(totals)
        for total in carried:
            phi = code.name()
            code.lines.append("")
            holes.append((len(code.lines) - 1, phi, inside[id(total)], total.kind, total))
            inside[id(total)] = phi
        flag_phi = ""
        if self.needs_status:
            flag_phi = code.name()
            code.lines.append("")
            flag_at = len(code.lines) - 1
        if depth == len(self.dims) - 1:
            flag_next = self._inner(inside, flag_phi)
        else:
            fresh = {**inside, **{id(t): t.first for t in self.totals if t.start == depth + 1}}
            flag_next = self._loop(depth + 1, fresh, flag_phi)
            for total in self.totals:
                if total.start == depth + 1:
                    self._finish(total, total.value)
        code.do(f"{following} = add nuw nsw i64 {name}, 1")
        check = code.put(f"icmp ult i64 {following}, {stop}")
        code.do(f"br i1 {check}, label %{header}, label %{after}")
        latch = self.block
        code.lines[variable_at] = code.lines[variable_at].replace("%LATCH", f"%{latch}")
        for at, phi, first, kind, total in holes:
            code.lines[at] = (
                f"  {phi} = phi {kind} [ {first}, %{before} ], [ {total.value}, %{latch} ]"
            )
        if self.needs_status:
            code.lines[flag_at] = (
                f"  {flag_phi} = phi i32 [ {flag}, %{before} ], [ {flag_next}, %{latch} ]"
            )
        code.label(after)
        self.block = after
        if depth == 0:
            for total in self.totals:
                if total.start == 0:
                    self._finish(total, total.value)
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
            x = to_memory(
                code, convert(code, x, root.source.dtype, root.value.dtype), root.value.dtype
            )
            if total.start < len(self.dims) or not self.dims:
                total.value = combine(code, root.op, root.value.dtype, totals[id(total)], x)
            else:
                self._add(total, x)
        if not self.needs_status:
            return flag
        for condition, reason in code.refusals:
            flag = code.two("or", "i32", flag, code.select(condition, "i32", str(reason), "0"))
        return flag

    def _add(self, total: Total, x: str) -> None:
        code, dtype = self.code, total.root.value.dtype
        place = self._place(total)
        old = code.put(f"load {total.kind}, ptr {place}, align {dtype.itemsize}")
        new = combine(code, total.root.op, dtype, old, x)
        code.do(f"store {total.kind} {new}, ptr {place}, align {dtype.itemsize}")

    def _finish(self, total: Total, value: str) -> None:
        """Put a total from a register where it belongs."""
        if self.dims and not self._register_only(total):
            self._add(total, value)
            return
        place = self._place(total)
        align = total.root.value.dtype.itemsize
        self.code.do(f"store {total.kind} {value}, ptr {place}, align {align}")


def to_memory(code: Code, x: str, dtype: Any) -> str:
    """A register as memory has it: bool as a byte."""
    return code.cast("zext", "i1", x, "i8") if dtype.group == "bool" else x


def first_value(op: str, dtype: Any) -> str:
    """What a reduction begins with."""
    kind = memory(dtype)
    if op in ("sum", "sum_integer", "any"):
        return real(-0.0 if op == "sum" else 0.0, kind) if is_float(dtype) else "0"
    if op in ("prod", "prod_integer", "all"):
        return real(1.0, kind) if is_float(dtype) else "1"
    if is_float(dtype):
        return real(float("-inf") if op == "max" else float("inf"), kind)
    if dtype.group == "bool":
        return "0" if op == "max" else "1"
    low = -(1 << dtype.bits - 1) if is_signed(dtype) else 0
    high = (1 << dtype.bits - 1) - 1 if is_signed(dtype) else (1 << dtype.bits) - 1
    return str(low if op == "max" else high)


def combine(code: Code, op: str, dtype: Any, total: str, x: str) -> str:
    """A total with one more element; sums and products may be taken in any order."""
    kind = memory(dtype)
    op = op.removesuffix("_integer")
    if op == "sum":
        return code.two("fadd reassoc" if is_float(dtype) else "add", kind, total, x)
    if op == "prod":
        return code.two("fmul reassoc" if is_float(dtype) else "mul", kind, total, x)
    if op in ("all", "any"):
        return code.two("and" if op == "all" else "or", kind, total, x)
    if is_float(dtype):
        name = f"llvm.{op}imum.f{dtype.bits}"
    else:
        name = f"llvm.{'s' if is_signed(dtype) else 'u'}{op}.{kind}"
    code.needs.add((name, f"{kind}*2"))
    return code.call(name, kind, total, x)
