// The part of CUDA C++ that generated kernels use, for a C++ compiler on the host: the blocks of a
// grid run one after the other, the threads of a block as threads where they wait for each other.
#pragma once
#include <atomic>
#include <cmath>
#include <condition_variable>
#include <cstring>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

struct Dim { unsigned int x, y; };
static thread_local Dim threadIdx, blockIdx;
static Dim blockDim, gridDim;

struct Barrier {
  std::mutex mutex;
  std::condition_variable condition;
  unsigned int waiting = 0, round = 0;
  void wait() {
    std::unique_lock<std::mutex> lock(mutex);
    unsigned int mine = round;
    if (++waiting == blockDim.x) { waiting = 0; ++round; condition.notify_all(); }
    else condition.wait(lock, [&] { return round != mine; });
  }
};
static Barrier barrier;
#define __syncthreads() barrier.wait()
#define __shared__ static
#define __global__
#define __device__
#define __restrict__

static inline double __longlong_as_double(long long x) { double y; std::memcpy(&y, &x, 8); return y; }
static inline long long __double_as_longlong(double x) { long long y; std::memcpy(&y, &x, 8); return y; }
static inline int __float_as_int(float x) { int y; std::memcpy(&y, &x, 4); return y; }

static void run_grid(int gx, int gy, int threads, bool together, const std::function<void()>& kernel) {
  gridDim = {(unsigned)gx, (unsigned)gy};
  blockDim = {(unsigned)threads, 1};
  for (unsigned y = 0; y < (unsigned)gy; ++y)
    for (unsigned x = 0; x < (unsigned)gx; ++x) {
      auto one = [&](unsigned t) { blockIdx = {x, y}; threadIdx = {t, 0}; kernel(); };
      if (!together || threads == 1) { for (unsigned t = 0; t < (unsigned)threads; ++t) one(t); continue; }
      std::vector<std::thread> all;
      for (unsigned t = 0; t < (unsigned)threads; ++t) all.emplace_back(one, t);
      for (auto& thread : all) thread.join();
    }
}
