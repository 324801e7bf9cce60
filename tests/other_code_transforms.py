"""The cases of scipy.fft, linalg, cluster, spatial and ndimage."""

from other_code import (
    CONVERTS,
    POS,
    POSE,
    QUAT,
    VEC,
    M,
    N,
    S,
    V,
    case,
)  # fmt: skip
from scipy import (
    cluster,
    fft,
    linalg,
    ndimage,
    spatial,
)
from scipy.spatial.transform import RigidTransform, Rotation

import polygrad as pg

case("linalg.orthogonal_procrustes", lambda a, b: linalg.orthogonal_procrustes(a, b)[1], M, N)
case("linalg.block_diag", linalg.block_diag, S, M)
case("linalg.fiedler", linalg.fiedler, V)
case("cluster.vq.whiten", cluster.vq.whiten, M)
case("cluster.vq.vq", lambda x, c: cluster.vq.vq(x, c)[1], M, N[:2], reason=CONVERTS)
case("cluster.hierarchy.linkage", cluster.hierarchy.linkage, M, reason=CONVERTS)
case("spatial.distance.cdist", spatial.distance.cdist, M, N)
case("Rotation.from_quat.as_matrix", lambda q: Rotation.from_quat(q).as_matrix(), QUAT)
case("Rotation.from_quat.as_rotvec", lambda q: Rotation.from_quat(q).as_rotvec(), QUAT)
case("Rotation.from_quat.as_euler", lambda q: Rotation.from_quat(q).as_euler("xyz"), QUAT)
case("Rotation.from_quat.as_mrp", lambda q: Rotation.from_quat(q).as_mrp(), QUAT)
case("Rotation.from_rotvec", lambda v: Rotation.from_rotvec(v).as_matrix(), VEC)
case("Rotation.from_euler", lambda v: Rotation.from_euler("zyx", v).as_quat(), VEC)
case("Rotation.from_mrp", lambda v: Rotation.from_mrp(v).as_matrix(), VEC)
case(
    "Rotation.from_matrix",
    lambda v: Rotation.from_matrix(Rotation.from_rotvec(v).as_matrix()).as_quat(),
    VEC,
)
case("Rotation.apply", lambda q, v: Rotation.from_quat(q).apply(v), QUAT, VEC)
case(
    "Rotation.__mul__",
    lambda q, v: (Rotation.from_quat(q) * Rotation.from_rotvec(v)).as_quat(),
    QUAT,
    VEC,
)
case("Rotation.__pow__", lambda q: (Rotation.from_quat(q) ** 0.5).as_quat(), QUAT)
case("Rotation.inv", lambda q: Rotation.from_quat(q).inv().as_quat(), QUAT)
case("Rotation.magnitude", lambda q: Rotation.from_quat(q).magnitude(), QUAT)
case("Rotation.mean", lambda q: Rotation.from_quat(q).mean().as_quat(), QUAT)
case("Rotation.align_vectors", lambda a, b: Rotation.align_vectors(a, b)[0].as_matrix(), M, N)
case(
    "RigidTransform.from_translation", lambda t: RigidTransform.from_translation(t).as_matrix(), VEC
)
case(
    "RigidTransform.from_exp_coords",
    lambda t: RigidTransform.from_exp_coords(t).as_matrix(),
    POSE,
)
case("RigidTransform.apply", lambda t, v: RigidTransform.from_translation(t).apply(v), VEC, VEC * 2)
case(
    "RigidTransform.inv",
    lambda t: RigidTransform.from_exp_coords(t).inv().as_matrix(),
    POSE,
)
case(
    "RigidTransform.as_dual_quat",
    lambda t: RigidTransform.from_exp_coords(t).as_dual_quat(),
    POSE,
)

for _name in ("fft", "ifft", "rfft", "ihfft"):
    case(f"fft.{_name}", lambda x, f=getattr(fft, _name): abs(f(x)) ** 2, V)
for _name in ("fftn", "ifftn", "rfftn", "fft2", "ifft2", "rfft2"):
    case(f"fft.{_name}", lambda x, f=getattr(fft, _name): abs(f(x)) ** 2, S)
