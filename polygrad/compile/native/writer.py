"""A whole graph as one module of LLVM assembly.

``i32 @program(ptr buffers)`` runs it: ``buffers`` points to the addresses of the inputs, of the
outputs, of scratch memory and of a word that a loop sets where the program gives up. It
returns that word: 0 if all went well. What lies outside of the module (the constants, and what
shares a loop among threads) it finds in ``@table``, which is filled when the code is loaded: so
the code itself holds no address, and can be kept on disk.
"""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass

from polygrad.compile.graph import Graph, Value
from polygrad.compile.index import is_alias
from polygrad.compile.native import memory as scratch
from polygrad.compile.native.mathematics import definitions
from polygrad.compile.native.nest import Buffer, Nest
from polygrad.compile.native.prepare import prepare
from polygrad.compile.native.product import Packed, Shape, Small
from polygrad.compile.native.schedule import Factor, Loop, Product, Root, Schedule
from polygrad.compile.native.triangular import Cholesky, Solve
from polygrad.compile.native.types import Unsupported, check

INLINE = 300_000
"""Multiplications up to which a matrix product is a plain loop; beyond blocks are faster."""
CHUNK = 1 << 17
"""Work of a chunk, in simple operations: a few tens of microseconds."""
CHUNKS = 64
"""The most chunks of a loop."""


ALONE = 1 << 21
"""Work up to which a loop is not worth a second thread: tens of microseconds."""
MANY = 32
"""Steps of a program beyond which each stays a function of its own."""
LINE = 1 << 15
"""Rows that are totalled in one go: the totals of chunks are more exact than one long one."""


