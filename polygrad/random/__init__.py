"""Reproducible random numbers: explicit keys, the same bits on every backend and device.

The bits come from Threefry-2x32 with 20 rounds, a counter-based generator: each block of two
words is a function of the key and of its own number alone, written here in integer operations
of the array API. Source: J. K. Salmon, M. A. Moraes, R. O. Dror, D. E. Shaw, "Parallel random
numbers: as easy as 1, 2, 3", SC '11, 2011.

A key is used once. `split` and `fold_in` make new keys of it, independent of one another and
of the numbers drawn with it. Keys are pytrees of one array, so `jit` traces them, `vmap` maps
over a stack of them, loops carry them, and all of these draw the same bits:

>>> keys = pg.random.split(pg.random.key(0), 3)
>>> pg.vmap(lambda key: pg.random.bits(key))(keys).tolist()
[346279018, 3283174649, 3575600035]
>>> [pg.random.bits(key).item() for key in keys]
[346279018, 3283174649, 3575600035]
"""

from polygrad.random.derive import fold_in, key, split
from polygrad.random.draws import bernoulli, bits, normal, permutation, randint, uniform
from polygrad.random.keys import Key, key_data, wrap_key_data
from polygrad.random.threefry import threefry

__all__ = [
    "Key",
    "bernoulli",
    "bits",
    "fold_in",
    "key",
    "key_data",
    "normal",
    "permutation",
    "randint",
    "split",
    "threefry",
    "uniform",
    "wrap_key_data",
]
