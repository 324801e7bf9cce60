"""Threads that share a loop: compiled once, they take chunk after chunk without the interpreter.

The thread that calls takes part. A worker that comes late finds nothing left to do, so a call
never waits for one to wake up; it waits only for chunks under way. A second call at the same
time finds the pool taken, and runs its chunks by itself. Workers look for work for some
microseconds before they sleep.
"""

import ctypes
import os
import threading

from polygrad import locks
from polygrad.compile.native import engine

_FUNCTIONS = (
    "pthread_mutex_lock", "pthread_mutex_unlock", "pthread_cond_wait", "pthread_cond_broadcast",
    "sched_yield",
)  # fmt: skip
LOOKS = 2000
"""How often a worker looks for work before it sleeps: about 20 microseconds."""


def _text() -> str:
    triple = engine.binding().get_default_triple()
    hint = "pause" if triple.startswith(("x86_64", "i686")) else "yield"
    loads = "\n".join(
        f"  %f{i} = load ptr, ptr getelementptr (ptr, ptr @functions, i64 {i})"
        for i in range(len(_FUNCTIONS))
    )
    return f"""\
@functions = global [{len(_FUNCTIONS)} x ptr] zeroinitializer
@mutex = global [16 x i64] zeroinitializer, align 64
@condition = global [16 x i64] zeroinitializer, align 64
@state = global [8 x i64] zeroinitializer, align 64 ; taken, generation, open, active, asleep, count
@next = global i64 0, align 64
@job = global [2 x ptr] zeroinitializer, align 64
define internal void @rest() {{
  call void asm sideeffect "{hint}", ""()
  ret void
}}
define internal void @take(ptr %task, ptr %buffers, i64 %count) {{
entry:
  br label %l
l:
  %i = atomicrmw add ptr @next, i64 1 seq_cst
  %go = icmp ult i64 %i, %count
  br i1 %go, label %one, label %e
one:
  call void %task(ptr %buffers, i64 %i)
  br label %l
e:
  ret void
}}
define void @run(ptr %task, ptr %buffers, i64 %count) {{
entry:
{loads}
  %was = atomicrmw xchg ptr @state, i64 1 seq_cst
  %free = icmp eq i64 %was, 0
  br i1 %free, label %mine, label %alone
alone:
  br label %s
s:
  %i = phi i64 [ 0, %alone ], [ %j, %s ]
  call void %task(ptr %buffers, i64 %i)
  %j = add i64 %i, 1
  %more = icmp ult i64 %j, %count
  br i1 %more, label %s, label %done
mine:
  store ptr %task, ptr @job
  store ptr %buffers, ptr getelementptr (ptr, ptr @job, i64 1)
  store i64 %count, ptr getelementptr (i64, ptr @state, i64 5)
  store atomic i64 0, ptr @next seq_cst, align 8
  store atomic i64 1, ptr getelementptr (i64, ptr @state, i64 2) seq_cst, align 8
  %g = atomicrmw add ptr getelementptr (i64, ptr @state, i64 1), i64 1 seq_cst
  %asleep = load atomic i64, ptr getelementptr (i64, ptr @state, i64 4) seq_cst, align 8
  %some = icmp ne i64 %asleep, 0
  br i1 %some, label %wake, label %work
wake:
  %r0 = call i32 %f0(ptr @mutex)
  %r1 = call i32 %f3(ptr @condition)
  %r2 = call i32 %f1(ptr @mutex)
  br label %work
work:
  call void @take(ptr %task, ptr %buffers, i64 %count)
  store atomic i64 0, ptr getelementptr (i64, ptr @state, i64 2) seq_cst, align 8
  br label %w
w:
  %looks = phi i64 [ 0, %work ], [ %looks1, %w1 ]
  %active = load atomic i64, ptr getelementptr (i64, ptr @state, i64 3) seq_cst, align 8
  %busy = icmp ne i64 %active, 0
  br i1 %busy, label %w0, label %give
w0:
  call void @rest()
  %looks1 = add i64 %looks, 1
  %long = icmp ugt i64 %looks1, {LOOKS}
  br i1 %long, label %yield, label %w1
yield:
  %r3 = call i32 %f4()
  br label %w1
w1:
  br label %w
give:
  store atomic i64 0, ptr @state seq_cst, align 8
  br label %done
done:
  ret void
}}
define void @worker() {{
entry:
{loads}
  br label %top
top:
  %seen = phi i64 [ 0, %entry ], [ %now, %after ]
  br label %look
look:
  %n = phi i64 [ 0, %top ], [ %n1, %again ]
  %g = load atomic i64, ptr getelementptr (i64, ptr @state, i64 1) seq_cst, align 8
  %new = icmp ne i64 %g, %seen
  br i1 %new, label %begin, label %again
again:
  call void @rest()
  %n1 = add i64 %n, 1
  %tired = icmp ugt i64 %n1, {LOOKS}
  br i1 %tired, label %sleep, label %look
sleep:
  %r0 = call i32 %f0(ptr @mutex)
  %a = atomicrmw add ptr getelementptr (i64, ptr @state, i64 4), i64 1 seq_cst
  br label %check
check:
  %g2 = load atomic i64, ptr getelementptr (i64, ptr @state, i64 1) seq_cst, align 8
  %new2 = icmp ne i64 %g2, %seen
  br i1 %new2, label %woken, label %wait
wait:
  %r1 = call i32 %f2(ptr @condition, ptr @mutex)
  br label %check
woken:
  %b = atomicrmw sub ptr getelementptr (i64, ptr @state, i64 4), i64 1 seq_cst
  %r2 = call i32 %f1(ptr @mutex)
  br label %begin
begin:
  %now = phi i64 [ %g, %look ], [ %g2, %woken ]
  %c = atomicrmw add ptr getelementptr (i64, ptr @state, i64 3), i64 1 seq_cst
  %open = load atomic i64, ptr getelementptr (i64, ptr @state, i64 2) seq_cst, align 8
  %is = icmp ne i64 %open, 0
  br i1 %is, label %join, label %after
join:
  %task = load ptr, ptr @job
  %buffers = load ptr, ptr getelementptr (ptr, ptr @job, i64 1)
  %count = load i64, ptr getelementptr (i64, ptr @state, i64 5)
  call void @take(ptr %task, ptr %buffers, i64 %count)
  br label %after
after:
  %d = atomicrmw sub ptr getelementptr (i64, ptr @state, i64 3), i64 1 seq_cst
  br label %top
}}
"""


