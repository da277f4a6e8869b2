#include "hash.hpp"
#if defined(__x86_64__)
#include <immintrin.h>

#define TARGET __attribute__((target("avx512f,avx512bw,avx512vl")))

namespace lockstep {
namespace {
using Vector = __m512i;
constexpr size_t LANES = 16;

#define INLINE TARGET static inline __attribute__((always_inline))
INLINE Vector splat(uint32_t word) { return _mm512_set1_epi32(static_cast<int>(word)); }
INLINE Vector add(Vector a, Vector b) { return _mm512_add_epi32(a, b); }
template <int N> INLINE Vector shiftRight(Vector a) { return _mm512_srli_epi32(a, N); }
template <int N> INLINE Vector rotateRight(Vector a) { return _mm512_ror_epi32(a, N); }
// The last operand is the function's table: bit 4a + 2b + c.
INLINE Vector xor3(Vector a, Vector b, Vector c) { return _mm512_ternarylogic_epi32(a, b, c, 0x96); }
INLINE Vector choose(Vector e, Vector f, Vector g) { return _mm512_ternarylogic_epi32(e, f, g, 0xca); }
INLINE Vector majority(Vector a, Vector b, Vector c) { return _mm512_ternarylogic_epi32(a, b, c, 0xe8); }

INLINE Vector swapBytes(Vector a) {
  return _mm512_shuffle_epi8(a, _mm512_broadcast_i32x4(_mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203)));
}

// Row i of `rows` becomes column i: pairs, then quads within 128 bits, then the 128-bit parts themselves.
INLINE void transpose(Vector rows[16]) {
  Vector x[16];
  for (int i = 0; i < 16; i += 4) {
    const Vector a = _mm512_unpacklo_epi32(rows[i], rows[i + 1]), b = _mm512_unpackhi_epi32(rows[i], rows[i + 1]);
    const Vector c = _mm512_unpacklo_epi32(rows[i + 2], rows[i + 3]), d = _mm512_unpackhi_epi32(rows[i + 2], rows[i + 3]);
    x[i] = _mm512_unpacklo_epi64(a, c);
    x[i + 1] = _mm512_unpackhi_epi64(a, c);
    x[i + 2] = _mm512_unpacklo_epi64(b, d);
    x[i + 3] = _mm512_unpackhi_epi64(b, d);
  }
  for (int i = 0; i < 4; i++) {
    const Vector a = _mm512_shuffle_i32x4(x[i], x[i + 4], 0x44), b = _mm512_shuffle_i32x4(x[i], x[i + 4], 0xee);
    const Vector c = _mm512_shuffle_i32x4(x[i + 8], x[i + 12], 0x44), d = _mm512_shuffle_i32x4(x[i + 8], x[i + 12], 0xee);
    rows[i] = _mm512_shuffle_i32x4(a, c, 0x88);
    rows[i + 4] = _mm512_shuffle_i32x4(a, c, 0xdd);
    rows[i + 8] = _mm512_shuffle_i32x4(b, d, 0x88);
    rows[i + 12] = _mm512_shuffle_i32x4(b, d, 0xdd);
  }
}

INLINE void gather(const uint8_t *const blocks[LANES], Vector words[16]) {
  for (size_t i = 0; i < LANES; i++) words[i] = swapBytes(_mm512_loadu_si512(blocks[i]));
  transpose(words);
}

INLINE void scatter(const Vector state[8], uint8_t digests[LANES][DIGEST_BYTES]) {
  Vector rows[16];
  for (int i = 0; i < 8; i++) rows[i] = swapBytes(state[i]);
  for (int i = 8; i < 16; i++) rows[i] = _mm512_setzero_si512();
  transpose(rows);
  for (size_t i = 0; i < LANES; i++)
    _mm256_storeu_si256(reinterpret_cast<__m256i *>(digests[i]), _mm512_castsi512_si256(rows[i]));
}

#include "hash-lanes.inc"
} // namespace

bool hasAvx512Lanes() {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
}
void hashAvx512(const Messages &m) { hashAll(m); }
} // namespace lockstep
#endif
