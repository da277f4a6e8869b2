/* Prints the GFLOP/s of fused multiply-adds on registers alone, at BITS a register. */
#include <stdio.h>
#include <time.h>

#if BITS == 512 && !defined(__AVX512F__)
#error no registers of 512 bits
#endif
#if BITS == 256 && !defined(__AVX2__)
#error no registers of 256 bits
#endif

#ifdef __aarch64__
#define REGISTER "w"
#else
#define REGISTER "v"
#endif

typedef float lanes __attribute__((vector_size(BITS / 8)));
enum { ACCUMULATORS = 12, LOOPS = 4000000 };

static double seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + 1e-9 * t.tv_nsec;
}

/* Named one by one: an array would live in memory. Each must be in a register between one round and the next. */
#define EACH(DO) DO(0) DO(1) DO(2) DO(3) DO(4) DO(5) DO(6) DO(7) DO(8) DO(9) DO(10) DO(11)
#define FIRST(i) lanes x##i = (lanes){0} + 1.0f + 1e-6f * i;
#define ROUND(i) x##i = x##i * y + x##i; __asm__ volatile("" : "+" REGISTER (x##i));
#define TOTAL(i) sum += x##i;

int main(void) {
  lanes y = (lanes){0} - 1e-7f, sum = {0};
  EACH(FIRST)
  double start = seconds();
  for (int n = 0; n < LOOPS; n++) { EACH(ROUND) }
  double took = seconds() - start;
  EACH(TOTAL)
  volatile float keep = sum[0];
  (void)keep;
  printf("%.3f\n", 2.0 * (BITS / 32) * ACCUMULATORS * (double)LOOPS / took / 1e9);
  return 0;
}
