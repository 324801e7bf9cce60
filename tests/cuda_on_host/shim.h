// The part of CUDA C++ that generated kernels use, for a C++ compiler on the host: the blocks of a
// grid run one after the other, and so do the threads of a block, each up to where it waits for
// the others, in one direction and then in the other.
#pragma once
#include <setjmp.h>
#include <ucontext.h>
#include <cmath>
#include <cstring>
#include <cstdio>
#include <cstdlib>

struct Dim { unsigned int x, y; };
static Dim threadIdx, blockIdx, blockDim, gridDim;

#define __shared__ static
#define __global__
#define __device__
#define __restrict__

static inline double __longlong_as_double(long long x) { double y; std::memcpy(&y, &x, 8); return y; }
static inline long long __double_as_longlong(double x) { long long y; std::memcpy(&y, &x, 8); return y; }
static inline int __float_as_int(float x) { int y; std::memcpy(&y, &x, 4); return y; }

static const size_t THREADS = 1024, STACK = 64 * 1024;
struct Thread { ucontext_t beginning; jmp_buf place; bool started, ended; };
static Thread* all;
static char* stacks;
static jmp_buf home;
static void (*body)();  // the kernel, on the arguments of this launch

// Those that wait for each other, a block or a warp: how often all of them came, who is there now.
struct Meeting { unsigned expected, here, times; };
static Meeting block, warps[THREADS / 32];
static double shuffled[THREADS];
static bool moved;  // whether anything happened in this turn

static void leave(Meeting& one) {
  if (--one.expected && one.here == one.expected) { one.here = 0; ++one.times; }
}

static void one_thread() {
  unsigned me = threadIdx.x;
  body();
  all[me].ended = moved = true;
  leave(block);
  leave(warps[me / 32]);
  _longjmp(home, 1);
}

static void wait_for(Meeting& one) {
  unsigned me = threadIdx.x, time = one.times;
  moved = true;
  if (++one.here == one.expected) { one.here = 0; ++one.times; }
  while (true) {  // others have their turn, even if all have come
    if (!_setjmp(all[me].place)) _longjmp(home, 1);
    threadIdx.x = me;
    if (one.times != time) return;
  }
}

static void __syncthreads() { wait_for(block); }

template <typename T> static T __shfl_down_sync(unsigned mask, T x, unsigned n) {
  unsigned me = threadIdx.x, from = me % 32 + n < 32 ? me + n : me;
  if (mask != 0xffffffffu) std::abort();
  std::memcpy(&shuffled[me], &x, sizeof x);
  wait_for(warps[me / 32]);
  std::memcpy(&x, &shuffled[from], sizeof x);
  wait_for(warps[me / 32]);
  return x;
}

static void proceed(unsigned t) {
  threadIdx = {t, 0};
  if (_setjmp(home)) return;
  if (all[t].started) _longjmp(all[t].place, 1);
  all[t].started = true;
  setcontext(&all[t].beginning);
}

// The threads of a block that wait for each other: in turn, until all have ended.
static void run_together(unsigned threads) {
  if (!all) {
    all = (Thread*)std::calloc(THREADS, sizeof(Thread));
    stacks = (char*)std::malloc(THREADS * STACK);
  }
  block = {threads, 0, 0};
  for (unsigned w = 0; w < THREADS / 32; ++w) warps[w] = {32, 0, 0};
  for (unsigned t = 0; t < threads; ++t) {
    all[t].started = all[t].ended = false;
    ucontext_t* one = &all[t].beginning;
    getcontext(one);
    one->uc_stack.ss_sp = stacks + t * STACK;
    one->uc_stack.ss_size = STACK;
    one->uc_link = nullptr;
    makecontext(one, one_thread, 0);
  }
  unsigned idle = 0;
  for (unsigned round = 0; block.expected; ++round) {
    moved = false;
    for (unsigned i = 0; i < threads; ++i) {
      unsigned t = round % 2 ? threads - 1 - i : i;
      if (!all[t].ended) proceed(t);
    }
    idle = moved ? 0 : idle + 1;
    if (idle > 2) {
      std::fprintf(stderr, "threads of a block wait for ever\n");
      std::abort();
    }
  }
}

static void run_grid(int gx, int gy, int threads, bool together) {
  gridDim = {(unsigned)gx, (unsigned)gy};
  blockDim = {(unsigned)threads, 1};
  for (unsigned y = 0; y < (unsigned)gy; ++y)
    for (unsigned x = 0; x < (unsigned)gx; ++x) {
      blockIdx = {x, y};
      if (together) { run_together(threads); continue; }
      for (unsigned t = 0; t < (unsigned)threads; ++t) { threadIdx = {t, 0}; body(); }
    }
}
