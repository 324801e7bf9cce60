"""Ops of any number of operands: what is kept for one count says nothing about another."""

import itertools

import pytest

import polygrad as pg
from polygrad.core.op import OPS


@pytest.mark.parametrize("counts", list(itertools.permutations([1, 2, 3])), ids=str)
def test_concat_of_different_counts(counts, monkeypatch):
    monkeypatch.setattr(OPS["concat"], "plans", {})
    other = pg.asarray([10.0, 20.0])
    x = pg.asarray([1.0, 2.0])
    for count in counts:

        def f(x, count=count):
            return pg.sum(pg.concat([x] + [other] * (count - 1)) ** 2)

        assert pg.grad(f)(x).tolist() == [2.0, 4.0]
        assert pg.jvp(f, (x,), (pg.asarray([1.0, 0.0]),))[1].item() == 2.0
