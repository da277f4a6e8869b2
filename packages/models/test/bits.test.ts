import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compareBits } from './bits.ts'

const nightly = process.env.LOCKSTEP_NIGHTLY === '1'

test('every way to compute a program gives the bits of the reference: scalars, random programs, 100 training steps of each architecture', {
  skip: !nightly && 'minutes: npm run nightly, or npm run bench -- engine --only bits',
}, async (t) => {
  const lines: string[] = []
  const size = { cases: 2000, programs: 1000, steps: 100, seed: 1 }
  const found = await compareBits({ ...size, say: (line) => lines.push(line) })
  t.diagnostic(JSON.stringify(found))
  const { scalars, programs, trainings } = found
  assert.deepEqual(
    [scalars, programs, trainings].map(({ mismatches }) => mismatches),
    [0, 0, 0],
    lines.join('\n'),
  )
})
