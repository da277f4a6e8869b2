// The inner part of a sum of products (docs/numerics.md, folds): panels that somebody packed, times each other. The
// border is written down in packages/tensor/src/wasm/contraction/microkernel.ts; here it has C++'s words.
#pragma once
#include "rows.hpp"
#include <cstddef>
#include <cstdint>

namespace lockstep {

// A row panel holds `height` rows, k after k: row r of panel i at k is the float at
// rowPanels + i * rowPanelStep + 4 * (k * height + r). Column panels likewise, with `width` columns. The last panel of
// either side is as wide as the others; what it holds past `rows` or `columns` means nothing and is not stored.
//
// For every row and column, k ascending: acc = resume ? out : init; acc = fma(row, column, acc) for each k < depth,
// rounded once each; acc = out + acc where `add`; a NaN becomes 0x7fc00000 where `last`; out = acc.
// Depth, rows and columns are at least 1. Steps are in bytes.
struct Product {
  const uint8_t *rowPanels;
  size_t rowPanelStep;
  const uint8_t *columnPanels;
  size_t columnPanelStep;
  size_t depth;
  size_t rows;
  size_t columns;
  uint8_t *out;
  size_t outStep;
  uint32_t init; // the pattern of a binary32
  bool add;
  bool last;
  bool resume;
};

struct ProductKernel {
  const char *set; // the instruction set, as callers name it
  size_t height;
  size_t width;
  bool (*present)();
  void (*run)(const Product &);
  void (*runRows)(const Rows &);
};

// Those this build has, the fastest first; one may run only where it is present. Ends with a null name.
extern const ProductKernel PRODUCT_KERNELS[];

bool hasAvx512();
void productAvx512(const Product &);
bool hasAvx2();
void productAvx2(const Product &);
bool hasNeon();
void productNeon(const Product &);

} // namespace lockstep
