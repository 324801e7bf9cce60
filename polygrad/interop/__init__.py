"""Adapters for packages that choose their array functions by the class of an array.

Each is loaded when its package is: nobody has to register anything. Code that asks an array for
its namespace, or calls NumPy's functions, needs none of this.
"""
