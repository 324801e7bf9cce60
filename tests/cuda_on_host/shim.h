// The part of CUDA C++ that generated kernels use, for a C++ compiler on the host: the blocks of a
// grid run one after the other, and so do the threads of a block, each up to where it waits for
// the others, in one direction and then in the other.
#pragma once
#include <setjmp.h>
#include <ucontext.h>
#include <cmath>
#include <cstring>
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

static void one_thread() {
  unsigned me = threadIdx.x;
  body();
  all[me].ended = true;
  _longjmp(home, 1);
}

static void __syncthreads() {
  unsigned me = threadIdx.x;
  if (!_setjmp(all[me].place)) _longjmp(home, 1);
  threadIdx.x = me;
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
  for (unsigned t = 0; t < threads; ++t) {
    all[t].started = all[t].ended = false;
    ucontext_t* one = &all[t].beginning;
    getcontext(one);
    one->uc_stack.ss_sp = stacks + t * STACK;
    one->uc_stack.ss_size = STACK;
    one->uc_link = nullptr;
    makecontext(one, one_thread, 0);
  }
  bool any = true;
  for (unsigned round = 0; any; ++round) {
    any = false;
    for (unsigned i = 0; i < threads; ++i) {
      unsigned t = round % 2 ? threads - 1 - i : i;
      if (all[t].ended) continue;
      any = true;
      proceed(t);
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
