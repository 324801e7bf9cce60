"""pg.special, at the points of tests/test_special.py, which checks it more closely."""

from typing import Any

import numpy as np
import scipy.special as ss
from op_table import case, row
from test_special import CASES, POSITIVE, REAL

STEPS = {"pdtri": 1e-5, "fdtri": 1e-5, "stdtrit": 1e-5, "bdtri": 1e-5, "nbdtri": 1e-5}
Z = np.array([0.4 + 0.3j, 1.2 - 0.8j, 2.0 + 1.0j])


def single(function: Any) -> Any:
    """SciPy's function, which gives double precision for single."""
    return lambda *args: function(*args).astype(args[-1].dtype)


def derived(name: str) -> Any:
    """A row of the table of test_special: equal shapes, and a column beside a row."""
    args, places = CASES[name]
    cases = [case(*args)]
    if len(args) > 1:
        cases.append(case(args[0][:2, None], *(a[2:4] for a in args[1:])))
    return row(
        f"special.{name}",
        *cases,
        fixed=tuple(i for i in range(len(args)) if i not in places),
        reference=getattr(ss, name),
        rtol=1e-9,
        eps=STEPS.get(name),
    )


ROWS = [
    *map(derived, CASES),
    row("special.gammasgn", case(REAL), reference=ss.gammasgn, gradient="none"),
    row(
        "special.polygamma",
        case(2, POSITIVE),
        case(0, REAL),
        reference=single(ss.polygamma),
        rtol=1e-9,
    ),
    row(
        "special.multigammaln",
        case(POSITIVE + 3, 3),
        reference=lambda a, d: ss.multigammaln(a, d).astype(a.dtype),
        rtol=1e-9,
    ),
    *[
        row(
            f"special.{name}",
            case(np.array([0, 1, 2, 5]), REAL[:4]),
            reference=getattr(ss, name),
            rtol=1e-9,
        )
        for name in ("eval_hermite", "eval_hermitenorm")
    ],
    row(
        "special.lambertw",
        case(POSITIVE),
        reference=lambda x: ss.lambertw(x).astype("complex64" if x.dtype == "f" else "D"),
        rtol=1e-9,
    ),
    row("special.yn", case(2, POSITIVE), reference=ss.yn, rtol=1e-9),
    row("special.wofz", case(Z), reference=ss.wofz, complex_only=True, rtol=1e-9),
    row(
        "special.logsumexp",
        case(REAL),
        case(REAL.reshape(2, 3), axis=1, keepdims=True),
        case(REAL.reshape(2, 3), 0, np.array([[0.5], [2.0]])),
        reference=ss.logsumexp,
    ),
    *[
        row(
            f"special.{name}",
            case(REAL),
            case(REAL.reshape(2, 3), axis=1),
            reference=getattr(ss, name),
        )
        for name in ("softmax", "log_softmax")
    ],
]
