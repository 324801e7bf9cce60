"""The table of ops as compilers ask for it: by records, which are resolved at import."""

from polygrad.core.op import OPS, Op
from polygrad.errors import RuleError
from polygrad.ops import linalg as _linalg  # noqa: F401  with it, the table is whole


def listed(*names: str) -> frozenset[Op]:
    """The records of ops of the table, for a table of ops; raises RuleError for a stale name.

    >>> sorted(op.name for op in listed("exp", "log"))
    ['exp', 'log']
    """
    missing = [name for name in names if name not in OPS]
    if missing:
        raise RuleError(f"no op of the table is called {' or '.join(map(repr, missing))}")
    return frozenset(OPS[name] for name in names)
