"""One module a library, with these names:

- ``NAME``, and ``version()``;
- ``MISSING``: kinds of case that are left out, and why;
- ``prepare(case)``: a function to time, which returns what the case wants once it is there.
"""
