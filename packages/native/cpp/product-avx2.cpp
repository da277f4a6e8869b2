#include "product.hpp"
#include "rows.hpp"
#if defined(__x86_64__)
#include <immintrin.h>

#define TARGET __attribute__((target("avx2,fma")))

namespace lockstep {
namespace {
using Vector = __m256;
constexpr size_t LANES = 8;
constexpr int HEIGHT = 6;
constexpr int VECTORS = 2;

#define INLINE TARGET static inline __attribute__((always_inline))
INLINE Vector splat(uint32_t pattern) { return _mm256_castsi256_ps(_mm256_set1_epi32(static_cast<int>(pattern))); }
INLINE Vector broadcast(const float *at) { return _mm256_broadcast_ss(at); }
INLINE Vector load(const float *at) { return _mm256_loadu_ps(at); }
INLINE void store(float *at, Vector v) { _mm256_storeu_ps(at, v); }
INLINE Vector add(Vector a, Vector b) { return _mm256_add_ps(a, b); }
INLINE Vector fma(Vector a, Vector b, Vector c) { return _mm256_fmadd_ps(a, b, c); }
INLINE Vector canonical(Vector a) {
  return _mm256_blendv_ps(a, splat(0x7fc00000), _mm256_cmp_ps(a, a, _CMP_UNORD_Q));
}

#include "product-tile.inc"

constexpr int ROWS_VECTORS = 1;
#include "rows-tile.inc"
} // namespace

bool hasAvx2() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }
void productAvx2(const Product &p) { product(p); }
void rowsAvx2(const Rows &p) { fewRows(p); }
} // namespace lockstep
#endif