class Pool:
    """The workers of this process."""

    def __init__(self, workers: int) -> None:
        system = ctypes.CDLL(None)
        self._loaded = engine.Loaded(engine.compile_object(_text()))
        table = (ctypes.c_void_p * len(_FUNCTIONS)).from_address(self._loaded.variable("functions"))
        for i, name in enumerate(_FUNCTIONS):
            table[i] = ctypes.cast(getattr(system, name), ctypes.c_void_p).value
        for kind in ("mutex", "cond"):
            place = self._loaded.variable("condition" if kind == "cond" else kind)
            getattr(system, f"pthread_{kind}_init")(ctypes.c_void_p(place), None)
        self.run = self._loaded.function("run")
        work = ctypes.CFUNCTYPE(None)(self._loaded.function("worker"))
        for _ in range(workers):
            threading.Thread(target=work, daemon=True, name="polygrad-native").start()


_pools: dict[int, Pool] = {}
_lock = locks.new()


def threads() -> int:
    """How many threads loops may use: as many as there are processors for this process."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on every system
        return os.cpu_count() or 1


def runner() -> int:
    """The address of the function that runs chunks on several threads; 0 where there is none."""
    if threads() < 2 or os.name != "posix":
        return 0
    with _lock:
        if os.getpid() not in _pools:  # threads do not survive a fork
            _pools[os.getpid()] = Pool(threads() - 1)
        return _pools[os.getpid()].run
