"""What a generated program asks of its backend: see `polygrad.backend.Backend.target`."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol


class Call(Protocol):
    """A line of code: ``text`` with places ``{0}``, ``{1}``, ``{out}`` and names for the rest.

    ``in_place`` says whether the array it writes may be the memory of an operand of the same
    shape and data type; ``made`` is an expression that makes a new array instead, or None.
    """

    text: str
    names: dict[str, Any]
    in_place: bool
    made: str | None


class Target(Protocol):
    """The functions of an array library that writes answers into memory it is given.

    `into` gives the call that writes an op's answer, `view` an expression for an op that only
    looks at its operand another way, `made` one for an op whose answer is a new array; each
    returns None for ops it has no such thing for, which then run as they do without a compiler.
    An ``Operand`` has ``shape`` (with None for the length of a block), ``dtype`` (the library's
    own), ``literal`` (a number or None) and ``weak``.
    """

    Operand: Callable[..., Any]
    LOOP: int
    BLOCK: int

    def into(self, name: str, params: Any, operands: Sequence[Any], out: Any) -> Call | None: ...
    def view(self, name: str, params: Any, operands: Sequence[Any], out: Any) -> Call | None: ...
    def made(self, name: str, params: Any, operands: Sequence[Any], out: Any) -> Call | None: ...

    def native(self) -> Any: ...  # what native code has to know of the arrays, or None

    def buffer(self, nbytes: int) -> Any: ...
    def array_in(self, memory: Any, shape: tuple[int, ...], dtype: Any) -> Any: ...
    def empty(self, shape: tuple[int, ...], dtype: Any) -> Any: ...
    def asarray(self, x: Any) -> Any: ...
    def copy(self, x: Any) -> Any: ...
    def own(self, x: Any, others: Sequence[Any]) -> Any: ...
    def shares(self, x: Any, y: Any) -> bool: ...
    def fits(self, x: Any) -> bool: ...
    def threads(self, work: int, products: bool) -> int: ...
    def run_loop(
        self, function: Callable[..., None], rows: int, step: int, args: Any, temps: Any
    ) -> None: ...
