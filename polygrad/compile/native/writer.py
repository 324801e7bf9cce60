"""A whole graph as one module of LLVM assembly.

``i32 @program(ptr buffers)`` runs it: ``buffers`` points to the addresses of the inputs, of the
outputs, of scratch memory and of a word that a loop sets where the program gives up. It
returns that word: 0 if all went well. What lies outside of the module (BLAS, the constants, the
threads) it finds in ``@table``, which is filled when the code is loaded: so the code itself
holds no address, and can be kept on disk.
"""

from collections.abc import Iterable

from polygrad.compile.graph import Graph, Value
from polygrad.compile.native import memory as scratch, product
from polygrad.compile.native.mathematics import definitions
from polygrad.compile.native.nest import Buffer, Nest
from polygrad.compile.native.prepare import is_alias, prepare
from polygrad.compile.native.schedule import Loop, Product, Root, Schedule
from polygrad.compile.native.types import Unsupported, check

INLINE = 40_000
"""Multiplications up to which a matrix product is written out; beyond BLAS is faster."""
CHUNK = 1 << 17
"""Work of a chunk, in simple operations: a few tens of microseconds."""
CHUNKS = 64
"""The most chunks of a loop."""
POOL = 0
"""The place in the table of the function that runs chunks on several threads, or null."""


