"""autoray on polygrad's arrays: the functions that it looks for under other names than ours."""

from types import ModuleType

from polygrad import ops
from polygrad.scipy_functions.matrix_functions import expm


def register(module: ModuleType) -> None:
    """Tell ``autoray`` them; the rest it finds in the namespace by NumPy's names."""
    for name, function in {
        "array": ops.asarray,
        "linalg.expm": expm,
        "scipy.linalg.expm": expm,
        "scipy.special.logsumexp": ops.logsumexp,
    }.items():
        module.register_function("polygrad", name, function)
