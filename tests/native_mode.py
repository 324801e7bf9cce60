"""The suite on native code: `make test-native`, or POLYGRAD_TEST_NATIVE=1 before pytest.

Every program is compiled before its first call (POLYGRAD_NATIVE=wait), and a test fails if one of
its programs does without native code, or a call goes back to NumPy's, for a reason that is not
listed here.
"""

import os
import re
from collections.abc import Iterator

import pytest

ON = os.environ.get("POLYGRAD_TEST_NATIVE", "") not in ("", "0")

OUTSIDE = re.compile(
    r"""the\ op\ (
    a?(cos|sin|tan)h? | a?(cos|sin|tan)h?dg | atan2 | arg(max|min|sort) | sort | clip.*
    | cond | adjugate | beta.* | binom | bitwise_.*_shift | cbrt | cosm1 | cotdg |
    count_nonzero | cross | cumulative_.* | dawsn | det | digamma | eig.* | ellip.* |
    erf.* | eval_.* | exp1 | exp10 | exp2 | expi | expn |
    .*fftn? | floor_divide | function | gamma.* | hyp.* | i0e? | i1e? | implicit_root |
    inv | ive? | j0 | j1 | jv | k0e? | k1e? | kl_div | kve? | lgamma | linear_solve |
    log_ndtr | logaddexp | loggamma | .*struve | ndtr.*
    | nextafter | owens_t | pinv | poch | polygamma | pow | powm1 | qr | recursion |
    remainder | repeat | rgamma | roll | scan | searchsorted | slogdet
    | solve | spence | stdtr.* | svd.* | threefry | unique.* |
    unstack | vector_norm | while_loop | wrightomega | y0 | y1 | yv |
    zeta | lu.* | as_number | imag | complex_sign | random_.* | fold | matrix_.* | trace
    | outer | kron | cross_entropy.* | identity_matrices | isin | n?bdtr.* | boxcox.* | chdtr.*
    | [fgp]dtr.* | factors | yn | direction)
    (\ on\ (bool|u?int\d+)|\ with\ (these\ )?parameters)?
    | the\ op\ (sign|sqrt|reciprocal|abs|positive|negative)\ on\ (bool|u?int\d+)
    | the\ data\ type\ (complex64|complex128|float16)
    | arrays\ without\ elements | the\ (max|min)\ of\ nothing
    | a\ Python\ number\ (as\ a\ result|that\ is\ no\ int\ or\ float)
    | arithmetic\ on\ Python\ numbers\ only
    | an\ index\ of\ bool | index\ arrays\ apart\ from\ each\ other
    | .*stacks\ of\ matrices\ that\ broadcast | cholesky\ with\ upper=True
    | it\ stands\ alone""",
    re.VERBOSE,
)
"""What native code is not written for; it runs on the array library."""

DECLINED = (
    "sin or cos of a number beyond a million",
    "a Python number is outside of the data type of the arrays beside it",
    "nan, or a number outside of an integer type, is converted to that type",
)
"""Values for which a call goes back."""


def expected(reason: str) -> bool:
    """Whether native code may be done without for this reason."""
    _, _, rest = reason.partition(" is outside of native code: ")
    if not rest:
        _, _, rest = reason.partition("there is no native code for ")
        rest = rest.partition(" (")[0]
    return reason in DECLINED or OUTSIDE.fullmatch(rest) is not None


if ON:
    os.environ["POLYGRAD_NATIVE"] = "wait"


@pytest.fixture(autouse=ON)
def only_native_code() -> Iterator[None]:
    """Fails the test where native code was done without."""
    from polygrad.compile.native import listen

    reasons: list[str] = []
    end = listen(reasons.append)
    yield
    end()
    if os.environ.get("POLYGRAD_NATIVE") == "wait":
        left = [reason for reason in dict.fromkeys(reasons) if not expected(reason)]
        assert not left, f"without native code: {left}"
