#include "product.hpp"
#include "rows.hpp"
#if defined(__x86_64__)
#include <immintrin.h>

#define TARGET __attribute__((target("avx512f")))

namespace lockstep {
namespace {
using Vector = __m512;
constexpr size_t LANES = 16;
// Half of the registers are enough to hide what an fma waits for, and higher tiles were slower: docs/decisions/0020.
constexpr int HEIGHT = 8;
constexpr int VECTORS = 2;

#define INLINE TARGET static inline __attribute__((always_inline))
INLINE Vector splat(uint32_t pattern) { return _mm512_castsi512_ps(_mm512_set1_epi32(static_cast<int>(pattern))); }
INLINE Vector broadcast(const float *at) { return _mm512_set1_ps(*at); }
INLINE Vector load(const float *at) { return _mm512_loadu_ps(at); }
INLINE void store(float *at, Vector v) { _mm512_storeu_ps(at, v); }
INLINE Vector add(Vector a, Vector b) { return _mm512_add_ps(a, b); }
INLINE Vector fma(Vector a, Vector b, Vector c) { return _mm512_fmadd_ps(a, b, c); }
INLINE Vector canonical(Vector a) {
  return _mm512_mask_mov_ps(a, _mm512_cmp_ps_mask(a, a, _CMP_UNORD_Q), splat(0x7fc00000));
}

#include "product-tile.inc"

constexpr int ROWS_VECTORS = 1;
#include "rows-tile.inc"
} // namespace

bool hasAvx512() { return __builtin_cpu_supports("avx512f"); }
void productAvx512(const Product &p) { product(p); }
void rowsAvx512(const Rows &p) { fewRows(p); }
} // namespace lockstep
#endif
