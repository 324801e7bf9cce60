"""Special functions that `cupyx.scipy.special` lacks, on CuPy's arrays."""

import cupy
from cupyx.scipy import special

from polygrad.backends.special_terms import terms

globals().update(terms(cupy, special))
