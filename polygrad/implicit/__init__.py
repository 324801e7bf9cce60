"""Implicit differentiation: of linear systems, roots and fixed points, whatever solves them."""

from polygrad.implicit.linear import linear_solve
from polygrad.implicit.linear_solvers import cg, dense, gmres
from polygrad.implicit.root_solvers import anderson, fixed_point_iteration, newton
from polygrad.implicit.roots import custom_fixed_point, custom_root, fixed_point, root

__all__ = [
    "anderson",
    "cg",
    "custom_fixed_point",
    "custom_root",
    "dense",
    "fixed_point",
    "fixed_point_iteration",
    "gmres",
    "linear_solve",
    "newton",
    "root",
]