def chunks(work: int, rows: int, totals: bool) -> int:
    """In how many chunks a loop is cut; ``totals`` says that it adds up its rows."""
    by_work = work // CHUNK if work > ALONE else 1
    return max(1, min(max(by_work, -(-rows // LINE) if totals else 1), CHUNKS, rows))


@dataclass
class Call:
    """One step of the program: a function, the memory it gets, and in how many chunks it runs.

    A function that takes no chunk has 0 of them. A loop gets the first and last row of its chunk
    besides: it has ``rows``, ``step`` of them a chunk. Threads share what is ``shared``. What
    ``refuses``, as loops do, gets the word that says so.
    """

    function: str
    keys: list[Buffer]
    chunks: int
    rows: int = 0
    step: int = 0
    shared: bool = True
    refuses: bool = False


class Module:
    """The assembly of a graph, and what has to be known to run it."""

    def __init__(self, graph: Graph) -> None:
        if any(v.size == 0 for v in _values(graph)):
            raise Unsupported("arrays without elements")
        self.graph = prepare(graph)
        schedule = Schedule(self.graph, INLINE)
        self.stored, self.producers = schedule.stored, schedule.producers
        self.constants = list(self.graph.constants)
        self.count = 0  # of addresses in the text
        self.work = 0  # about how many simple operations a run takes
        self.functions: list[str] = []
        self._names: dict[str, str] = {}  # of functions, by their code
        self.needs: set[tuple[str, str]] = set()
        self.calls: list[Call] = []
        for step in schedule.steps:
            if isinstance(step, Product):
                self._product(step)
            elif isinstance(step, Factor):
                self._factor(step)
            else:
                self._loop(step)
        self.parallel = any(call.chunks > 1 and call.shared for call in self.calls)
        self._place()
        self.text = self._text()

    def _loop(self, loop: Loop) -> None:
        if 0 in loop.space:  # an index that chooses nothing
            return
        number = len(self.calls)
        nest = Nest(number, loop, self.producers, self.stored, chunks)
        text, needs = nest.text()
        self.needs |= needs
        work = math.prod(loop.space) * max(loop.cost, 1)
        self.work += work
        name, keys = self._function(f"loop{number}", text), list(nest.buffers)
        self.calls.append(Call(name, keys, nest.chunks, nest.rows, nest.step, work > ALONE))
        for root, part in nest.parts.items():
            self._loop(Loop(part.shape, [Root(root.value, part, (0,), root.op)]))

    def _product(self, one: Product) -> None:
        number, out = len(self.calls), one.equation.out
        left, right = (("value", self._base(v)) for v in (one.left, one.right))
        shape = Shape(one)
        self.work += shape.batch * shape.m * shape.n * shape.k // 4
        if one.small:
            small = Small(one)
            name = self._function(f"product{number}", small.text(f"product{number}"))
            self.needs |= small.tiles.code.needs
            self.calls.append(Call(name, [left, right, ("value", out)], 0))
            return
        packed = Packed(one)
        name = self._function(f"product{number}", packed.text(f"product{number}"))
        self.needs |= packed.needs
        if packed.packs:
            panels = "value", Value((packed.packed_size,), out.dtype, out.device)
            pack = self._function(f"pack{number}", packed.pack_text(f"pack{number}"))
            self.calls.append(Call(pack, [left, panels], shape.batch * packed.panels))
            left = panels
        keys = [left, right, ("value", out)]
        self.calls.append(Call(name, keys, packed.chunks))

    def _factor(self, factor: Factor) -> None:
        number = len(self.calls)
        rows = (Solve if len(factor.operands) > 1 else Cholesky)(factor)
        self.work += rows.work
        name = self._function(f"factor{number}", rows.text(f"factor{number}"))
        self.needs |= rows.t.code.needs
        keys: list[Buffer] = [("value", self._base(x)) for x in factor.operands]
        keys.append(("value", factor.equation.out))
        self.calls.append(Call(name, keys, 0, refuses=True))

    def _function(self, name: str, text: str) -> str:
        """Add a function, and return its name: that of an earlier one with the same code.

        So the steps of a recurrent network share their code, however many there are.
        """
        same = self._names.setdefault(text.replace(f"@{name}(", "@("), name)
        if same == name:
            self.functions.append(text)
        return same

    def _base(self, value: Value) -> Value:
        while (inner := self.producers.get(value)) is not None and is_alias(inner):
            value = inner.inputs[0]
        return value

    # -- memory --------------------------------------------------------------------------------

    def _place(self) -> None:
        """Where each buffer is: an entry of the buffers, and an offset."""
        inputs, outputs = self.graph.inputs, self.graph.outputs
        first: dict[Buffer, int] = {}
        last: dict[Buffer, int] = {}
        for at, call in enumerate(self.calls):
            for key in call.keys:
                first.setdefault(key, at)
                last[key] = at
        self.where: dict[Buffer, tuple[int, int]] = {}
        for i, value in enumerate(inputs):
            self.where["value", value] = i, 0
        for i, value in enumerate(outputs):
            if value in self.stored and ("value", value) not in self.where:
                self.where["value", value] = len(inputs) + i, 0
            else:
                self.where["copy", i] = len(inputs) + i, 0
        self.scratch_at = len(inputs) + len(outputs)
        fixed = {("value", value) for value in self.constants} | self.where.keys()
        lives = [(key, key[1].nbytes, first[key], last[key]) for key in first if key not in fixed]
        offsets, self.scratch = scratch.plan(lives)
        for key in first:
            if key in offsets:
                self.where[key] = self.scratch_at, offsets[key]

    # -- text ----------------------------------------------------------------------------------

    def _load(self, number: int, key: Buffer) -> list[str]:
        """Lines that define ``%q{number}`` as the address of a buffer."""
        if key not in self.where:
            at = 1 + self.constants.index(key[1])
            return [f"  %q{number} = load ptr, ptr getelementptr (ptr, ptr @table, i64 {at})"]
        slot, offset = self.where[key]
        return [
            f"  %s{number} = getelementptr ptr, ptr %buffers, i64 {slot}",
            f"  %r{number} = load ptr, ptr %s{number}",
            f"  %q{number} = getelementptr i8, ptr %r{number}, i64 {offset}",
        ]

    def _call(self, call: Call, chunk: str) -> list[str]:
        """Lines that call a step's function for one chunk."""
        lines, given = [], []
        for key in call.keys:
            number = self.count = self.count + 1
            lines += self._load(number, key)
            given.append(f"ptr %q{number}")
        if call.rows:
            low, high = "0", str(call.rows)
            if call.chunks > 1:
                low, high = "%lo", "%hi"
                lines += [
                    f"  %lo = mul i64 {chunk}, {call.step}",
                    f"  %end = add i64 %lo, {call.step}",
                    f"  %past = icmp ugt i64 %end, {call.rows}",
                    f"  %hi = select i1 %past, i64 {call.rows}, i64 %end",
                ]
            given += [f"i64 {low}", f"i64 {high}"]
        if call.chunks:
            given.append(f"i64 {chunk}")
        if call.rows or call.refuses:
            given.append("ptr %status")
        return [*lines, f"  call void @{call.function}({', '.join(given)})"]

    def _apart(self) -> list[str]:
        """The functions; those of a long program are not put into one another.

        LLVM takes much longer for one long function than for as much code in many.
        """
        if len(self.calls) <= MANY:
            return self.functions
        return [_HEAD.sub(r"\1 noinline nounwind {", text) for text in self.functions]

    def _text(self) -> str:
        status = [
            f"  %sp = getelementptr ptr, ptr %buffers, i64 {self.scratch_at + 1}",
            "  %status = load ptr, ptr %sp",
        ]
        body: list[str] = []
        tasks: list[str] = []
        for number, call in enumerate(self.calls):
            if call.chunks <= 1:
                body += self._call(call, "0")
                continue
            task = f"task{number}"
            tasks.append(f"define internal void @{task}(ptr %buffers, i64 %chunk) nounwind {{")
            tasks += [*status, *self._call(call, "%chunk"), "  ret void", "}"]
            run = "run_chunks" if call.shared else "run_alone"
            body.append(f"  call void @{run}(ptr @{task}, ptr %buffers, i64 {call.chunks})")
        lines = [
            f"@table = global [{1 + len(self.constants)} x ptr] zeroinitializer",
            definitions(self.needs), *self._apart(), *tasks,
        ]  # fmt: skip
        if tasks:
            lines.append(_RUN_CHUNKS)
        lines += [
            "define i32 @program(ptr noalias %buffers) nounwind {", *status, *body,
            "  %result = load i32, ptr %status", "  ret i32 %result", "}",
        ]  # fmt: skip
        return "\n".join(lines) + "\n"


_HEAD = re.compile(r"^(define internal void .*) nounwind \{", re.MULTILINE)


def _values(graph: Graph) -> Iterable[Value]:
    yield from graph.inputs
    yield from graph.constants
    for equation in graph.equations:
        check(equation.outputs[0].dtype)
        yield from equation.outputs


_RUN_CHUNKS = """\
define internal void @run_chunks(ptr %task, ptr %buffers, i64 %count) nounwind {
entry:
  %pool = load ptr, ptr @table
  %alone = icmp eq ptr %pool, null
  br i1 %alone, label %one, label %several
several:
  call void %pool(ptr %task, ptr %buffers, i64 %count)
  ret void
one:
  call void @run_alone(ptr %task, ptr %buffers, i64 %count)
  ret void
}
define internal void @run_alone(ptr %task, ptr %buffers, i64 %count) nounwind {
entry:
  br label %l
l:
  %i = phi i64 [ 0, %entry ], [ %j, %l ]
  call void %task(ptr %buffers, i64 %i)
  %j = add i64 %i, 1
  %go = icmp ult i64 %j, %count
  br i1 %go, label %l, label %e
e:
  ret void
}
"""