def chunks(work: int, rows: int) -> int:
    """In how many chunks a loop is cut."""
    return max(1, min(work // CHUNK, CHUNKS, rows))


class Module:
    """The assembly of a graph, and what has to be known to run it."""

    def __init__(self, graph: Graph, blas: Iterable[str] = ()) -> None:
        if any(v.size == 0 for v in _values(graph)):
            raise Unsupported("arrays without elements")
        self.graph = prepare(graph)
        self.blas = list(blas)
        schedule = Schedule(self.graph, INLINE, self.blas)
        self.stored, self.producers = schedule.stored, schedule.producers
        self.constants = list(self.graph.constants)
        self.work = 0  # about how many simple operations a run takes
        self.functions: list[str] = []
        self.needs: set[tuple[str, str]] = set()
        self.calls: list[tuple[str, list[Buffer], int]] = []
        self.parallel = False
        self.whole: set[str] = set()  # functions that are not cut in chunks
        for step in schedule.steps:
            self._product(step) if isinstance(step, Product) else self._loop(step)
        self._place()
        self.text = self._text()

    def _loop(self, loop: Loop) -> None:
        number = len(self.calls)
        nest = Nest(number, loop, self.producers, self.stored, chunks)
        text, needs = nest.text()
        self.functions.append(text)
        self.needs |= needs
        size = 1
        for n in loop.space:
            size *= n
        self.work += size * max(loop.cost, 1)
        keys = list(nest.buffers)
        if nest.chunks == 1:
            self.calls.append((f"loop{number}:{nest.rows}", keys, 1))
            return
        self.parallel = True
        self.calls.append((f"task{number}:{nest.rows}:{nest.step}", keys, nest.chunks))
        for root, part in nest.parts.items():
            whole = Loop(part.shape, [Root(root.value, part, (0,), root.op)])
            self._loop(whole)

    def _product(self, one: Product) -> None:
        number = len(self.calls)
        keys: list[Buffer] = [("value", self._base(v)) for v in (one.left, one.right)]
        keys.append(("value", one.equation.out))
        shape = product.Shape(one)
        self.work += shape.batch * shape.m * shape.n * shape.k // 4
        if one.small:
            small = product.Small(one)
            self.functions.append(small.text(f"product{number}"))
            self.needs |= small.tiles.code.needs
            self.calls.append((f"product{number}", keys, 1))
            self.whole.add(f"product{number}")
            return
        packed = product.Packed(one)
        self.functions.append(packed.text(f"product{number}"))
        self.needs |= packed.needs
        if packed.packs:
            out = one.equation.out
            panels = Value((packed.packed_size,), out.dtype, out.device)
            count = shape.batch * packed.panels
            self.functions.append(packed.pack_text(f"pack{number}"))
            self.calls.append((f"pack{number}", [keys[0], ("value", panels)], count))
            keys[0] = "value", panels
        self.calls.append((f"product{number}", keys, packed.chunks))
        self.parallel = True

    def _base(self, value: Value) -> Value:
        while (inner := self.producers.get(value)) is not None and is_alias(inner):
            value = inner.inputs[0]
        return value

    # -- memory -------------------------------------------------------------------------------------

    def _place(self) -> None:
        """Where each buffer is: an entry of the buffers, and an offset."""
        inputs, outputs = self.graph.inputs, self.graph.outputs
        first: dict[Buffer, int] = {}
        last: dict[Buffer, int] = {}
        for at, (_, keys, _) in enumerate(self.calls):
            for key in keys:
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
        held = set(self.constants)
        lives = [
            (key, key[1].nbytes, first[key], last[key])
            for key in first
            if key not in self.where and not (key[0] == "value" and key[1] in held)
        ]
        offsets, self.scratch = scratch.plan(lives)
        for key, offset in offsets.items():
            self.where[key] = self.scratch_at, offset  # type: ignore[index]

    # -- text ---------------------------------------------------------------------------------------

    def _load(self, number: int, key: Buffer) -> list[str]:
        """Lines that define ``%q{number}`` as the address of a buffer."""
        if key not in self.where:
            at = 1 + len(self.blas) + self.constants.index(key[1])
            return [f"  %q{number} = load ptr, ptr getelementptr (ptr, ptr @table, i64 {at})"]
        slot, offset = self.where[key]
        return [
            f"  %s{number} = getelementptr ptr, ptr %buffers, i64 {slot}",
            f"  %r{number} = load ptr, ptr %s{number}",
            f"  %q{number} = getelementptr i8, ptr %r{number}, i64 {offset}",
        ]

    def _text(self) -> str:
        count = 1 + len(self.blas) + len(self.constants)
        lines = [f"@table = global [{count} x ptr] zeroinitializer"]
        body, tasks, number = [], [], 0
        for name, keys, several in self.calls:
            target = body if several == 1 else []
            given = []
            for key in keys:
                target += self._load(number, key)
                given.append(f"ptr %q{number}, ")
                number += 1
            name, *sizes = name.split(":")
            if not sizes and several == 1 and name in self.whole:
                body.append(f"  call void @{name}({''.join(given).removesuffix(', ')})")
            elif not sizes and several == 1:
                body.append(f"  call void @{name}({''.join(given)}i64 0)")
            elif not sizes:
                tasks += [
                    f"define internal void @{name}_task(ptr %buffers, i64 %chunk) nounwind {{",
                    *target,
                    f"  call void @{name}({''.join(given)}i64 %chunk)",
                    "  ret void",
                    "}",
                ]
                body.append(f"  call void @run_chunks(ptr @{name}_task, ptr %buffers, i64 {several})")
            elif several == 1:
                body.append(
                    f"  call void @{name}({''.join(given)}i64 0, i64 {sizes[0]}, i64 0, ptr %status)"
                )  # noqa: E501
            else:
                rows, step = sizes
                tasks += [
                    f"define internal void @{name}(ptr %buffers, i64 %chunk) nounwind {{",
                    f"  %sp = getelementptr ptr, ptr %buffers, i64 {self.scratch_at + 1}",
                    "  %status = load ptr, ptr %sp",
                    *target,
                    f"  %lo = mul i64 %chunk, {step}",
                    f"  %end = add i64 %lo, {step}",
                    f"  %past = icmp ugt i64 %end, {rows}",
                    f"  %hi = select i1 %past, i64 {rows}, i64 %end",
                    f"  call void @{name.replace('task', 'loop')}({''.join(given)}i64 %lo, i64 %hi, i64 %chunk, ptr %status)",  # noqa: E501
                    "  ret void",
                    "}",
                ]
                body.append(f"  call void @run_chunks(ptr @{name}, ptr %buffers, i64 {several})")
        lines += [definitions(self.needs), *self.functions, *tasks]
        if self.parallel:
            lines.append(_RUN_CHUNKS)
        lines += [
            "define i32 @program(ptr noalias %buffers) nounwind {",
            f"  %sp = getelementptr ptr, ptr %buffers, i64 {self.scratch_at + 1}",
            "  %status = load ptr, ptr %sp",
            *body,
            "  %result = load i32, ptr %status",
            "  ret i32 %result",
            "}",
        ]
        return "\n".join(lines) + "\n"


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
  br i1 %alone, label %l, label %several
several:
  call void %pool(ptr %task, ptr %buffers, i64 %count)
  ret void
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
