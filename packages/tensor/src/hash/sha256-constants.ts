/** The first 32 bits of the fractional parts of roots of the first primes: where SHA-256's constants come from. */
const fractions = (count: number, root: (n: bigint) => bigint): Uint32Array => {
  const primes: bigint[] = []
  for (let n = 2n; primes.length < count; n++) if (primes.every((p) => n % p !== 0n)) primes.push(n)
  return Uint32Array.from(primes, (p) => Number(root(p) & 0xffffffffn))
}

/** The greatest integer whose power is at most n. */
const integerRoot = (n: bigint, power: bigint): bigint => {
  let low = 0n
  let high = 1n << 48n
  while (low < high) {
    const middle = (low + high + 1n) >> 1n
    if (middle ** power <= n) low = middle
    else high = middle - 1n
  }
  return low
}

/** One constant for each of the 64 rounds: of the cube roots. */
export const ROUND: Uint32Array = fractions(64, (p) => integerRoot(p << 96n, 3n))
/** The state before the first block: of the square roots. */
export const START: Uint32Array = fractions(8, (p) => integerRoot(p << 64n, 2n))
