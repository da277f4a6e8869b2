#include "product.hpp"
#include "rows.hpp"
#if defined(__aarch64__)
#include <arm_neon.h>

#define TARGET

namespace lockstep {
namespace {
using Vector = float32x4_t;
constexpr size_t LANES = 4;
constexpr int HEIGHT = 8;
constexpr int VECTORS = 2;

#define INLINE static inline __attribute__((always_inline))
INLINE Vector splat(uint32_t pattern) { return vreinterpretq_f32_u32(vdupq_n_u32(pattern)); }
INLINE Vector broadcast(const float *at) { return vld1q_dup_f32(at); }
INLINE Vector load(const float *at) { return vld1q_f32(at); }
INLINE void store(float *at, Vector v) { vst1q_f32(at, v); }
INLINE Vector add(Vector a, Vector b) { return vaddq_f32(a, b); }
INLINE Vector fma(Vector a, Vector b, Vector c) { return vfmaq_f32(c, a, b); }
INLINE Vector canonical(Vector a) { return vbslq_f32(vceqq_f32(a, a), a, splat(0x7fc00000)); }

#include "product-tile.inc"

constexpr int ROWS_VECTORS = 2;
#include "rows-tile.inc"
} // namespace

bool hasNeon() { return true; } // part of every ARMv8
void productNeon(const Product &p) { product(p); }
void rowsNeon(const Rows &p) { fewRows(p); }
} // namespace lockstep
#endif
