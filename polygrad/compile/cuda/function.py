"""A function on the GPU: its parameters, how it finds them, and its text."""

from polygrad.compile.cuda.steps import Group
from polygrad.compile.cuda.types import is_float, weak_name
from polygrad.compile.cuda.types import name as type_name
from polygrad.compile.graph import Equation, Value


class Function:
    """A kernel called ``name``; ``stored`` are the values in memory.

    ``aliased`` are parameters whose memory another one is, too; ``seconds`` are the groups that
    finish what the kernel leaves in parts.
    """

    threads = 256
    """The threads of a block."""

    def __init__(self, name: str, producers: dict[Value, Equation], stored: set[Value]) -> None:
        self.name, self.producers, self.stored = name, producers, stored
        self.parameters: dict[Value, str] = {}
        self.aliased: set[Value] = set()
        self.seconds: list[Group] = []
        self.body: list[str] = []

    @property
    def empty(self) -> bool:
        """Whether there is nothing to do."""
        return False

    @property
    def grid(self) -> tuple[int, int]:
        """Blocks, and rows of blocks."""
        raise NotImplementedError

    def outputs(self) -> list[Value]:
        """The values that the kernel writes."""
        raise NotImplementedError

    def overwrites(self, old: Value, new: Value) -> bool:
        """Whether ``new`` may be written over ``old``: both are used at one element at a time."""
        raise NotImplementedError

    def pointer(self, value: Value) -> str:
        """The parameter for the memory of a value, or for a Python number."""
        while (
            value not in self.stored and not value.weak
            and (inner := self.producers.get(value)) is not None
        ):  # fmt: skip
            value = inner.inputs[0]  # a reshape
        return self.parameters.setdefault(value, f"p{len(self.parameters)}")

    def index_type(self, size: int) -> str:
        """The type of indices into a space of that size and into what is read and written."""
        largest = max([size, *(v.size for v in self.parameters if not v.weak)])
        return "int" if largest < 2**30 else "long long"

    def source(self, outside: dict[Value, int]) -> str:
        """The kernel; values of ``outside`` are found in a table, at their number there.

        The others, and all of them without a table, are parameters, in the order of
        `arguments`.
        """
        fixed = self.arguments(outside)
        table = any(v in outside for v in self.parameters)
        parameters = ["const unsigned long long* table"] if table else []
        parameters += [self._declared(v) for v in fixed]
        lines = []
        for value, name in self.parameters.items():
            if value not in outside:
                continue
            entry = f"table[{outside[value]}]"
            if not value.weak:
                lines.append(f"{self._declared(value)} = ({self._kind(value)})({entry});")
            elif is_float(value.dtype):
                lines.append(f"const double {name} = __longlong_as_double((long long){entry});")
            else:
                lines.append(f"const long long {name} = (long long){entry};")
        head = f'extern "C" __global__ void {self.name}({", ".join(parameters)}) {{'
        return "\n".join([head, *indented([*lines, *self.body]), "}", ""])

    def arguments(self, outside: dict[Value, int]) -> list[Value]:
        """The values that are parameters."""
        return [v for v in self.parameters if v not in outside]

    def _kind(self, value: Value) -> str:
        const = "" if value in self.outputs() else "const "
        return f"{const}{type_name(value.dtype)}*"

    def _declared(self, value: Value) -> str:
        name = self.parameters[value]
        if value.weak:
            return f"{weak_name(value.dtype)} {name}"
        apart = "" if self.aliased else " __restrict__"
        return f"{self._kind(value)}{apart} {name}"


def indented(lines: list[str]) -> list[str]:
    """Lines inside of a block."""
    return ["  " + line for line in lines]
