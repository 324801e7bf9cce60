"""One module a library: ``mlp(case)`` and ``chain(case)`` return a function to time.

A step function updates its own weights and returns the loss; a chain function returns the
gradient. Both return something that NumPy can read, once the work is done.
"""
