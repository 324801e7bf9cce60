"""Pytrees: nested containers of arrays, handled by optree under one namespace."""

from collections.abc import Callable
from typing import Any

import optree

from polygrad.errors import TreeError

NAMESPACE = "polygrad"


def flatten(tree: Any) -> tuple[list[Any], Any]:
    """The leaves of a pytree and its structure.

    >>> pg.tree.flatten({"w": 1.0, "b": (2.0, None)})[0]
    [2.0, 1.0]
    """
    leaves, spec = optree.tree_flatten(tree, namespace=NAMESPACE)
    return leaves, spec


def unflatten(spec: Any, leaves: Any) -> Any:
    """The pytree with structure ``spec`` and the given leaves.

    >>> leaves, spec = pg.tree.flatten((1.0, [2.0]))
    >>> pg.tree.unflatten(spec, [10.0, 20.0])
    (10.0, [20.0])
    """
    return optree.tree_unflatten(spec, leaves)


def map(function: Callable[..., Any], tree: Any, *rest: Any) -> Any:  # noqa: A001
    """Apply ``function`` to the leaves of one or several pytrees of the same structure.

    Raises TreeError when the structures differ.

    >>> pg.tree.map(lambda a, b: a + b, (1, [2]), (10, [20]))
    (11, [22])
    """
    try:
        return optree.tree_map(function, tree, *rest, namespace=NAMESPACE)
    except ValueError as error:
        for other in rest:
            check_same(flatten(tree)[1], flatten(other)[1], "a pytree", "the first pytree")
        raise error


def leaves(tree: Any) -> list[Any]:
    """The leaves of a pytree, in order.

    >>> pg.tree.leaves({"a": 1, "b": [2, 3]})
    [1, 2, 3]
    """
    return flatten(tree)[0]


def paths(tree: Any) -> list[str]:
    """A readable path to each leaf, such as ``['w'][0]``.

    >>> pg.tree.paths({"w": (1.0, 2.0)})
    ["['w'][0]", "['w'][1]"]
    """
    accessors = optree.tree_accessors(tree, namespace=NAMESPACE)
    return [accessor.codify("") for accessor in accessors]


def check_same(got: Any, expected: Any, argument: str, reference: str) -> None:
    """Raise TreeError, naming ``argument``, unless two structures are equal."""
    if got != expected:
        raise TreeError(
            f"{argument}: got the pytree {_show(got)}, expected the structure of {reference}, "
            f"{_show(expected)}; pass containers of the same kind, keys and lengths"
        )


def _show(spec: Any) -> str:
    return str(spec).removeprefix("PyTreeSpec(").removesuffix(f", namespace={NAMESPACE!r})")
