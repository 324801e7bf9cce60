"""Which version of the array API standard the namespace follows."""

import os
from collections.abc import Iterable
from typing import Any

from polygrad.errors import ArgumentValueError

VARIABLE = "POLYGRAD_API_VERSION"
API_VERSIONS = ("2021.12", "2022.12", "2023.12", "2024.12", "2025.12")


def _chosen() -> str:
    version = os.environ.get(VARIABLE) or "2024.12"
    if version not in API_VERSIONS:
        raise ArgumentValueError(
            f"environment variable {VARIABLE}={version!r}: expected one of "
            f"{', '.join(API_VERSIONS)}"
        )
    return version


VERSION = _chosen()
"""2024.12, unless the environment variable ``POLYGRAD_API_VERSION`` names another."""


def sequence(values: Iterable[Any]) -> Any:
    """Several answers as the version wants them: a list, from 2025.12 on a tuple."""
    return tuple(values) if VERSION >= "2025.12" else list(values)
