#include "hash.hpp"
#if defined(__aarch64__)
#include <arm_neon.h>
#if defined(__linux__)
#include <sys/auxv.h>
#endif

#if defined(__clang__)
#define TARGET __attribute__((target("sha2")))
#else
#define TARGET __attribute__((target("+crypto")))
#endif
#define UNROLL _Pragma("GCC unroll 16")

namespace lockstep {
namespace {

// One block of each of N messages: the rounds of one fill the waiting times of the others.
template <int N>
TARGET static inline void compress(uint32x4_t abcd[N], uint32x4_t efgh[N], const uint8_t *const blocks[N]) {
  uint32x4_t words[N][4], abcdBefore[N], efghBefore[N];
  UNROLL for (int n = 0; n < N; n++) {
    abcdBefore[n] = abcd[n];
    efghBefore[n] = efgh[n];
  }
  UNROLL for (int group = 0; group < 16; group++) {
    UNROLL for (int n = 0; n < N; n++) {
      uint32x4_t &now = words[n][group & 3];
      if (group < 4)
        now = vreinterpretq_u32_u8(vrev32q_u8(vld1q_u8(blocks[n] + 16 * group)));
      else
        now = vsha256su1q_u32(vsha256su0q_u32(now, words[n][(group + 1) & 3]), words[n][(group + 2) & 3],
                              words[n][(group + 3) & 3]);
      const uint32x4_t sum = vaddq_u32(now, vld1q_u32(SHA256_ROUND + 4 * group));
      const uint32x4_t before = abcd[n];
      abcd[n] = vsha256hq_u32(before, efgh[n], sum);
      efgh[n] = vsha256h2q_u32(efgh[n], before, sum);
    }
  }
  UNROLL for (int n = 0; n < N; n++) {
    abcd[n] = vaddq_u32(abcd[n], abcdBefore[n]);
    efgh[n] = vaddq_u32(efgh[n], efghBefore[n]);
  }
}

template <int N> TARGET static void hashGroup(const Messages &m, size_t first) {
  uint8_t room[N][BLOCK_BYTES];
  const uint8_t *blocks[N];
  uint32x4_t abcd[N], efgh[N];
  UNROLL for (int n = 0; n < N; n++) {
    abcd[n] = vld1q_u32(SHA256_START);
    efgh[n] = vld1q_u32(SHA256_START + 4);
  }
  const size_t count = blocksOf(m.length);
  for (size_t number = 0; number < count; number++) {
    UNROLL for (int n = 0; n < N; n++)
      blocks[n] = blockOf(m.tag, m.data + (first + n) * m.length, m.length, number, room[n]);
    compress<N>(abcd, efgh, blocks);
  }
  UNROLL for (int n = 0; n < N; n++) {
    uint8_t *to = m.digests + (first + n) * DIGEST_BYTES;
    vst1q_u8(to, vrev32q_u8(vreinterpretq_u8_u32(abcd[n])));
    vst1q_u8(to + 16, vrev32q_u8(vreinterpretq_u8_u32(efgh[n])));
  }
}

} // namespace

bool hasArmSha2() {
#if defined(__linux__)
  constexpr unsigned long SHA2 = 1ul << 6; // HWCAP_SHA2
  return (getauxval(AT_HWCAP) & SHA2) != 0;
#elif defined(__APPLE__)
  return true; // every processor of that line with this architecture
#else
  return false;
#endif
}

void hashArmSha2(const Messages &m) {
  constexpr size_t TOGETHER = 2;
  size_t first = 0;
  for (; first + TOGETHER <= m.count; first += TOGETHER) hashGroup<TOGETHER>(m, first);
  for (; first < m.count; first++) hashGroup<1>(m, first);
}

} // namespace lockstep
#endif
