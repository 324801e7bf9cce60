"""Native code for a graph: one function of machine code, compiled by LLVM.

A program runs on the backend's array library first. From its second call on native code is
compiled in the background, and takes over when it is ready. Where there can be none, or an
argument does not suit it, the first program goes on.
"""

from polygrad.compile.native.tier import Tier, listen, offer

__all__ = ["Tier", "listen", "offer"]
