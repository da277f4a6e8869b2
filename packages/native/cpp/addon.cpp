// The border to JavaScript, in plain Node-API: every argument is checked here, before anything is touched. Nothing is
// kept between calls, so that any number of threads may load this.
#include "hash.hpp"
#include "product.hpp"
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <node_api.h>
#if defined(__linux__)
#include <sys/mman.h>
#endif

#ifndef LOCKSTEP_ADDRESS
#error "define LOCKSTEP_ADDRESS: the digest of the sources that the loader asks for (src/address.ts)"
#endif

namespace lockstep {
namespace {

napi_value fail(napi_env env, const char *format, double a = 0, double b = 0) {
  char message[200];
  std::snprintf(message, sizeof message, format, a, b);
  napi_throw_range_error(env, nullptr, message);
  return nullptr;
}

struct Bytes {
  uint8_t *data;
  size_t length;
};

// The bytes of a Uint8Array; its buffer may be shared between threads. A detached one has none.
bool bytesOf(napi_env env, napi_value value, const char *name, Bytes &bytes) {
  bool isTypedArray = false;
  napi_typedarray_type type = napi_int8_array;
  void *data = nullptr;
  if (napi_is_typedarray(env, value, &isTypedArray) == napi_ok && isTypedArray &&
      napi_get_typedarray_info(env, value, &type, &bytes.length, &data, nullptr, nullptr) == napi_ok &&
      type == napi_uint8_array) {
    bytes.data = static_cast<uint8_t *>(data);
    if (data == nullptr) bytes.length = 0;
    return true;
  }
  char message[80];
  std::snprintf(message, sizeof message, "%s must be a Uint8Array", name);
  napi_throw_type_error(env, nullptr, message);
  return false;
}

// Reads `count` arguments and not one fewer.
bool argumentsOf(napi_env env, napi_callback_info info, size_t count, napi_value *values) {
  size_t given = count;
  if (napi_get_cb_info(env, info, &given, values, nullptr, nullptr) == napi_ok && given >= count) return true;
  fail(env, "%.0f arguments are needed, not %.0f", static_cast<double>(count), static_cast<double>(given));
  return false;
}

// Words are i32 as WebAssembly hands them out: taken modulo 2^32.
bool wordsOf(napi_env env, const napi_value *values, size_t count, uint32_t *words) {
  for (size_t i = 0; i < count; i++) {
    if (napi_get_value_uint32(env, values[i], &words[i]) == napi_ok) continue;
    napi_throw_type_error(env, nullptr, "addresses, steps, sizes and flags must be numbers");
    return false;
  }
  return true;
}

// The kernel of a list that the caller names by its place in it, if this machine has its instructions.
template <typename Kernel> const Kernel *kernelOf(napi_env env, const Kernel *kernels, napi_value number) {
  uint32_t wanted = 0;
  if (napi_get_value_uint32(env, number, &wanted) == napi_ok)
    for (uint32_t i = 0; kernels[i].set != nullptr; i++)
      if (i == wanted && kernels[i].present()) return &kernels[i];
  fail(env, "kernel %.0f is not one that this machine has; take the numbers from the list", wanted);
  return nullptr;
}

// multiply(kernel, memory, a, aStep, b, bStep, depth, rows, columns, out, outStep, init, flags)
napi_value multiply(napi_env env, napi_callback_info info) {
  enum { A, A_STEP, B, B_STEP, DEPTH, ROWS, COLUMNS, OUT, OUT_STEP, INIT, FLAGS, WORDS };
  enum { ADD = 1, LAST = 2, RESUME = 4, ALL = 7 };
  napi_value values[2 + WORDS];
  uint32_t w[WORDS];
  Bytes memory;
  if (!argumentsOf(env, info, 2 + WORDS, values)) return nullptr;
  const ProductKernel *kernel = kernelOf(env, PRODUCT_KERNELS, values[0]);
  if (kernel == nullptr || !bytesOf(env, values[1], "memory", memory) || !wordsOf(env, values + 2, WORDS, w))
    return nullptr;
  if (w[DEPTH] == 0 || w[ROWS] == 0 || w[COLUMNS] == 0)
    return fail(env, "depth, rows and columns must be at least 1");
  if (w[FLAGS] > ALL || (w[FLAGS] & (ADD | RESUME)) == (ADD | RESUME))
    return fail(env, "flags are %.0f; allowed: 1 (add) or 4 (resume), and 2 (last)", w[FLAGS]);
  if ((reinterpret_cast<uintptr_t>(memory.data) | w[A] | w[A_STEP] | w[B] | w[B_STEP] | w[OUT] | w[OUT_STEP]) % sizeof(float))
    return fail(env, "addresses and steps must be multiples of 4");
  // The last byte of each operand: sums of two products of 32-bit numbers, which 128 bits hold.
  using Wide = unsigned __int128;
  const auto ends = [&](uint32_t from, Wide steps, uint32_t step, Wide last) {
    return from + steps * step + sizeof(float) * last;
  };
  const Wide length = memory.length;
  const Wide rowPanels = (w[ROWS] - 1) / kernel->height, columnPanels = (w[COLUMNS] - 1) / kernel->width;
  if (ends(w[A], rowPanels, w[A_STEP], Wide(w[DEPTH]) * kernel->height) > length ||
      ends(w[B], columnPanels, w[B_STEP], Wide(w[DEPTH]) * kernel->width) > length ||
      ends(w[OUT], w[ROWS] - 1, w[OUT_STEP], w[COLUMNS]) > length)
    return fail(env, "panels or results reach past the end of the memory of %.0f bytes", static_cast<double>(memory.length));
  kernel->run({memory.data + w[A], w[A_STEP], memory.data + w[B], w[B_STEP], w[DEPTH], w[ROWS], w[COLUMNS],
               memory.data + w[OUT], w[OUT_STEP], w[INIT], (w[FLAGS] & ADD) != 0, (w[FLAGS] & LAST) != 0,
               (w[FLAGS] & RESUME) != 0});
  return nullptr;
}

// multiplyRows(kernel, memory, a, b, bStep, depth, rows, columns, out, outStep)
napi_value multiplyRows(napi_env env, napi_callback_info info) {
  enum { A, B, B_STEP, DEPTH, ROWS, COLUMNS, OUT, OUT_STEP, WORDS };
  napi_value values[2 + WORDS];
  uint32_t w[WORDS];
  Bytes memory;
  if (!argumentsOf(env, info, 2 + WORDS, values)) return nullptr;
  const ProductKernel *kernel = kernelOf(env, PRODUCT_KERNELS, values[0]);
  if (kernel == nullptr || !bytesOf(env, values[1], "memory", memory) || !wordsOf(env, values + 2, WORDS, w))
    return nullptr;
  if (w[DEPTH] == 0 || w[ROWS] == 0 || w[COLUMNS] == 0)
    return fail(env, "depth, rows and columns must be at least 1");
  if (w[ROWS] > MOST_ROWS)
    return fail(env, "there are %.0f rows; at most %.0f are few", w[ROWS], static_cast<double>(MOST_ROWS));
  if ((reinterpret_cast<uintptr_t>(memory.data) | w[A] | w[B] | w[B_STEP] | w[OUT] | w[OUT_STEP]) % sizeof(float))
    return fail(env, "addresses and steps must be multiples of 4");
  using Wide = unsigned __int128;
  const Wide length = memory.length, size = sizeof(float);
  if (w[A] + size * w[DEPTH] * w[ROWS] > length || w[B] + Wide(w[DEPTH] - 1) * w[B_STEP] + size * w[COLUMNS] > length ||
      w[OUT] + Wide(w[ROWS] - 1) * w[OUT_STEP] + size * w[COLUMNS] > length)
    return fail(env, "rows, columns or results reach past the end of the memory of %.0f bytes", static_cast<double>(memory.length));
  const auto at = [&](uint32_t address) { return reinterpret_cast<float *>(memory.data + address); };
  kernel->runRows({at(w[A]), at(w[B]), w[B_STEP] / size_t(size), w[DEPTH], w[ROWS], w[COLUMNS], at(w[OUT]), w[OUT_STEP] / size_t(size)});
  return nullptr;
}

// largePages(memory): asks for pages of 2 MiB where the bytes have not been touched; what they hold does not change.
// Whether the system said yes, which only Linux is asked.
napi_value largePages(napi_env env, napi_callback_info info) {
  napi_value value, answer = nullptr;
  Bytes memory;
  if (!argumentsOf(env, info, 1, &value) || !bytesOf(env, value, "memory", memory)) return nullptr;
  bool given = false;
#if defined(__linux__) && defined(MADV_HUGEPAGE)
  constexpr uintptr_t LARGE = 2 * 1024 * 1024; // whole ones only: what lies beside the bytes is not ours
  const uintptr_t begin = reinterpret_cast<uintptr_t>(memory.data);
  const uintptr_t first = (begin + LARGE - 1) / LARGE * LARGE, last = (begin + memory.length) / LARGE * LARGE;
  given = first < last && madvise(reinterpret_cast<void *>(first), last - first, MADV_HUGEPAGE) == 0;
#endif
  napi_get_boolean(env, given, &answer);
  return answer;
}

constexpr size_t LEAF_BYTES = 256;
constexpr size_t PAIR_BYTES = 2 * DIGEST_BYTES;
constexpr uint8_t LEAF_TAG = 0;
constexpr uint8_t PARENT_TAG = 1;

size_t piecesOf(size_t length, size_t piece) { return length / piece + (length % piece != 0); }

void leavesOf(const HashKernel &kernel, const uint8_t *data, size_t length, uint8_t *digests) {
  const size_t whole = length / LEAF_BYTES;
  kernel.run({LEAF_TAG, data, LEAF_BYTES, whole, digests});
  if (length % LEAF_BYTES)
    kernel.run({LEAF_TAG, data + whole * LEAF_BYTES, length % LEAF_BYTES, 1, digests + whole * DIGEST_BYTES});
}

bool isZero(const uint8_t *bytes, size_t length) {
  for (size_t i = 0; i < length; i++)
    if (bytes[i] != 0) return false;
  return true;
}

// Digests of pairs, an absent right one being zero; a pair of zeroes has a zero digest. `above` may be `row`: so the
// zero pairs are found first, a few pairs at a time.
void parentsOf(const HashKernel &kernel, const uint8_t *row, size_t length, uint8_t *above) {
  constexpr size_t SOME = 64;
  const size_t pairs = piecesOf(length, PAIR_BYTES);
  for (size_t from = 0; from < pairs; from += SOME) {
    const size_t count = pairs - from < SOME ? pairs - from : SOME;
    const uint8_t *const begin = row + from * PAIR_BYTES;
    uint8_t lastPair[PAIR_BYTES] = {};
    const bool single = from + count == pairs && length % PAIR_BYTES != 0;
    if (single) std::memcpy(lastPair, begin + (count - 1) * PAIR_BYTES, length % PAIR_BYTES);
    bool zero[SOME];
    for (size_t i = 0; i < count; i++)
      zero[i] = single && i + 1 == count ? isZero(lastPair, PAIR_BYTES) : isZero(begin + i * PAIR_BYTES, PAIR_BYTES);
    uint8_t *const to = above + from * DIGEST_BYTES;
    kernel.run({PARENT_TAG, begin, PAIR_BYTES, single ? count - 1 : count, to});
    if (single) kernel.run({PARENT_TAG, lastPair, PAIR_BYTES, 1, to + (count - 1) * DIGEST_BYTES});
    for (size_t i = 0; i < count; i++)
      if (zero[i]) std::memset(to + i * DIGEST_BYTES, 0, DIGEST_BYTES);
  }
}

// What leaves, parents and root have in common: (kernel, bytes, digests), with room for the digests.
template <typename Needs, typename Run> napi_value hash(napi_env env, napi_callback_info info, Needs needs, Run run) {
  napi_value values[3];
  Bytes bytes, digests;
  if (!argumentsOf(env, info, 3, values)) return nullptr;
  const HashKernel *kernel = kernelOf(env, HASH_KERNELS, values[0]);
  if (kernel == nullptr || !bytesOf(env, values[1], "the bytes to hash", bytes) ||
      !bytesOf(env, values[2], "the room for digests", digests))
    return nullptr;
  const size_t needed = needs(bytes.length);
  if (digests.length < needed)
    return fail(env, "the room for digests has %.0f bytes; %.0f are needed", static_cast<double>(digests.length), static_cast<double>(needed));
  const uintptr_t from = reinterpret_cast<uintptr_t>(bytes.data), to = reinterpret_cast<uintptr_t>(digests.data);
  if (from < to + needed && to < from + bytes.length) return fail(env, "digests may not overlap what is hashed");
  run(*kernel, bytes, digests.data);
  return nullptr;
}

napi_value leaves(napi_env env, napi_callback_info info) {
  return hash(
      env, info, [](size_t length) { return DIGEST_BYTES * piecesOf(length, LEAF_BYTES); },
      [](const HashKernel &kernel, const Bytes &bytes, uint8_t *digests) {
        leavesOf(kernel, bytes.data, bytes.length, digests);
      });
}

napi_value parents(napi_env env, napi_callback_info info) {
  return hash(
      env, info, [](size_t length) { return DIGEST_BYTES * piecesOf(length, PAIR_BYTES); },
      [](const HashKernel &kernel, const Bytes &bytes, uint8_t *digests) {
        parentsOf(kernel, bytes.data, bytes.length, digests);
      });
}

napi_value root(napi_env env, napi_callback_info info) {
  return hash(
      env, info, [](size_t) { return DIGEST_BYTES; },
      [env](const HashKernel &kernel, const Bytes &bytes, uint8_t *digests) {
        std::memset(digests, 0, DIGEST_BYTES);
        size_t length = DIGEST_BYTES * piecesOf(bytes.length, LEAF_BYTES);
        if (length == 0) return;
        uint8_t *const row = static_cast<uint8_t *>(std::malloc(length));
        if (row == nullptr) {
          fail(env, "there are no %.0f bytes for digests", static_cast<double>(length));
          return;
        }
        leavesOf(kernel, bytes.data, bytes.length, row);
        for (; length > DIGEST_BYTES; length = DIGEST_BYTES * piecesOf(length, PAIR_BYTES)) parentsOf(kernel, row, length, row);
        std::memcpy(digests, row, DIGEST_BYTES);
        std::free(row);
      });
}

bool put(napi_env env, napi_value object, const char *name, napi_value value) {
  return napi_set_named_property(env, object, name, value) == napi_ok;
}

napi_value text(napi_env env, const char *chars) {
  napi_value value = nullptr;
  napi_create_string_utf8(env, chars, NAPI_AUTO_LENGTH, &value);
  return value;
}

napi_value number(napi_env env, size_t n) {
  napi_value value = nullptr;
  napi_create_double(env, static_cast<double>(n), &value);
  return value;
}

// The kernels that this machine can run, each an object with the number by which functions take it.
template <typename Kernel, typename More> napi_value listOf(napi_env env, const Kernel *kernels, More more) {
  napi_value list = nullptr;
  napi_create_array(env, &list);
  uint32_t count = 0;
  for (size_t i = 0; kernels[i].set != nullptr; i++) {
    if (!kernels[i].present()) continue;
    napi_value one = nullptr;
    napi_create_object(env, &one);
    put(env, one, "kernel", number(env, i));
    put(env, one, "set", text(env, kernels[i].set));
    more(one, kernels[i]);
    napi_set_element(env, list, count++, one);
  }
  return list;
}

} // namespace
} // namespace lockstep

NAPI_MODULE_INIT() {
  using namespace lockstep;
  put(env, exports, "address", text(env, LOCKSTEP_ADDRESS));
  put(env, exports, "products", listOf(env, PRODUCT_KERNELS, [env](napi_value one, const ProductKernel &kernel) {
        put(env, one, "rows", number(env, kernel.height));
        put(env, one, "columns", number(env, kernel.width));
      }));
  put(env, exports, "hashes", listOf(env, HASH_KERNELS, [](napi_value, const HashKernel &) {}));
  const struct {
    const char *name;
    napi_callback run;
  } functions[] = {{"multiply", multiply}, {"multiplyRows", multiplyRows}, {"leaves", leaves}, {"parents", parents}, {"root", root},
                   {"largePages", largePages}};
  for (const auto &f : functions) {
    napi_value value = nullptr;
    napi_create_function(env, f.name, NAPI_AUTO_LENGTH, f.run, nullptr, &value);
    put(env, exports, f.name, value);
  }
  return exports;
}
