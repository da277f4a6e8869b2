import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CHARGES } from '../test/simulate-market.ts'
import { somePost, someSlice } from '../test/some-post.ts'
import { checkPost, escrowAtPosting, type Post, type PostBounds } from './index.ts'

const bounds: PostBounds = {
  now: 9_000,
  minimumTime: 10,
  minimumBond: 1n,
  leastWindow: 3_000,
  charges: CHARGES,
}
const post = somePost({ auditPrice: 50n })
const times = (change: Partial<Post['times']>): Partial<Post> => ({ times: { ...post.times, ...change } })

test('a post within all bounds is taken, and says its escrow', () => {
  assert.deepEqual(checkPost(post, bounds), { ok: true, value: escrowAtPosting(post, CHARGES) })
})

test('a post beyond one bound is refused with the field', () => {
  const cases: [change: Partial<Post>, field: string][] = [
    [{ programs: [] }, 'programs'],
    [{ ceiling: 0n }, 'ceiling'],
    [{ auditPrice: 49n }, 'auditPrice'],
    [{ bond: 0n }, 'bond'],
    [{ auditRate: 0 }, 'auditRate'],
    [{ auditors: 9 }, 'auditors'],
    [{ banned: Array(65).fill(`0x${'11'.repeat(20)}`) }, 'banned'],
    [times({ answer: 9 }), 'times.answer'],
    [times({ window: 2_999 }), 'times.window'],
    [times({ stepTime: 119 }), 'times.stepTime'],
    [times({ deadline: 9_000 }), 'times.deadline'],
    [{ slices: [] }, 'slices'],
    [{ slices: [someSlice({ program: 1 })] }, 'slices[0].program'],
    [{ slices: [someSlice({ initialFrom: 0 })] }, 'slices[0].initialFrom'],
    [{ slices: [someSlice(), someSlice({ initialFrom: 0 })] }, 'slices[1].initialItem'],
    [{ slices: [someSlice(), someSlice({ inputsFrom: [0] })] }, 'slices[1].inputsRoot'],
    [{ slices: [someSlice(), someSlice({ inputsFrom: [1] })] }, 'slices[1].inputsFrom'],
    [{ slices: [someSlice({ steps: 2_570 })] }, 'slices[0].segments'],
    [{ slices: [someSlice({ work: 0n })] }, 'slices[0].work'],
    [{ slices: [someSlice({ time: 9 })] }, 'slices[0].time'],
    [{ ceiling: 2n ** 79n, auditPrice: 2n ** 78n, auditRate: 1 }, 'slices[0] stake'],
    [
      { ceiling: 2n ** 79n, auditPrice: 2n ** 79n, auditRate: 10_000, slices: Array(256).fill(someSlice()) },
      'escrow',
    ],
  ]
  for (const [change, field] of cases) {
    const result = checkPost({ ...post, ...change }, bounds)
    assert.equal(result.ok ? 'taken' : result.fault.field, field)
  }
})
