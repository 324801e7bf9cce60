"""The cases of scipy.spatial, and functions of scipy.integrate and scipy.special in Python."""

import numpy as np
from other_code import POS, UNIT, M, N, S, V, W, case
from scipy import integrate, spatial, special

D = spatial.distance
P, Q = (M[:4], N[:3])
PV = np.abs(V) + 0.1
PW = np.abs(W) + 0.1
for n in (
    "euclidean",
    "cosine",
    "cityblock",
    "chebyshev",
    "sqeuclidean",
    "correlation",
    "braycurtis",
    "canberra",
    "minkowski",
):
    f = getattr(D, n)
    case(f"spatial.distance.{n}", lambda u, v, f=f: f(u, v), V, W)
    case(f"spatial.distance.{n} weights", lambda u, v, f=f: f(u, v, w=PV), V, W)
    case("spatial.distance.cdist " + n, lambda u, v, n=n: D.cdist(u, v, n), P, Q)
    case("spatial.distance.pdist " + n, lambda u, n=n: D.pdist(u, n), P)
case("spatial.distance.minkowski order", lambda u, v: D.minkowski(u, v, 3), V, W)
case("spatial.distance.cdist minkowski order", lambda u, v: D.cdist(u, v, "minkowski", p=1.5), P, Q)
case("spatial.distance.seuclidean", D.seuclidean, V, W, PV)
case("spatial.distance.mahalanobis", lambda u, v, s: D.mahalanobis(u, v, s @ s.T), V[:3], W[:3], S)
case(
    "spatial.distance.cdist mahalanobis VI",
    lambda u, v, s: D.cdist(u, v, "mahalanobis", VI=s @ s.T),
    P,
    Q,
    S,
)
case("spatial.distance.cdist mahalanobis", lambda u, v: D.cdist(u, v, "mahalanobis"), P, Q)
case("spatial.distance.pdist seuclidean", lambda u: D.pdist(u, "seuclidean"), P)
case(
    "spatial.distance.cdist seuclidean V",
    lambda u, v, w: D.cdist(u, v, "seuclidean", V=w),
    P,
    Q,
    PV[:3],
)
case(
    "spatial.distance.cdist weights", lambda u, v, w: D.cdist(u, v, "euclidean", w=w), P, Q, PV[:3]
)
case("spatial.distance.jensenshannon", D.jensenshannon, PV, PW)
case(
    "spatial.distance.jensenshannon axis",
    lambda p, q: D.jensenshannon(p, q, 2, axis=1),
    np.abs(M) + 0.1,
    np.abs(N) + 0.1,
)
case(
    "spatial.distance.cdist jensenshannon",
    lambda p, q: D.cdist(p, q, "jensenshannon"),
    np.abs(P) + 0.1,
    np.abs(Q) + 0.1,
)
case("spatial.distance.squareform", D.squareform, V[:6])
case("spatial.distance.squareform matrix", lambda x: D.squareform(x, checks=False), S)
case("spatial.distance.directed_hausdorff", lambda u, v: D.directed_hausdorff(u, v)[0], P, Q)
for i in range(3):
    case(f"spatial.procrustes {i}", lambda a, b, i=i: spatial.procrustes(a, b)[i], M, N)
e = np.array([[0.6, 0.8, 0], [0, 0.6, -0.8]])
case("spatial.geometric_slerp", lambda t: spatial.geometric_slerp(e[0], e[1], t), UNIT)
X = np.cumsum(POS)
for k in (8, 7, 3, 2):
    case(f"integrate.simpson {k} points", lambda y: integrate.simpson(y, dx=0.5), V[:k])
    case(f"integrate.simpson x, {k} points", lambda y, x: integrate.simpson(y, x=x), V[:k], X[:k])
case("integrate.simpson axis", lambda y: integrate.simpson(y, axis=0), M)
case("special.comb", special.comb, POS + 3, POS)
case("special.perm", special.perm, POS + 3, POS)
case("special.comb repetition", lambda n, k: special.comb(n, k, repetition=True), POS + 3, POS)
case("special.factorial", special.factorial, POS * 3)
for n in (5, 4):
    case(
        f"special.diric {n}",
        lambda x, n=n: special.diric(x, n),
        np.array([0.3, -1.2, 2 * np.pi + 0.1, 7.0]),
    )
