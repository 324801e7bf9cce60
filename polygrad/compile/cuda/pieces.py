"""What runs one after the other: pieces, which become CUDA graphs, and what stands between them."""

from collections.abc import Sequence
from dataclasses import dataclass

from polygrad.compile.cuda.function import Function
from polygrad.compile.cuda.host import Planned
from polygrad.compile.cuda.memory import Launch, written
from polygrad.compile.cuda.schedule import Schedule
from polygrad.compile.cuda.steps import Library, Product
from polygrad.compile.graph import Value

WORTH = 2
"""Steps from which on a piece is captured: a graph costs two launches."""
ENTRIES = 128
"""Parameters of a kernel, entries of a table that one writes among them: 4 KiB hold 512."""
Plans = dict[Product, Planned]


@dataclass(frozen=True)
class Launches:
    """What one call of a program gives to the GPU.

    ``kernels`` are generated ones, products of small matrices among them, ``products`` are
    matrix products of the array library, ``library`` are ops that run as other functions of it
    (each one launch or more), ``tables`` are small kernels that write addresses, ``captured`` are
    the kernels and products that run inside of ``graphs`` CUDA graphs, ``copies`` are kernels that
    copy operands and answers of products, where these come at ever new addresses.
    """

    kernels: int
    products: int
    library: int
    tables: int
    captured: int
    graphs: int
    copies: int = 0

    @property
    def enqueued(self) -> int:
        """How often Python gives work to the GPU, a CUDA graph counted once."""
        direct = self.kernels + self.products - self.captured
        return direct + self.library + self.tables + self.graphs + self.copies

    def __str__(self) -> str:
        def several(count: int, name: str) -> str:
            return f"{count} {name}{'' if count == 1 else 's'}"

        return (
            f"{several(self.enqueued, 'launch').replace('launchs', 'launches')} from Python: "
            f"{several(self.kernels, 'generated kernel')}, {several(self.products, 'product')} "
            f"and {several(self.library, 'other function')} of the library, "
            f"{several(self.tables, 'table')} of addresses; {self.captured} of the kernels and "
            f"products in {several(self.graphs, 'CUDA graph')}"
            + (f"; {several(self.copies, 'kernel')} that copy operands" if self.copies else "")
        )


class Piece:
    """Kernels, and products that can be captured, that run one after the other.

    ``outside`` are the entries of the table in which the kernels find what changes from call to
    call, and all that one finds which has more than `ENTRIES` parameters. Products have addresses
    in the graph: ``places`` are the values they read and write.
    """

    def __init__(self, steps: list[Function | Product], fixed: set[Value], base: Schedule) -> None:
        self.steps = steps
        self.kernels = [step for step in steps if isinstance(step, Function)]
        self.products = [step for step in steps if isinstance(step, Product)]
        self.captured = len(steps) >= WORTH
        found: dict[Value, None] = {}
        for kernel in self.kernels:
            crowded = len(kernel.parameters) > ENTRIES
            changing = [v for v in kernel.parameters if self.captured and v not in fixed]
            found.update(dict.fromkeys(kernel.parameters if crowded else changing))
        self.outside = {v: i for i, v in enumerate(found)}
        self.made = [v for step in steps for v in written(step)]
        used = [v for p in self.products for v in (*map(base.base, p.operands), p.equation.out)]
        self.places = list(dict.fromkeys(used))

    def spans(self) -> list[tuple[int, int]]:
        """The stretches of the table that one kernel writes each."""
        count = len(self.outside)
        return [(i, min(i + ENTRIES, count)) for i in range(0, count, ENTRIES)]


Part = Piece | Product | Library


def divided(
    steps: Sequence[Launch], plans: Plans, fixed: set[Value], schedule: Schedule
) -> list[Part]:
    """The parts of a program; products without a plan stand between pieces."""
    found: list[Part] = []
    run: list[Function | Product] = []
    for step in (*steps, None):
        if isinstance(step, Function) or (isinstance(step, Product) and step in plans):
            run.append(step)
            continue
        if run:
            found.append(Piece(run, fixed, schedule))
            run = []
        if step is not None:
            found.append(step)
    return found


def counted(parts: Sequence[Part]) -> Launches:
    """The launches of one call."""
    pieces = [p for p in parts if isinstance(p, Piece)]
    captured = [p for p in pieces if p.captured]
    return Launches(
        sum(len(p.kernels) for p in pieces),
        sum(len(p.products) if isinstance(p, Piece) else isinstance(p, Product) for p in parts),
        sum(isinstance(p, Library) for p in parts),
        sum(len(p.spans()) for p in pieces),
        sum(len(p.steps) for p in captured),
        len(captured),
    )