case("fft.irfft", lambda x: fft.irfft(fft.rfft(x) * 2j), V)
case("fft.hfft", fft.hfft, V)
case("fft.irfftn", lambda x: fft.irfftn(fft.rfftn(x) * 2), S)
case("fft.irfft2", lambda x: fft.irfft2(fft.rfft2(x) * 2), S)
case("fft.fftshift", fft.fftshift, V)
case("fft.ifftshift", fft.ifftshift, V)
case("fft.fht", lambda x: fft.fht(x, 0.1, 0.5), POS)
case("fft.ifht", lambda x: fft.ifht(x, 0.1, 0.5), POS)
case("fft.dct", fft.dct, V)

case("ndimage.gaussian_filter", lambda x: ndimage.gaussian_filter(x, 1.0), S)
case(
    "cluster.vq.kmeans2",
    lambda x, c: cluster.vq.kmeans2(x, c, minit="matrix")[0],
    M,
    N[:2],
    reason=CONVERTS,
)
case("linalg.norm", lambda x: linalg.norm(x), S)
case("spatial.procrustes", lambda x, y: spatial.procrustes(x, y)[0], M, N)
case("Rotation.reduce", lambda x: Rotation.from_quat(x).reduce().as_matrix(), QUAT)
case(
    "Rotation.as_davenport",
    lambda x: Rotation.from_euler("xyz", x).as_davenport(
        [[1, 0, 0], [0, 1, 0], [0, 0, 1]], "extrinsic"
    ),
    VEC,
)
case(
    "Rotation.from_davenport",
    lambda x: Rotation.from_davenport(
        pg.asarray([[1.0, 0, 0], [0, 1.0, 0], [0, 0, 1.0]])
        if hasattr(x, "_trace")
        else [[1.0, 0, 0], [0, 1.0, 0], [0, 0, 1.0]],
        "extrinsic",
        x,
    ).as_matrix(),
    VEC,
)
case(
    "Rotation.concatenate",
    lambda x, y: Rotation.concatenate([Rotation.from_rotvec(x), Rotation.from_quat(y)]).as_matrix(),
    VEC,
    QUAT,
)
case("Rotation.__getitem__", lambda x: Rotation.from_rotvec(x)[0].as_euler("xyz"), VEC)
case(
    "Rotation.__setitem__",
    lambda x: (lambda r: (r.__setitem__(0, r[1]), r.as_matrix())[1])(Rotation.from_rotvec(x)),
    VEC,
)
case("Rotation.__iter__", lambda x: list(Rotation.from_rotvec(x))[1].as_matrix(), VEC)
case(
    "RigidTransform.from_components",
    lambda t, x: RigidTransform.from_components(t, Rotation.from_rotvec(x)).as_matrix(),
    VEC,
    VEC,
)
case(
    "RigidTransform.__mul__",
    lambda t, x: (
        RigidTransform.from_components(t, Rotation.from_rotvec(x))
        * RigidTransform.from_translation(t)
    ).as_exp_coords(),
    VEC,
    VEC,
)
case(
    "RigidTransform.__pow__",
    lambda t, x: (RigidTransform.from_components(t, Rotation.from_rotvec(x)) ** 2).as_matrix(),
    VEC,
    VEC,
)
case(
    "RigidTransform.__pow__ root",
    lambda t, x: (RigidTransform.from_components(t, Rotation.from_rotvec(x)) ** 0.5).as_matrix(),
    VEC,
    VEC,
)
case(
    "RigidTransform.mean",
    lambda t, x: (RigidTransform.from_components(t, Rotation.from_rotvec(x)).mean()).as_matrix(),
    VEC,
    VEC,
)
case(
    "RigidTransform.from_dual_quat",
    lambda t, x: RigidTransform.from_dual_quat(
        RigidTransform.from_components(t, Rotation.from_rotvec(x)).as_dual_quat()
    ).as_matrix(),
    VEC,
    VEC,
)
case("fft.hfft2", lambda x: fft.hfft2(x), S)
case("fft.ihfftn", lambda x: abs(fft.ihfftn(x)), S)
case("fft.fft norm", lambda x: abs(fft.fft(x, n=12, norm="ortho")), V)
case("ndimage.convolve", lambda x: ndimage.convolve(x, x), S)
case(
    "ndimage.vectorized_filter",
    lambda x: ndimage.vectorized_filter(
        x, lambda a, axis: a.mean(axis=axis) if hasattr(a, "mean") else a, size=3
    ),
    V,
    reason=CONVERTS,
)
