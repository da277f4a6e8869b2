import { createHash } from 'node:crypto'
import type { Draw } from './lies.ts'

/** Numbers that come from a seed alone: the same seed tells the same lie. */
export const seeded = (seed: number): Draw => {
  let count = 0
  return (limit) => {
    const digest = createHash('sha256').update(`${seed} ${count++}`).digest()
    return Number(digest.readBigUInt64BE() % BigInt(limit))
  }
}
