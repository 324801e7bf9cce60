"""Ops: one record holding one authored rule; the kind of the op derives the rest.

A rule is written in array-API terms against ``xp``, the namespace of the values it is handed:
an array library's own in a first-order pass, polygrad's when those values are tracked too. It
takes ``(xp, g, ans, *operands, **params)``, where ``ans`` is the op's result. An operand (or
``ans``) whose parameter name begins with an underscore is not kept for the backward pass: the
rule then sees only its ``shape``, ``dtype`` and ``ndim``.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from polygrad.dtypes import KNOWN, as_dtype
from polygrad.errors import BackendError, RuleError

Rule = Callable[..., Any]
Plan = tuple[bool, tuple[int, ...] | None]

traced_namespace: Any = None
"""What rules get as ``xp`` for tracked values: set once, by `polygrad.ops`."""

OPS: dict[str, "Op"] = {}
"""The op table: every op by name."""


class Spec:
    """Shape and dtype of an array that was not kept."""

    __slots__ = ("shape", "dtype")

    def __init__(self, value: Any) -> None:
        self.shape = getattr(value, "shape", ())
        self.dtype = getattr(value, "dtype", None)

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of elements."""
        n = 1
        for length in self.shape:
            n *= length
        return n


class OpFacts(NamedTuple):
    """What an op is, beside its rules: told once, where it is declared, for all that ask.

    An op has those of its kind (`Op.kind_facts`) unless it is declared with others.
    """

    elementwise: bool = False
    """Each element of the answer depends on the operands' elements at that place only; the
    operands broadcast."""
    cost: int = 1
    """About how many simple operations an element of the answer is worth."""
    one_dtype: bool = False
    """All operands are brought to the data type of the answer."""
    compares: bool = False
    """An elementwise comparison of two operands, in the data type they have together."""
    casts: bool = False
    """Gives its operand in the data type that the parameter ``dtype`` names."""
    python: Callable[..., Any] | None = None
    """The op on Python numbers alone; without, it makes an array of them."""
    view: str = ""
    """How the answer looks at the elements of its first operand, and computes none: "broadcast",
    "permute", "transpose", "flip", "reshape", "index" or "diagonal"."""
    reduction: str = ""
    """How elements along the axes ``axis`` come together: "sum", "prod", "max", "min", "all" or
    "any"."""
    joins: str = ""
    """How the answer is put together from its operands: "concat", "stack", "set" or "add"."""
    triangle: str = ""
    """Which part of each matrix is left standing, by the diagonal ``k``: "lower" or "upper"."""
    indices: int | None = None
    """For an op with a parameter ``index``: how many operands stand before its index arrays."""
    python_loop: bool = False
    """Runs a loop, a branch or a solver in Python: it belongs outside of a compiled function."""
    custom_rule: bool = False
    """A user wrote its rule: the derivative need not be that of what it computes."""
    axis_name: bool = False
    """Its batch rule takes the name of the mapped axis too, as ``name`` (None without one)."""
    value_shaped: str = ""
    """Where the shape of the answer depends on values: what to use instead."""
    composite: bool = False
    """Its forward takes the same steps in every namespace: traced, it is the op in simpler terms,
    which compilers put in its place."""


