import { type Compared, compareBits } from '../../packages/models/test/bits.ts'
import type { Row } from '../row.ts'
import type { Section } from './section.ts'

/**
 * Whether the same bits come out however they are computed. There is no faster or slower here: the figure is the number
 * of comparisons, the target that none differs. By night it is 1,000 programs, and so with LOCKSTEP_NIGHTLY=1.
 */
export const section: Section = async ({ quick, tell }) => {
  const nightly = process.env.LOCKSTEP_NIGHTLY === '1'
  const programs = nightly ? 1000 : quick ? 10 : 50
  const steps = quick ? 10 : 100
  const cases = nightly ? 2000 : 200
  const found = await compareBits({ cases, programs, steps, seed: 1, say: (line) => console.error(line) })
  tell('ways to compute a program', found.ways)
  const row = (what: string, compared: Compared): Row => {
    const ours = compared.cases - compared.mismatches
    const ratio = ours / compared.cases
    const sides = { ours, unit: 'equal', against: 'the reference, byte by byte', theirs: compared.cases }
    return { what: `bits: ${what}, ${found.ways} ways each`, ...sides, ratio, target: 1, met: ratio === 1 }
  }
  return [
    row(`${cases} cases of each scalar program`, found.scalars),
    row(`${programs} random programs and a quarter as many products`, found.programs),
    row(`${steps} training steps of each architecture`, found.trainings),
  ]
}
