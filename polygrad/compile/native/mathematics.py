"""The table of our own math functions, and the text of those a module needs."""

from collections.abc import Callable, Iterable

from polygrad.compile.native import error_function, exponential, power, trigonometric
from polygrad.compile.native.text import Code, Real

FUNCTIONS: dict[str, Callable[..., str]] = {
    "exp": exponential.exp,
    "expm1": exponential.expm1,
    "log": exponential.log,
    "log1p": exponential.log1p,
    "log2": exponential.log2,
    "log10": exponential.log10,
    "tanh": exponential.tanh,
    "sin": trigonometric.sin,
    "cos": trigonometric.cos,
    "erf": error_function.erf,
    "pow": power.pow,
}
TWO = frozenset({"pow"})


def definitions(needs: Iterable[tuple[str, str]]) -> str:
    """Definitions of the math functions, and declarations of LLVM's, that code calls."""
    known: set[tuple[str, str]] = set()
    waiting = sorted(needs)
    texts = []
    while waiting:
        need = waiting.pop()
        if need in known:
            continue
        known.add(need)
        name, kind = need
        if name.startswith("llvm."):
            if "(" in kind:  # result(arguments)
                base, _, inside = kind.partition("(")
                texts.append(f"declare {base} @{name}({inside}")
                continue
            base, _, count = kind.partition("*")
            texts.append(f"declare {base} @{name}({', '.join([base] * int(count or 1))})")
            continue
        code = Code()
        args = ("%x", "%y") if name in TWO else ("%x",)
        result = FUNCTIONS[name](Real(code, kind), *args)
        head = f"define internal {kind} @{name}.{kind}({', '.join(f'{kind} {a}' for a in args)}) alwaysinline {{"  # noqa: E501
        texts.append("\n".join([head, *code.lines, f"  ret {kind} {result}", "}"]))
        waiting += sorted(code.needs)
    return "\n".join(texts)
