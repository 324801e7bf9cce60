"""A graph as native code that Python can call."""

import ctypes
from typing import Any

from polygrad.compile.graph import Graph
from polygrad.compile.native import cache, engine, pool
from polygrad.compile.native.entry import addresses, builtin, entry_text
from polygrad.compile.native.host import Host
from polygrad.compile.native.text import reasons
from polygrad.compile.native.writer import Module


class Native:
    """The native program of a graph.

    ``host`` says how the arrays of a backend lie in memory. Raises `types.Unsupported`, with the
    reason, for a graph that has no native program. ``call(*inputs)`` returns the outputs in a
    tuple, or None where the graph has to be run another way this time.
    """

    def __init__(self, graph: Graph, host: Host) -> None:
        layout = host.layout()
        module = Module(graph)
        self.text = module.text + entry_text(module, layout)
        self.parallel, self.work = module.parallel, module.work
        self._loaded = engine.Loaded(compiled(self.text))
        self._constants = [host.in_order(module.graph.constants[v]) for v in module.constants]
        self._table = self._fill("table", [self._pool(), *map(host.address, self._constants)])
        self._fill("outside", addresses(module, layout))
        self.call, self._method = builtin(self._loaded.function("entry"), "program")

    def declined(self) -> str:
        """Why the last call that was not taken was not; "" where its arguments did not fit."""
        status = ctypes.c_int.from_address(self._loaded.variable("refused"))
        found, status.value = reasons(status.value), 0
        return found

    def _pool(self) -> int:
        return pool.runner() if self.parallel else 0

    def forget_pool(self) -> None:
        """Run alone from now on: threads do not survive a fork."""
        self._table[0] = None

    def _fill(self, name: str, values: list[int]) -> Any:
        table = (ctypes.c_void_p * len(values)).from_address(self._loaded.variable(name))
        for i, value in enumerate(values):
            table[i] = value
        return table


def compiled(text: str) -> bytes:
    """The object code of a module, from the disk if it is there.

    The name on disk covers all that the code depends on: the text, the processor, LLVM.
    """
    versions = f"{engine.version()} {engine.binding().get_default_triple()} {engine.OPTIONS}"
    name = cache.key(text, versions, *engine.processor())
    code = cache.read(name)
    if code is None:
        code = engine.compile_object(text)
        cache.write(name, code)
    return code
