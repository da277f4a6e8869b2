import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { KernelTime } from '@lockstep/tensor'
import { profileReport, profileText } from './report.ts'

const kernel = (label: string, kind: KernelTime['kind'], seconds: number, flops: number, bytes: number) => ({
  ...{ label, kind, seconds, flops, bytes },
  ...{ nodes: [label.length], calls: 2 },
})
const TIMES: KernelTime[] = [
  kernel('map of a very long label that would break any table', 'map', 0.5, 1e9, 5e9),
  kernel('product', 'contraction', 1, 25e9, 1e9),
  kernel('other', 'map', 0.5, 0, 2.5e9),
]
const CEILINGS = { fma: [100, 200], read: [10, 20], copy: [20, 40] } as const
const report = profileReport(TIMES, { threads: 1, steps: 2, seconds: 2.5 }, CEILINGS)

test('kernels come slowest first, with their rates and the ceiling they come nearest to', () => {
  assert.deepEqual(
    report.kernels.map((k) => [k.label.slice(0, 7), k.milliseconds, k.share]),
    [
      ['product', 500, 0.5],
      ['map of ', 250, 0.25],
      ['other', 250, 0.25],
    ],
  )
  const [product, map] = report.kernels
  assert.deepEqual([product!.gflops, product!.binds, product!.ofCeiling], [50, 'fma', 0.5])
  assert.deepEqual([map!.gigabytes, map!.binds, map!.ofCeiling], [20, 'copy', 1])
})

test('kinds and the total add up', () => {
  assert.deepEqual(
    report.kinds.map((k) => [k.label, k.milliseconds, k.bytes]),
    [
      ['map', 500, 7.5e9],
      ['contraction', 500, 1e9],
    ],
  )
  assert.deepEqual([report.total.milliseconds, report.total.share, report.total.nodes.length], [1000, 1, 3])
  assert.deepEqual([report.milliseconds, report.inKernels], [1250, 1000])
})

test('with more threads the ceilings are those of all of them', () => {
  const two = profileReport(TIMES, { threads: 2, steps: 2, seconds: 2.5 }, CEILINGS)
  assert.deepEqual(two.ceilings, { fma: 200, copy: 40 })
  assert.equal(two.kernels[0]!.ofCeiling, 0.25)
})

test('a scatter has no rate of operations: most of its guards fail', () => {
  const times = [kernel('rows', 'scatter', 1, 1e12, 1e9)]
  const [line] = profileReport(times, { threads: 1, steps: 2, seconds: 1 }, CEILINGS).kernels
  assert.deepEqual([line!.gflops, line!.binds, line!.ofCeiling], [0, 'copy', 0.1])
})

test('no line is wider than 100 columns, and what is left out is said', () => {
  const lines = profileText(report, 2)
  for (const line of lines) assert.ok(line.length <= 100, `${line.length}: ${line}`)
  assert.match(lines.at(-1)!, /^and 1 more/)
})

test('a program without a timed kernel has a report of zeros', () => {
  const empty = profileReport([], { threads: 1, steps: 1, seconds: 0 }, CEILINGS)
  assert.deepEqual([empty.total.milliseconds, empty.total.share, empty.total.gflops], [0, 0, 0])
})
