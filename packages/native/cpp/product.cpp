#include "product.hpp"

namespace lockstep {
const ProductKernel PRODUCT_KERNELS[] = {
#if defined(__x86_64__)
    {"avx512", 8, 32, hasAvx512, productAvx512, rowsAvx512},
    {"avx2", 6, 16, hasAvx2, productAvx2, rowsAvx2},
#elif defined(__aarch64__)
    {"neon", 8, 8, hasNeon, productNeon, rowsNeon},
#endif
    {nullptr, 0, 0, nullptr, nullptr, nullptr},
};
} // namespace lockstep
