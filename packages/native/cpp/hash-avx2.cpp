#include "hash.hpp"
#if defined(__x86_64__)
#include <immintrin.h>

#define TARGET __attribute__((target("avx2")))

namespace lockstep {
namespace {
using Vector = __m256i;
constexpr size_t LANES = 8;

#define INLINE TARGET static inline __attribute__((always_inline))
INLINE Vector splat(uint32_t word) { return _mm256_set1_epi32(static_cast<int>(word)); }
INLINE Vector add(Vector a, Vector b) { return _mm256_add_epi32(a, b); }
template <int N> INLINE Vector shiftRight(Vector a) { return _mm256_srli_epi32(a, N); }
template <int N> INLINE Vector rotateRight(Vector a) {
  return _mm256_or_si256(_mm256_srli_epi32(a, N), _mm256_slli_epi32(a, 32 - N));
}
INLINE Vector xor3(Vector a, Vector b, Vector c) { return _mm256_xor_si256(_mm256_xor_si256(a, b), c); }
INLINE Vector choose(Vector e, Vector f, Vector g) {
  return _mm256_xor_si256(g, _mm256_and_si256(e, _mm256_xor_si256(f, g)));
}
INLINE Vector majority(Vector a, Vector b, Vector c) {
  return _mm256_or_si256(_mm256_and_si256(a, b), _mm256_and_si256(c, _mm256_or_si256(a, b)));
}

INLINE Vector swapBytes(Vector a) {
  return _mm256_shuffle_epi8(a, _mm256_broadcastsi128_si256(_mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203)));
}

// Row i of `rows` becomes column i: pairs, then quads within 128 bits, then the halves.
INLINE void transpose(Vector rows[8]) {
  Vector x[8];
  for (int i = 0; i < 8; i += 4) {
    const Vector a = _mm256_unpacklo_epi32(rows[i], rows[i + 1]), b = _mm256_unpackhi_epi32(rows[i], rows[i + 1]);
    const Vector c = _mm256_unpacklo_epi32(rows[i + 2], rows[i + 3]), d = _mm256_unpackhi_epi32(rows[i + 2], rows[i + 3]);
    x[i] = _mm256_unpacklo_epi64(a, c);
    x[i + 1] = _mm256_unpackhi_epi64(a, c);
    x[i + 2] = _mm256_unpacklo_epi64(b, d);
    x[i + 3] = _mm256_unpackhi_epi64(b, d);
  }
  for (int i = 0; i < 4; i++) {
    rows[i] = _mm256_permute2x128_si256(x[i], x[i + 4], 0x20);
    rows[i + 4] = _mm256_permute2x128_si256(x[i], x[i + 4], 0x31);
  }
}

INLINE void gather(const uint8_t *const blocks[LANES], Vector words[16]) {
  for (int half = 0; half < 2; half++) {
    for (size_t i = 0; i < LANES; i++)
      words[8 * half + i] = swapBytes(_mm256_loadu_si256(reinterpret_cast<const __m256i *>(blocks[i] + 32 * half)));
    transpose(words + 8 * half);
  }
}

INLINE void scatter(const Vector state[8], uint8_t digests[LANES][DIGEST_BYTES]) {
  Vector rows[8];
  for (int i = 0; i < 8; i++) rows[i] = swapBytes(state[i]);
  transpose(rows);
  for (size_t i = 0; i < LANES; i++) _mm256_storeu_si256(reinterpret_cast<__m256i *>(digests[i]), rows[i]);
}

#include "hash-lanes.inc"
} // namespace

bool hasAvx2Lanes() { return __builtin_cpu_supports("avx2"); }
void hashAvx2(const Messages &m) { hashAll(m); }
} // namespace lockstep
#endif
