import type { GasPrice } from './chain-reads.ts'

/** What a transaction pays for gas at most, and the part of it that goes to whoever includes it. Wei. */
export type Fee = { readonly maxFee: bigint; readonly tip: bigint }

/** A fee that stays good while the base price doubles: six full blocks. */
export const feeAt = ({ base, tip }: GasPrice, limit: bigint): Fee =>
  capped({ maxFee: 2n * base + tip, tip }, limit)

/**
 * A fee for another transaction with the same nonce: servers want at least a tenth more in both parts. Undefined where
 * the limit leaves no room for that.
 */
export const raised = (before: Fee, price: GasPrice, limit: bigint): Fee | undefined => {
  const now = feeAt(price, limit)
  const more = (value: bigint): bigint => (value * 5n) / 4n + 1n
  const tip = larger(more(before.tip), now.tip)
  const fee = { tip, maxFee: larger(larger(more(before.maxFee), now.maxFee), tip) }
  return fee.maxFee > limit ? undefined : fee
}

const capped = ({ maxFee, tip }: Fee, limit: bigint): Fee => ({
  maxFee: smaller(maxFee, limit),
  tip: smaller(tip, limit),
})
const larger = (a: bigint, b: bigint): bigint => (a > b ? a : b)
const smaller = (a: bigint, b: bigint): bigint => (a < b ? a : b)
