"""The gradient of a compiled function as one program, where nothing around it is tracked.

`pg.grad(pg.jit(f))` is then `pg.jit(pg.grad(f))`: all passes see both halves, nothing is handed
from one to the other, and no tape is kept. Everywhere else, and where that cannot be had, the
ordinary gradient takes the compiled function for one op: see `polygrad.compile.function`.
"""

import copy
from collections.abc import Callable, Hashable
from typing import Any

from polygrad.array import Array, is_array
from polygrad.compile.function import NoDerivative
from polygrad.compile.jit import Jitted
from polygrad.compile.lowering import Lowered
from polygrad.compile.signature import Split
from polygrad.core.debugging import while_on
from polygrad.errors import PolygradError


class Gradient(Jitted):
    """``transform`` of the function that ``of`` compiles; raises NoDerivative where it cannot be.

    It does not hold ``of``, which holds it.
    """

    def __init__(self, of: Jitted, transform: Callable[..., Any]) -> None:
        arguments = copy.copy(of._arguments)
        arguments.donated = frozenset()  # a gradient takes nothing away
        super().__init__(transform(of._f), arguments)
        self._eager = of._eager
        self._refused: set[Hashable] = set()

    def run(self, plain: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The gradient; by ``plain``, the ordinary one, where it cannot be compiled as a whole."""
        try:
            return self(*args, **kwargs)
        except NoDerivative:
            return plain(*args, **kwargs)

    def _program(self, split: Split) -> tuple[Any, Lowered]:
        kinds = {type(leaf) is Array for leaf in split.leaves if is_array(leaf)}
        if len(kinds) > 1:
            raise NoDerivative("a gradient has the kind of its argument, a program one for all")
        key = split.key()
        if key in self._refused:
            raise NoDerivative("it was tried before")
        try:
            return super()._program(split)
        except PolygradError as error:
            self._refused.add(key)
            raise NoDerivative(str(error)) from error

    def _under_transform(self, split: Split, *_: Any) -> Any:
        return self._inline(split)

    def _inline(self, _: Any) -> Any:
        raise NoDerivative("the ops themselves are asked for")


def _uncompiled(self: Gradient, *args: Any, **kwargs: Any) -> Any:
    return self._inline(args)


while_on(Gradient, "__call__", _uncompiled)
