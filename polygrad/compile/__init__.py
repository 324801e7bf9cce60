"""Compiling: a function traced to a graph, made better by passes, run as a flat program."""
