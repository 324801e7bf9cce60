"""Products at addresses that never change: their operands are copied there, and their answers back.

A captured product has its addresses in the graph. Where arrays come at ever new addresses, one
kernel copies those that products read to buffers of their own, one graph works on the buffers, and
one kernel copies what it made to where the call wants it. That reads and writes each of them once
more, which is little beside a product too large to be generated.
"""

from collections.abc import Callable, Sequence
from typing import Any

from polygrad.compile.cuda.types import name as type_name
from polygrad.compile.graph import Value

PieceRun = Any  # polygrad.compile.cuda.piece_run.PieceRun, which imports this module
TOGETHER = 64
"""Arrays that one kernel copies: two parameters each."""
THREADS, BLOCKS = 256, 4096


class Copied:
    """The graph of a piece on buffers, for operands and answers at any address."""

    def __init__(self, piece: PieceRun) -> None:
        self.piece, host, run = piece, piece.host, piece.run
        moving = [v for v in piece.piece.places if v not in run.fixed]
        made = set(piece.piece.made)
        self.before = [v for v in moving if v not in made]
        self.after = [v for v in moving if v in made]
        self.buffers = {
            v: host.array_in(host.buffer(max(v.nbytes, 1)), v.shape, run.dtype(v)) for v in moving
        }
        self.copies = [self._loaded(stretch) for stretch in (self.before, self.after)]
        self.replay: Callable[[], None] | None = None

    @property
    def launches(self) -> int:
        """The kernels that copy, at each call."""
        return sum(map(len, self.copies))

    def __call__(self, known: dict[Value, Any]) -> None:
        host, buffers = self.piece.host, self.buffers
        inside = known | {v: buffers[v] for v in self.after}
        places = {v: host.address(buffers.get(v, known[v])) for v in self.piece.piece.places}
        ready = self.piece.ready
        if ready and self.replay is None:  # before anything runs, since it may be refused
            self.replay = self.piece.captured(inside, places)
        self.piece.run.begun = True
        self._copy(0, [(known[v], buffers[v]) for v in self.before])
        self.piece.fill_table(inside)
        if ready and self.replay is not None:
            self.replay()
        else:
            self.piece.start(inside, places)
        self._copy(1, [(buffers[v], known[v]) for v in self.after])

    def _loaded(self, values: Sequence[Value]) -> list[tuple[Any, int]]:
        """Kernels for these values, each with its blocks."""
        stretches = [values[i : i + TOGETHER] for i in range(0, len(values), TOGETHER)]
        texts = {f"copy{i}": copy_kernel(f"copy{i}", one) for i, one in enumerate(stretches)}
        if not texts:
            return []
        kernels = self.piece.run.program.load("".join(texts.values()), list(texts))
        blocks = [min(-(-max(v.size for v in one) // THREADS), BLOCKS) for one in stretches]
        return list(zip(kernels.values(), blocks, strict=True))

    def _copy(self, which: int, pairs: list[tuple[Any, Any]]) -> None:
        host = self.piece.host
        for i, (kernel, blocks) in enumerate(self.copies[which]):
            some = pairs[i * TOGETHER : (i + 1) * TOGETHER]
            args = tuple([host.address(x) for pair in some for x in pair])
            host.launch(kernel, (blocks, 1), THREADS, args)


def copy_kernel(name: str, values: Sequence[Value]) -> str:
    """A kernel that copies arrays: parameters are the old and the new address of each."""
    parameters, lines = [], []
    for i, value in enumerate(values):
        kind = type_name(value.dtype)
        parameters += [f"const {kind}* __restrict__ p{2 * i}", f"{kind}* __restrict__ p{2 * i + 1}"]
        lines.append(
            f"  for (long long e = first; e < {value.size}; e += step) "
            f"p{2 * i + 1}[e] = p{2 * i}[e];"
        )
    head = f'extern "C" __global__ void {name}({", ".join(parameters)}) {{'
    first = "  const long long first = (long long)blockIdx.x * blockDim.x + threadIdx.x;"
    step = "  const long long step = (long long)gridDim.x * blockDim.x;"
    return "\n".join([head, first, step, *lines, "}", ""])
