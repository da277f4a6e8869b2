#include "hash.hpp"
#include <cstring>

namespace lockstep {

const HashKernel HASH_KERNELS[] = {
#if defined(__x86_64__)
    {"sha", hasShaExtensions, hashShaExtensions},
    {"avx512", hasAvx512Lanes, hashAvx512},
    {"avx2", hasAvx2Lanes, hashAvx2},
#elif defined(__aarch64__)
    {"sha2", hasArmSha2, hashArmSha2},
#endif
    {nullptr, nullptr, nullptr},
};

const uint8_t *blockOf(uint8_t tag, const uint8_t *data, size_t length, size_t number, uint8_t room[BLOCK_BYTES]) {
  const size_t begin = number * BLOCK_BYTES; // in the message, whose byte i + 1 is byte i of the data
  if (number > 0 && begin + BLOCK_BYTES <= 1 + length) return data + begin - 1;
  std::memset(room, 0, BLOCK_BYTES);
  const size_t skip = number == 0 ? 1 : 0;
  if (number == 0) room[0] = tag;
  const size_t from = begin + skip - 1;
  if (from < length) {
    const size_t left = length - from;
    const size_t place = BLOCK_BYTES - skip;
    std::memcpy(room + skip, data + from, left < place ? left : place);
  }
  const size_t end = 1 + length;
  if (begin <= end && end < begin + BLOCK_BYTES) room[end - begin] = 0x80;
  if (number + 1 == blocksOf(length)) {
    const uint64_t bits = 8 * static_cast<uint64_t>(end);
    for (int i = 0; i < 8; i++) room[BLOCK_BYTES - 1 - i] = static_cast<uint8_t>(bits >> (8 * i));
  }
  return room;
}

// The first 32 bits of the fractional parts of the cube and the square roots of the first primes.
alignas(64) const uint32_t SHA256_ROUND[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};
const uint32_t SHA256_START[8] = {
    0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
};
} // namespace lockstep
