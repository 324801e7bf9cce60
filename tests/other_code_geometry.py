"""The cases of scipy.ndimage that move images, and its morphology."""

import numpy as np
from other_code import S, case
from scipy import ndimage

IMAGE = np.random.default_rng(5).normal(size=(5, 6))
PLACES = np.array([[0.3, 2.7, 3.9, 1.5], [1.2, 4.4, 0.6, 2.5]])
CROSS = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 1]])
HEIGHTS = np.array([[0.1, 0.5, 0.2], [0.4, 1.0, 0.3]])
for m in ("constant", "mirror", "reflect", "grid-mirror", "grid-wrap", "nearest"):
    for o in range(6):
        case(
            f"ndimage.map_coordinates {m} {o}",
            lambda x, m=m, o=o: ndimage.map_coordinates(x, PLACES, order=o, mode=m, cval=0.3),
            IMAGE,
        )
    for o in (1, 2, 3):
        case(
            f"ndimage.map_coordinates by all, {m} {o}",
            lambda x, p, m=m, o=o: ndimage.map_coordinates(x, p, order=o, mode=m, cval=0.3),
            IMAGE,
            PLACES,
        )
    case(f"ndimage.shift {m}", lambda x, m=m: ndimage.shift(x, (0.4, -1.3), mode=m), IMAGE)
    case(
        f"ndimage.map_coordinates far, {m}",
        lambda x, m=m: ndimage.map_coordinates(x, PLACES * 2 - 1.1, order=3, mode=m, cval=0.3),
        IMAGE,
    )
    case(
        f"ndimage.map_coordinates far, linear, {m}",
        lambda x, m=m: ndimage.map_coordinates(x, PLACES * 2 - 1.1, order=1, mode=m, cval=0.3),
        IMAGE,
    )
case("ndimage.shift by all", lambda x, s: ndimage.shift(x, s), IMAGE, np.array([0.4, -1.3]))
case("ndimage.shift by one number", lambda x, s: ndimage.shift(x, s, order=1), IMAGE, np.array(0.4))
case("ndimage.zoom", lambda x: ndimage.zoom(x, 2), IMAGE)
case("ndimage.zoom linear", lambda x: ndimage.zoom(x, (1.5, 0.7), order=1), IMAGE)
case(
    "ndimage.affine_transform",
    lambda x, m, o: ndimage.affine_transform(x, m, o, mode="nearest"),
    IMAGE,
    np.array([[0.9, 0.1], [-0.2, 1.1]]),
    np.array([0.3, 0.2]),
)
case(
    "ndimage.affine_transform diagonal",
    lambda x: ndimage.affine_transform(x, np.array([0.8, 0.9]), order=2, output_shape=(4, 4)),
    IMAGE,
)
case(
    "ndimage.affine_transform homogeneous",
    lambda x, m: ndimage.affine_transform(x, m, mode="mirror"),
    IMAGE,
    np.array([[0.9, 0.1, 0.3], [-0.2, 1.1, 0.2]]),
)
case("ndimage.rotate", lambda x: ndimage.rotate(x, 30.0), IMAGE)
case("ndimage.rotate linear", lambda x: ndimage.rotate(x, 30.0, reshape=False, order=1), IMAGE)
case("ndimage.rotate 90 degrees", lambda x: ndimage.rotate(x, 90.0, mode="nearest"), IMAGE)
case(
    "ndimage.rotate axes",
    lambda x: ndimage.rotate(x, 20.0, axes=(1, 2), order=1),
    np.stack([IMAGE, IMAGE**2]),
)
case(
    "ndimage.rotate by all",
    lambda x, a: ndimage.rotate(x, a, reshape=False, mode="nearest"),
    IMAGE,
    np.array(31.0),
)
for name in (
    "grey_dilation", "grey_erosion", "grey_opening", "grey_closing", "morphological_gradient",
    "morphological_laplace", "white_tophat", "black_tophat",
):  # fmt: skip
    f = getattr(ndimage, name)
    case(f"ndimage.{name}", lambda x, f=f: f(x, size=(3, 3)), S)
    case(f"ndimage.{name} even, axes", lambda x, f=f: f(x, size=(2, 4)), IMAGE)
    case(f"ndimage.{name} footprint", lambda x, f=f: f(x, footprint=CROSS, mode="mirror"), IMAGE)
    case(f"ndimage.{name} structure", lambda x, f=f: f(x, structure=HEIGHTS), IMAGE)
LABELS = np.array([[0, 1, 1], [2, 2, 0], [1, 0, 3]])
case("ndimage.median", ndimage.median, S)
case("ndimage.median index", lambda x: ndimage.median(x, LABELS, [1, 2]), S)
case("ndimage.extrema", lambda x: ndimage.extrema(x)[0], S)
case("ndimage.extrema index", lambda x: ndimage.extrema(x, LABELS, [1, 2])[1], S)
case("ndimage.generic_filter", lambda x: ndimage.generic_filter(x, np.sum, 3), S)
case("ndimage.spline_filter", ndimage.spline_filter, S)
case("ndimage.spline_filter1d", lambda x: ndimage.spline_filter1d(x, 2, 0), S)
case(
    "ndimage.geometric_transform",
    lambda x: ndimage.geometric_transform(x, lambda at: (at[0] * 0.9, at[1] * 0.8), order=1),
    S,
)
case(
    "ndimage.generic_laplace",
    lambda x: ndimage.generic_laplace(
        x, lambda y, axis, out, mode, c: ndimage.correlate1d(y, [1, -2, 1], axis, out, mode, c)
    ),
    S,
)
case(
    "ndimage.generic_gradient_magnitude",
    lambda x: ndimage.generic_gradient_magnitude(
        x, lambda y, axis, out, mode, c: ndimage.sobel(y, axis, out, mode, c)
    ),
    S,
)
case(
    "ndimage.labeled_comprehension",
    lambda x: ndimage.labeled_comprehension(x, LABELS, [1, 2], np.mean, float, 0),
    S,
)
