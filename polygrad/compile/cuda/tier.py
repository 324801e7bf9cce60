"""From kernels to ops one by one: what a compiled function does where its kernels fail."""

import warnings
from collections.abc import Callable, Sequence
from typing import Any

from polygrad.compile.cuda.host import Host
from polygrad.compile.cuda.pieces import Launches
from polygrad.compile.cuda.program import Interrupted, Program, let_all_go
from polygrad.compile.graph import Graph
from polygrad.compile.replay import replay
from polygrad.errors import DeviceMemoryError, KernelWarning

Run = Callable[..., Sequence[Any]]


class Kernels:
    """A program of kernels, which is left for good where it does not compile or start.

    ``plain`` is the graph that runs op by op then; ``graph`` is the one that kernels are made of.
    ``state`` says in words which of them takes the calls, and why.
    """

    def __init__(
        self, plain: Graph, graph: Graph, donated: Sequence[bool], backend: Any, host: Host
    ) -> None:
        self._plain, self._host = plain, host
        self._instead: Run | None = None
        self._failure = ""
        self.program: Program | None = None
        try:
            self.program = Program(graph, donated, backend, host)
        except Exception as error:
            self._leave(error)
        self.source = str(graph) if self.program is None else self.program.source()

    @property
    def state(self) -> str:
        """In words: how kernels are started, or why ops run one by one."""
        if self._instead is not None or self.program is None:
            return f"op by op: the generated kernels failed ({self._failure})"
        return self.program.state

    @property
    def launches(self) -> Launches | None:
        """What one call gives to the GPU; None where ops run one by one."""
        left = self._instead is not None or self.program is None
        return None if left else self.program.launches  # type: ignore[union-attr]

    def run(self, *inputs: Any) -> Sequence[Any]:
        """The outputs of one call."""
        if self._instead is not None or self.program is None:
            return self._with_memory(self._instead or replay(self._plain), inputs)
        try:
            return self._with_memory(self.program.run, inputs)
        except (Interrupted, DeviceMemoryError):
            raise
        except Exception as error:
            # The op itself may refuse what it was given: then that is what the call says.
            found = replay(self._plain)(*inputs)
            self._leave(error)
            return found

    def _with_memory(self, run: Run, inputs: Sequence[Any]) -> Sequence[Any]:
        """Run; if memory lacks, once more after all that is idle was freed."""
        try:
            return run(*inputs)
        except Interrupted:
            raise
        except Exception as error:
            if not self._host.lacks_memory(error):
                raise
        let_all_go()
        self._host.give_memory_back()
        try:
            return run(*inputs)
        except Interrupted:
            raise
        except Exception as error:
            if not self._host.lacks_memory(error):
                raise
            raise DeviceMemoryError(f"{self._plain.name}: {self._host.shortage(error)}") from error

    def _leave(self, error: Exception) -> None:
        self._failure = f"{type(error).__name__}: {_first_line(error)}"
        if self._instead is None:
            self._instead = replay(self._plain)
            warnings.warn(
                f"jit: {self._plain.name} runs op by op: its generated kernels failed "
                f"({self._failure})",
                KernelWarning,
                stacklevel=2,
            )


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else ""
