"""Kernels for a graph: CUDA C++, one kernel for each fused group, replayed as CUDA graphs.

`schedule` divides a graph into kernels, matrix products and calls of the library, `kernel` writes
the text of a kernel, `program` plans the memory and runs the steps. Nothing here needs a GPU or
CuPy: what does is asked of a `host.Host`.
"""
