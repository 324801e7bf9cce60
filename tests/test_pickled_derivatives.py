"""Derivatives at a point, recorded once, go to other processes as jitted functions do."""

import copy
import multiprocessing
import pickle

import numpy as np
import pytest

import polygrad as pg
from polygrad.core.op import OPS
from polygrad.errors import RuleError


def pushed():
    return pg.linearize(lambda x: pg.sin(x) * pg.linalg.det(x) + x @ x, np.eye(2) * 2.0)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda f: pickle.loads(pickle.dumps(f))])
def test_a_linear_map_is_copied(copied):
    _, push = pushed()
    t = np.asarray([[1.0, 2.0], [3.0, 4.0]])
    np.testing.assert_array_equal(copied(push)(t), push(t))


def test_a_linear_map_runs_in_another_process():
    _, push = pushed()
    t = np.asarray([[1.0, 2.0], [3.0, 4.0]])
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        np.testing.assert_array_equal(pool.apply(push, (t,)), push(t))


def test_ops_of_the_table_stay_themselves():
    for op in OPS.values():
        assert pickle.loads(pickle.dumps(op)) is op
        assert copy.deepcopy(op) is op


def test_an_op_that_is_not_declared_is_named():
    text = pickle.dumps(OPS["add"]).replace(b"\x03add", b"\x03odd")
    with pytest.raises(RuleError, match="'odd' of a pickle is not declared"):
        pickle.loads(text)
