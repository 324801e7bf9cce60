"""Special functions under SciPy's names, differentiable: `pg.special`.

The array's own library computes them (scipy.special for NumPy, cupyx.scipy.special for CuPy,
torch.special, jax.scipy.special); the common ones also have a version in terms of the standard
alone, for libraries without any.
"""

from polygrad.ops.checked import check_functions as _check_functions
from polygrad.ops.special.bessel import (
    ellipe,
    ellipk,
    ellipkm1,
    exp1,
    expi,
    expn,
    hyp1f1,
    i0,
    i0e,
    i1,
    i1e,
    iv,
    j0,
    j1,
    jv,
    k0,
    k0e,
    k1,
    k1e,
    kv,
    spence,
    y0,
    y1,
    yn,
    yv,
)
from polygrad.ops.special.distributions import (
    bdtr,
    bdtrc,
    bdtri,
    betainc,
    betaincc,
    betainccinv,
    betaincinv,
    chdtr,
    chdtrc,
    chdtri,
    fdtr,
    fdtrc,
    fdtri,
    gammainc,
    gammaincc,
    gammainccinv,
    gammaincinv,
    gdtr,
    gdtrc,
    log_ndtr,
    nbdtr,
    nbdtrc,
    nbdtri,
    ndtr,
    ndtri,
    pdtr,
    pdtrc,
    pdtri,
    stdtr,
    stdtrit,
)
from polygrad.ops.special.elementary import (
    cbrt,
    cosdg,
    cosm1,
    cotdg,
    exp2,
    exp10,
    exprel,
    huber,
    pseudo_huber,
    radian,
    sinc,
    sindg,
    tandg,
)
from polygrad.ops.special.error_functions import (
    dawsn,
    erf,
    erfc,
    erfcinv,
    erfcx,
    erfi,
    erfinv,
    wofz,
)
from polygrad.ops.special.gamma_functions import (
    beta,
    betaln,
    binom,
    comb,
    digamma,
    factorial,
    gamma,
    gammaln,
    gammasgn,
    loggamma,
    multigammaln,
    poch,
    polygamma,
    psi,
    rgamma,
    zeta,
)
from polygrad.ops.special.logistic import (
    boxcox,
    boxcox1p,
    entr,
    expit,
    inv_boxcox,
    inv_boxcox1p,
    kl_div,
    log_expit,
    logit,
    rel_entr,
    softplus,
    xlog1py,
    xlogy,
)
from polygrad.ops.special.reductions import log_softmax, logsumexp, softmax

_MODULES = (
    "approximations", "bessel", "declare", "distributions", "elementary", "error_functions",
    "gamma_functions", "logistic", "reductions",
)  # fmt: skip
__all__ = [name for name in dir() if not name.startswith("_") and name not in _MODULES]

_check_functions(globals())
