// Products of few rows, whose columns' side is read where it lies, each number once: to pack it would cost as much as to
// multiply. The border is written down in packages/tensor/src/wasm/contraction/few-rows.ts; here it has C++'s words.
#pragma once
#include <cstddef>
#include <cstdint>

namespace lockstep {

constexpr size_t MOST_ROWS = 64;

// Rows are packed k after k: row r at k is a[k * rows + r]. Column c at k is b[k * bStep + c], its result in row r is
// out[r * outStep + c]. For every row and column, k ascending: out = fma(a, b, out), rounded once each. Steps are in floats;
// depth, rows and columns are at least 1, rows at most MOST_ROWS.
struct Rows {
  const float *a;
  const float *b;
  size_t bStep;
  size_t depth;
  size_t rows;
  size_t columns;
  float *out;
  size_t outStep;
};

void rowsAvx512(const Rows &);
void rowsAvx2(const Rows &);
void rowsNeon(const Rows &);

} // namespace lockstep
