#include "hash.hpp"
#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>

#define TARGET __attribute__((target("sha,sse4.1,ssse3")))
#define UNROLL _Pragma("GCC unroll 16")

namespace lockstep {
namespace {

TARGET inline __m128i loadWords(const void *at) { return _mm_loadu_si128(static_cast<const __m128i *>(at)); }

TARGET inline __m128i swapBytes(__m128i words) {
  return _mm_shuffle_epi8(words, _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203));
}

// One block of each of N messages: the rounds of one fill the waiting times of the others. The instructions want the
// state as (f e b a) and (h g d c), the lowest word first.
template <int N>
TARGET inline __attribute__((always_inline)) void compress(__m128i abef[N], __m128i cdgh[N], const uint8_t *const blocks[N]) {
  __m128i words[N][4], abefBefore[N], cdghBefore[N];
  UNROLL for (int n = 0; n < N; n++) {
    abefBefore[n] = abef[n];
    cdghBefore[n] = cdgh[n];
  }
  UNROLL for (int group = 0; group < 16; group++) {
    UNROLL for (int n = 0; n < N; n++) {
      __m128i &now = words[n][group & 3];
      if (group < 4) {
        now = swapBytes(loadWords(blocks[n] + 16 * group));
      } else {
        const __m128i last = words[n][(group + 3) & 3];
        const __m128i seven = _mm_alignr_epi8(last, words[n][(group + 2) & 3], 4); // the words seven places back
        now = _mm_sha256msg1_epu32(now, words[n][(group + 1) & 3]);
        now = _mm_sha256msg2_epu32(_mm_add_epi32(now, seven), last);
      }
      const __m128i sum = _mm_add_epi32(now, loadWords(SHA256_ROUND + 4 * group));
      cdgh[n] = _mm_sha256rnds2_epu32(cdgh[n], abef[n], sum);
      abef[n] = _mm_sha256rnds2_epu32(abef[n], cdgh[n], _mm_shuffle_epi32(sum, 0x0e));
    }
  }
  UNROLL for (int n = 0; n < N; n++) {
    abef[n] = _mm_add_epi32(abef[n], abefBefore[n]);
    cdgh[n] = _mm_add_epi32(cdgh[n], cdghBefore[n]);
  }
}

template <int N> TARGET void hashGroup(const Messages &m, size_t first) {
  uint8_t room[N][BLOCK_BYTES];
  const uint8_t *blocks[N];
  __m128i abef[N], cdgh[N];
  const uint32_t *const s = SHA256_START;
  UNROLL for (int n = 0; n < N; n++) {
    abef[n] = _mm_set_epi32(static_cast<int>(s[0]), static_cast<int>(s[1]), static_cast<int>(s[4]), static_cast<int>(s[5]));
    cdgh[n] = _mm_set_epi32(static_cast<int>(s[2]), static_cast<int>(s[3]), static_cast<int>(s[6]), static_cast<int>(s[7]));
  }
  const size_t count = blocksOf(m.length);
  for (size_t number = 0; number < count; number++) {
    UNROLL for (int n = 0; n < N; n++)
      blocks[n] = blockOf(m.tag, m.data + (first + n) * m.length, m.length, number, room[n]);
    compress<N>(abef, cdgh, blocks);
  }
  UNROLL for (int n = 0; n < N; n++) {
    // (a b c d) and (e f g h), and the bytes of each word the other way round
    const __m128i low = _mm_shuffle_epi32(abef[n], 0x1b);  // a b e f
    const __m128i high = _mm_shuffle_epi32(cdgh[n], 0x1b); // c d g h
    uint8_t *to = m.digests + (first + n) * DIGEST_BYTES;
    _mm_storeu_si128(reinterpret_cast<__m128i *>(to), swapBytes(_mm_unpacklo_epi64(low, high)));
    _mm_storeu_si128(reinterpret_cast<__m128i *>(to + 16), swapBytes(_mm_unpackhi_epi64(low, high)));
  }
}

} // namespace

bool hasShaExtensions() {
  unsigned a, b, c, d;
  return __builtin_cpu_supports("sse4.1") && __builtin_cpu_supports("ssse3") && __get_cpuid_count(7, 0, &a, &b, &c, &d) &&
         (b & (1u << 29)) != 0;
}

void hashShaExtensions(const Messages &m) {
  constexpr size_t TOGETHER = 2;
  size_t first = 0;
  for (; first + TOGETHER <= m.count; first += TOGETHER) hashGroup<TOGETHER>(m, first);
  for (; first < m.count; first++) hashGroup<1>(m, first);
}

} // namespace lockstep
#endif
