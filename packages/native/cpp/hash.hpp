// SHA-256 (FIPS 180-4) of many short messages of one length (docs/numerics.md, hashing).
#pragma once
#include <cstddef>
#include <cstdint>

namespace lockstep {

constexpr size_t DIGEST_BYTES = 32;
constexpr size_t BLOCK_BYTES = 64;

// `count` messages, each a tag byte and then `length` bytes of `data`, which lie one behind the other. Their digests
// are written packed; `digests` may begin where `data` does if `length` is at least that of a digest: a group of
// messages is read before its digests are written.
struct Messages {
  uint8_t tag;
  const uint8_t *data;
  size_t length;
  size_t count;
  uint8_t *digests;
};

struct HashKernel {
  const char *set; // the instruction set, as callers name it
  bool (*present)();
  void (*run)(const Messages &);
};

// Those this build has, the fastest first; one may run only where it is present. Ends with a null name.
extern const HashKernel HASH_KERNELS[];

bool hasShaExtensions();
void hashShaExtensions(const Messages &);
bool hasAvx512Lanes();
void hashAvx512(const Messages &);
bool hasAvx2Lanes();
void hashAvx2(const Messages &);
bool hasArmSha2();
void hashArmSha2(const Messages &);

extern const uint32_t SHA256_ROUND[64];
extern const uint32_t SHA256_START[8];

inline size_t blocksOf(size_t length) { return (1 + length + 9 + BLOCK_BYTES - 1) / BLOCK_BYTES; }

// Where block `number` of a message can be read. Blocks in the middle lie in the data itself, one byte before the
// block's place; the others, with the tag, the end bit or the length, are made in `room`.
const uint8_t *blockOf(uint8_t tag, const uint8_t *data, size_t length, size_t number, uint8_t room[BLOCK_BYTES]);

} // namespace lockstep
