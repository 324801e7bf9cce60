"""Pytrees: nested containers of arrays, handled by optree under one namespace."""

import dataclasses
from collections.abc import Callable
from typing import Any, TypeVar, dataclass_transform

import optree

from polygrad.errors import TreeError

__all__ = [
    "children",
    "dataclass",
    "flatten",
    "leaves",
    "map",
    "orders",
    "paths",
    "static",
    "unflatten",
]

NAMESPACE = "polygrad"
T = TypeVar("T")


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
            check_same(flatten(other)[1], flatten(tree)[1], "a pytree", "the first pytree")
        raise error


def orders(tree: Any) -> tuple[tuple[Any, ...], ...]:
    """The keys of each dict of a pytree with several, in their order.

    It is no part of the structure: pytrees with the same keys are alike in any order.

    >>> pg.tree.orders([{"w": 1.0, "b": 2.0}])
    (('w', 'b'),)
    """
    found: list[tuple[Any, ...]] = []

    def note(node: Any) -> bool:
        if isinstance(node, dict) and len(node) > 1:
            found.append(tuple(node))
        return False

    optree.tree_flatten(tree, is_leaf=note, namespace=NAMESPACE)
    return tuple(found)


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


def children(tree: Any) -> list[Any]:
    """The entries of a container one level down; raises TreeError for a leaf.

    >>> pg.tree.children({"a": 1, "b": [2, 3]})
    [1, [2, 3]]
    """
    try:
        return list(optree.tree_flatten_one_level(tree, namespace=NAMESPACE)[0])
    except ValueError:
        raise TreeError(
            f"got {type(tree).__name__} where a container of several values was expected"
        ) from None


def check_same(got: Any, expected: Any, argument: str, reference: str) -> None:
    """Raise TreeError, naming ``argument``, unless two structures are equal."""
    if got != expected:
        raise TreeError(
            f"{argument}: got the pytree {show(got)}, expected the structure of {reference}, "
            f"{show(expected)}; pass containers of the same kind, keys and lengths"
        )


def show(spec: Any) -> str:
    """The structure of a pytree in words, for messages."""
    text = str(spec).removeprefix("PyTreeSpec(").removesuffix(")")
    return text.removesuffix(f", namespace={NAMESPACE!r}")


def static(**options: Any) -> Any:
    """A field of a `dataclass` that belongs to the structure of the pytree, not to its leaves.

    Takes what ``dataclasses.field`` takes. The value has to be hashable: a function, a string.

    >>> @pg.tree.dataclass
    ... class Scale:
    ...     factor: pg.Array
    ...     name: str = pg.tree.static(default="scale")
    >>> pg.tree.leaves(Scale(2.0))
    [2.0]
    """
    return dataclasses.field(**options, metadata={"static": True})


@dataclass_transform(frozen_default=True, field_specifiers=(static, dataclasses.field))
def dataclass(cls: type[T]) -> type[T]:
    """Make a class with annotated fields an immutable pytree: a model, a state.

    The fields are the children, except those made with `static`. Pytrees are rebuilt without
    calling ``__init__`` or ``__post_init__``, so a check there sees what users pass, and never a
    gradient or a tracked array. Comparison is by identity unless the class defines ``__eq__``.

    >>> @pg.tree.dataclass
    ... class Point:
    ...     x: float
    ...     y: float
    >>> pg.grad(lambda p: p.x * p.y)(Point(2.0, 3.0))
    Point(x=3.0, y=2.0)
    """
    made = dataclasses.dataclass(frozen=True, eq=False)(cls)
    declared = dataclasses.fields(made)  # type: ignore[arg-type]
    children = tuple(f.name for f in declared if not f.metadata.get("static"))
    statics = tuple(f.name for f in declared if f.metadata.get("static"))

    def split(node: Any) -> tuple[Any, Any, Any]:
        values = node.__dict__
        return [values[n] for n in children], tuple([values[n] for n in statics]), children

    def join(fixed: Any, values: Any) -> Any:
        node = object.__new__(made)
        fields = node.__dict__
        fields.update(zip(children, values))  # noqa: B905  the hot path; optree has counted
        if statics:
            fields.update(zip(statics, fixed))  # noqa: B905
        return node

    optree.register_pytree_node(
        made,  # type: ignore[arg-type]
        split,
        join,
        path_entry_type=optree.GetAttrEntry,
        namespace=NAMESPACE,
    )
    return made