class Op:
    """One operation: its name, how it is computed, and its derivative by kind.

    ``forward(xp, *operands, **params)`` computes it in a library's namespace; without it the
    namespace's function of the same name does. Operands are positional, static parameters
    keyword. A subclass for each kind gives `pull` (reverse mode), `push` (forward mode) and
    `wants` (what a backward pass needs kept).
    """

    __slots__ = (
        "name",
        "forward",
        "impls",
        "fast",
        "plans",
        "batching",
        "selects",
        "explain",
        "facts",
    )
    kind = "op"
    multiple = False
    partial = False  # cotangents that nothing contributed to reach the rule as None
    kind_facts = OpFacts()
    recorded: Any = None  # see polygrad.core.kinds.WithResiduals
    dispatch: Callable[..., Any] | None = None
    """``dispatch(operands, params)`` runs the op at the level it meets, in place of `bind`."""
    inline: Callable[..., Any] | None = None
    """``inline(operands, params)``: what a compiler sees in place of the op."""
    abstract: Callable[..., Any] | None = None
    """``abstract(**params)``: shape, data type and device of each answer, where a body says it."""
    shaped_like: Callable[..., Sequence[int]] | None = None
    """``shaped_like(**params)``: the operands that the answers are like, one for each."""
    pruned: Callable[..., Any] | None = None
    """``pruned(equation, needed)``: the equation without answers that nothing needs."""

    def __init__(
        self,
        name: str,
        forward: Callable[..., Any] | None = None,
        batch: Rule | None = None,
        facts: OpFacts | None = None,
    ) -> None:
        if name in OPS:
            raise RuleError(f"op {name!r} is declared twice; choose another name")
        self.name = name
        self.forward = forward
        self.facts = self.kind_facts if facts is None else facts
        self.batching = batch  # see polygrad.core.batch
        # Whether a node leaves elements of its operands out, by a mask or index: see the tape.
        self.explain: Callable[..., Exception | None] | None = None
        """A better error for operands that a library refused, or None."""
        self.selects: Callable[[Any], bool] | None = None
        self.impls: dict[Any, Callable[..., Any]] = {}  # by backend
        self.fast: dict[tuple[type, ...], Callable[..., Any]] = {}  # by the operands' classes
        self.plans: dict[int, Plan | None] = {}  # by tracked operands
        OPS[name] = self

    @property
    def builtin(self) -> str:
        """The name under which the op table has this very op; "" for an op outside of it.

        What an op is, is its record. A name may be a user's choice, and the same as another's:
        so tables that are keyed by names, for text to be made from, are asked for this one.
        """
        return self.name if OPS.get(self.name) is self else ""

    def __reduce_ex__(self, protocol: Any) -> Any:
        # One of the table is the same in every process; recorded programs hold ops.
        return (_of_table, (self.name,)) if self.builtin else super().__reduce_ex__(protocol)

    def implement(self, backend: Any) -> Callable[..., Any]:
        """The function that computes this op on a backend's arrays."""
        if self.forward is None:
            impl = getattr(backend.xp, self.name, None)
            if impl is None:
                raise BackendError(
                    f"{self.name}: the library of the backend {backend.name!r} has no such "
                    "function; move the data with pg.to_device(x, 'cpu')"
                )
        else:
            forward, xp = self.forward, backend.xp

            def impl(*args: Any, **params: Any) -> Any:
                return forward(xp, *args, **params)

        if backend.guard is not None:
            impl = backend.guard(impl)
        self.impls[backend] = impl
        return impl

    def plan(self, mask: int, count: int) -> Plan | None:
        """What to keep when the operands in the bit set ``mask`` are tracked.

        Whether to keep the answer, and which operands to drop (None if no rule looks even at the
        shape of one); None when no derivative flows to any tracked operand. Bit ``count`` of the
        mask is set too: one table serves ops of any number of operands.
        """
        rules = [rule for i in range(count) if mask >> i & 1 for rule in self.wants(i)]
        found = None
        if rules:
            kept = [_kept_names(rule, count) for rule in rules]
            answer = any(keeps_answer for keeps_answer, _ in kept)
            dropped = [i for i in range(count) if not any(keeps[i] for _, keeps in kept)]
            blind = all(rule is constant for rule in rules)
            found = (answer, None if blind else tuple(dropped))
        self.plans[mask] = found
        return found

    def wants(self, operand: int) -> Sequence[Rule]:
        """The rules that a backward pass to an operand runs; none if no derivative flows."""
        raise NotImplementedError

    def pull(self, xp: Any, g: Any, node: Any) -> Sequence[Any]:
        """Cotangents of the node's operands for the cotangent ``g`` of its answer."""
        raise NotImplementedError

    def push(
        self, xp: Any, tangents: Sequence[Any], ans: Any, args: tuple[Any, ...], params: Any
    ) -> Any:
        """The tangent of the answer for tangents of the operands (None where zero)."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"<{self.kind} op {self.name}>"


def _of_table(name: str) -> Op:
    try:
        return OPS[name]
    except KeyError:
        raise RuleError(
            f"op {name!r} of a pickle is not declared here; import the module that declares it"
        ) from None


def constant(xp: Any, g: Any, _ans: Any, *_operands: Any) -> Any:
    """Stands for a partial derivative of 1 or -1, which needs nothing kept."""


def _kept_names(rule: Rule, count: int) -> tuple[bool, tuple[bool, ...]]:
    """Which of the answer and the operands a rule's parameter names ask to keep."""
    code = rule.__code__
    names = list(code.co_varnames[: code.co_argcount])[2:]  # without xp, g
    variadic = code.co_flags & 0x04
    rest = code.co_varnames[code.co_argcount + code.co_kwonlyargcount] if variadic else "_"
    names += [rest] * (1 + count - len(names))
    kept = [not name.startswith("_") for name in names]
    return kept[0], tuple(kept[1 : 1 + count])


def is_complex(dtype: Any) -> bool:
    """Whether a data type, in any library's spelling, is complex."""
    try:
        return KNOWN[id(dtype)][0].is_complex
    except KeyError:
        return as_dtype(dtype).is_complex


def match_dtype(xp: Any, value: Any, dtype: Any) -> Any:
    """A cotangent or tangent in the data type of its primal: the real part where that is real."""
    if is_complex(value.dtype) and not is_complex(dtype):
        value = xp.real(value)
    return value if value.dtype == dtype else xp.astype(value, dtype)
