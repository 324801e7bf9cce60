"""What polygrad takes for granted of scikit-learn's inside, and whether it holds.

scikit-learn carries a copy of array-api-compat, whose functions refuse NumPy arrays beside
arrays of another library; beside an Array they are let through, as in SciPy.
"""

import sys
from types import ModuleType

from polygrad.scipy_functions import scipy_internals

KNOWN = "1.9"
"""The newest scikit-learn that the tests were run on."""


LOADED = "sklearn.utils"
"""The public module after which the copy is there."""


def _is_copy(name: str) -> bool:
    return scipy_internals.is_namespace_finder(name, "sklearn")


def is_watched(name: str) -> bool:
    """Whether a module is to be extended when it is loaded."""
    return name == LOADED or _is_copy(name)


def extend(module: ModuleType) -> None:
    """Extend the copy when it was just loaded, and see later that it was."""
    if _is_copy(module.__name__):
        scipy_internals.mix(module)
    else:
        check()


def changes() -> list[str]:
    """What is not as expected, a line for each."""
    copies = [name for name in list(sys.modules) if _is_copy(name)]
    if not copies:
        return ["sklearn.externals.array_api_compat: expected a copy in scikit-learn, is not there"]
    return [
        f"{name}.array_namespace: expected a function, is "
        f"{type(getattr(sys.modules[name], 'array_namespace', None)).__name__}"
        for name in copies
        if not hasattr(getattr(sys.modules[name], "array_namespace", None), "_takes_constants")
    ]


def check() -> None:
    """Tell what changed in scikit-learn, once."""
    version = getattr(sys.modules.get("sklearn"), "__version__", "of an unknown version")
    scipy_internals.tell("scikit-learn", version, KNOWN, changes())
