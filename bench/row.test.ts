import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  absentRow,
  alternate,
  ceilingRow,
  figure,
  limitRow,
  median,
  type Row,
  timeRow,
  workRow,
} from './row.ts'
import { table } from './table.ts'

const KEYS = ['against', 'met', 'ours', 'ratio', 'target', 'theirs', 'unit', 'what']
const ROWS: Row[] = [
  figure('a figure', 3, 'jobs'),
  workRow('work', 10, 'GFLOP/s', [2, 1, 2], 'them', [4, 4, 5], 2),
  timeRow('time', [0.002, 0.003, 0.004], 'them', [0.006, 0.009, 0.012], 4),
  ceilingRow('ceiling', 10, 'GB/s', [4, 2, 5], 'copy', 10, 0.5),
  limitRow('limit', 200, 'ms', 'limit', 300),
  absentRow('nobody', 7, 'ms', 'PyTorch', 1),
]

test('every row has the one shape, whoever makes it', () => {
  for (const row of ROWS) {
    assert.deepEqual(Object.keys(row).sort(), KEYS)
    assert.deepEqual(JSON.parse(JSON.stringify(row)), row) // nothing is lost on the way
  }
})

test('the ratio is the median of the rounds and at least 1 where ours is better', () => {
  const [, work, time, ceiling, limit, absent] = ROWS as [Row, Row, Row, Row, Row, Row]
  assert.deepEqual([work.ours, work.theirs, work.ratio, work.met], [5, 2.5, 2.5, true])
  assert.deepEqual([time.ours, time.theirs, time.ratio, time.met], [3, 9, 3, false])
  assert.deepEqual([ceiling.ours, ceiling.ratio, ceiling.met], [5, 0.5, true]) // the best round
  assert.deepEqual([limit.ratio, limit.met], [1.5, true])
  assert.deepEqual([absent.theirs, absent.ratio, absent.met, absent.target], [null, null, null, 1])
})

test('sides take turns, and one that times itself is believed', async () => {
  const order: string[] = []
  const told = (): number => 40 + Math.min(2, order.push('b'))
  const times = await alternate(3, [() => void order.push('a'), told])
  assert.equal(order.join(''), 'ababab')
  assert.equal(median(times[1]!), 42)
  assert.ok(times[0]!.every((t) => t >= 0 && t < 1))
})

test('the table says absent where a peer is, and MISSED where a target is', () => {
  const lines = table(ROWS).split('\n')
  assert.equal(lines.length, 1 + ROWS.length)
  assert.match(lines[3]!, /MISSED$/)
  assert.match(lines[6]!, /PyTorch +absent +1$/)
  assert.doesNotMatch(lines[1]!, /absent|met/)
})
