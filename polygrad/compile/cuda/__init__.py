"""Kernels for a graph: CUDA C++, one kernel for each fused group, replayed as CUDA graphs.

`prepare` puts ops in terms of others; `schedule` divides a graph into steps, and `epilogue` moves
to a matrix product what is made of it. `kernel` and `tiles` write the text of groups and of
products, `pull` and `join` the code of an element. `program` plans the memory, `pieces` says what
is captured together, and `run` runs it. Nothing here needs a GPU or CuPy: what does is asked of a
`host.Host`.
"""
