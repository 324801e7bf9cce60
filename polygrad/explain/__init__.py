"""The computation graph of a function, and backpropagation through it step by step.

>>> g = pg.explain.graph(lambda m, x, c: m * x + c)(2.0, 3.0, 1.0)
>>> print(g.steps())
step  node         operand  incoming  local  incoming * local
   1  last node    v2                                       1
   2  v2 = v1 + c  v1              1      1                 1
   3  v2 = v1 + c  c               1      1                 1
   4  v1 = m * x   m               1      3                 3
   5  v1 = m * x   x               1      2                 2
"""

from polygrad.explain.computation import Edge, Graph, Node
from polygrad.explain.recorder import graph, name
from polygrad.explain.steps import Step, Steps

__all__ = ["Edge", "Graph", "Node", "Step", "Steps", "graph", "name"]
