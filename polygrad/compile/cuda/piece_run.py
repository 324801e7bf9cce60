"""How one piece is started: as a CUDA graph, which is captured from its second call on."""

import struct
from collections.abc import Callable
from typing import Any

from polygrad.compile.cuda.copies import Copied
from polygrad.compile.cuda.function import Function
from polygrad.compile.cuda.host import ALIGNMENT
from polygrad.compile.cuda.pieces import Piece
from polygrad.compile.graph import Value

Run = Any  # polygrad.compile.cuda.run.Run, which imports this module
Replay = Callable[[], None]
GRAPHS = 4
"""Graphs of one piece with products, for as many sets of addresses; others work on copies."""
AGAIN = 8
"""Calls at one set of addresses, and at no other that has no graph, after which it gets one."""


class PieceRun:
    """A piece on the buffers of one run."""

    def __init__(self, run: Run, piece: Piece) -> None:
        self.run, self.piece, self.host = run, piece, run.host
        # A graph for each set of addresses of what products read and write, the latest used last.
        self.graphs: dict[tuple[int, ...], Replay] = {}
        self.missed: tuple[int, ...] = ()
        self.times = 0  # how often those were asked for since others were
        self.copied: Copied | None = None
        self.table = self.host.buffer(8 * len(piece.outside)) if piece.outside else None
        kernels = run.kernels
        self.tables = [(kernels[f"table{b - a}"], a, b) for a, b in piece.spans()]
        self.at = 0 if self.table is None else self.host.address(self.table)
        self.products = {product: run.product(product) for product in piece.products}

    def __call__(self, known: dict[Value, Any]) -> None:
        run = self.run
        run.make(self.piece.made, known)
        places = {v: self.host.address(known[v]) for v in self.piece.places}
        aligned = not any(address % ALIGNMENT for address in places.values())
        replay = None
        if self.piece.captured and run.calls > 1 and not run.program.refused:
            replay = self._graph(known, places) if aligned else None
            if replay is None and (not aligned or self.ready) and self._on_copies(known):
                return
        run.begun = True
        self.fill_table(known)
        if replay is None:
            self.start(known, places if aligned else None)
        else:
            replay()

    @property
    def ready(self) -> bool:
        """Whether each product has run: the first time may load code, as no capture may."""
        return all(self.run.program.plans[product].called for product in self.piece.products)

    def fill_table(self, known: dict[Value, Any]) -> None:
        """Write what changes from call to call to the table."""
        if self.table is None:
            return
        entries = [self._bits(v, known[v]) for v in self.piece.outside]
        for kernel, a, b in self.tables:
            self.host.launch(kernel, (1, 1), 1, (self.at + 8 * a, *entries[a:b]))

    def captured(self, known: dict[Value, Any], places: dict[Value, int]) -> Replay:
        """A graph of the piece; raises where there can be none."""
        return self.host.capture(lambda: self.start(known, places, capturing=True))

    def _graph(self, known: dict[Value, Any], places: dict[Value, int]) -> Replay | None:
        """The graph for the addresses of this call, captured if need be."""
        key = tuple(places.values())
        found = self.graphs.pop(key, None)
        if found is not None:
            self.graphs[key] = found
            return found
        if not self.ready:
            return None
        self.times = self.times + 1 if key == self.missed else 1
        self.missed = key
        if len(self.graphs) >= GRAPHS:
            if self.times < AGAIN:
                return None
            del self.graphs[next(iter(self.graphs))]
        try:
            found = self.graphs[key] = self.captured(known, places)
        except Exception as error:
            self.run.program.refuse(error)
        return found

    def _on_copies(self, known: dict[Value, Any]) -> bool:
        """Run the graph that works on copies; False where there is none."""
        program = self.run.program
        if program.refused or not self.piece.products:
            return False
        try:
            if self.copied is None:
                self.copied = Copied(self)
                program.note_copies(self.piece, self.copied.launches)
            self.copied(known)
        except Exception as error:
            if self.run.begun:
                raise
            program.refuse(error)
            return False
        return True

    def start(
        self, known: dict[Value, Any], places: dict[Value, int] | None, capturing: bool = False
    ) -> None:
        """Start the steps; ``places`` are the addresses for products that have a plan."""
        for step in self.piece.steps:
            if isinstance(step, Function):
                if not step.empty:
                    self._launch(step, known)
            elif places is None or self.run.program.refused:
                self.products[step](known)
            else:
                try:
                    self._planned(step, places)
                except Exception as error:
                    if capturing:
                        raise
                    self.run.program.refuse(error)
                    self.products[step](known)

    def _planned(self, step: Any, places: dict[Value, int]) -> None:
        run = self.run
        left, right = (places[run.program.schedule.base(v)] for v in step.operands)
        workspace = 0 if run.workspace is None else self.host.address(run.workspace)
        run.program.plans[step](left, right, places[step.equation.out], workspace)

    def _launch(self, kernel: Function, known: dict[Value, Any]) -> None:
        values = kernel.arguments(self.piece.outside)
        args = [self._argument(v, known[v]) for v in values]
        if any(v in self.piece.outside for v in kernel.parameters):
            args.insert(0, self.at)
        compiled = self.run.kernels[kernel.name]
        self.host.launch(compiled, kernel.grid, kernel.threads, tuple(args))

    def _argument(self, value: Value, given: Any) -> int | float:
        if not value.weak:
            return self.host.address(given)
        return given if type(given) is float else signed(int(given))

    def _bits(self, value: Value, given: Any) -> int:
        """An entry of the table."""
        if not value.weak:
            return self.host.address(given)
        if value.dtype.group == "real floating":
            return int(struct.unpack("<q", struct.pack("<d", given))[0])
        return signed(int(given))


def signed(number: int) -> int:
    """An integer of 64 bits, signed or not, as a signed one with the same bits."""
    return number - (number >> 63 << 64) if number >= 2**63 else number
