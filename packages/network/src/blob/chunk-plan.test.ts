import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ChunkPlan } from './chunk-plan.ts'
import { ChunkSet } from './chunk-set.ts'

/** Sources with a time per chunk each, and one that stops after some; time is simulated. Gives who gave what. */
const simulate = (
  chunks: number,
  sources: readonly { readonly ms: number; readonly dies?: number; readonly lacks?: readonly number[] }[],
): { given: number[]; repeated: number; ms: number; done: Set<number> } => {
  const done = new Set<number>()
  const plan = new ChunkPlan(chunks, (chunk) => done.has(chunk))
  const queues = sources.map((): number[] => [])
  const due = sources.map(() => 0)
  const given = sources.map(() => 0)
  let repeated = 0
  const alive = sources.map(() => true)
  sources.forEach((source, i) => {
    const has = ChunkSet.full(chunks)
    for (const chunk of source.lacks ?? []) if (chunk < chunks) has.delete(chunk)
    plan.offer(`${i}`, has, 0)
  })
  let ms = 0
  for (; done.size < chunks && ms < 1e6; ms++) {
    sources.forEach((source, i) => {
      if (!alive[i]) return
      if (given[i] === source.dies) {
        plan.drop(`${i}`)
        alive[i] = false
        return
      }
      const asked = plan.take(`${i}`, ms)
      if (queues[i]!.length === 0 && asked.length > 0) due[i] = ms + source.ms
      queues[i]!.push(...asked)
      assert.equal(plan.owed(`${i}`), queues[i]!.length)
      if (queues[i]!.length === 0 || ms < due[i]!) return
      const chunk = queues[i]!.shift()!
      assert.ok(!source.lacks?.includes(chunk), `source ${i} was asked for chunk ${chunk}, which it lacks`)
      plan.answered(`${i}`, chunk, true, ms)
      due[i] = ms + source.ms
      given[i]!++
      if (done.has(chunk)) repeated++
      done.add(chunk)
    })
  }
  return { given, repeated, ms, done }
}

test('one source is asked for every chunk once, in order', () => {
  const { given, repeated } = simulate(100, [{ ms: 3 }])
  assert.deepEqual([given, repeated], [[100], 0])
})

test('sources work in proportion to their rate, and a slow one holds nobody up at the end', () => {
  const { given, ms, repeated } = simulate(400, [{ ms: 5 }, { ms: 10 }, { ms: 1000 }])
  assert.ok(Math.abs(given[0]! / given[1]! - 2) < 0.3, `${given}`)
  assert.ok(ms < 1.25 * ((400 * 10) / 3), `${ms} ms`)
  assert.ok(repeated <= 6, `${repeated} repeated`)
})

test('what a silent source owes is taken over without waiting for it', () => {
  const { ms } = simulate(60, [{ ms: 10 }, { ms: 1e9 }])
  assert.ok(ms < 60 * 10 * 1.5, `${ms} ms`)
})

test('every chunk arrives as long as someone who has it lives', () => {
  const source = fc.record({
    ms: fc.integer({ min: 1, max: 300 }),
    dies: fc.integer({ min: 0, max: 40 }),
    lacks: fc.array(fc.nat(49), { maxLength: 40 }),
  })
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 50 }), fc.array(source, { maxLength: 5 }), (chunks, others) => {
      const { done, repeated } = simulate(chunks, [{ ms: 20 }, ...others])
      assert.equal(done.size, chunks)
      assert.ok(repeated <= chunks)
    }),
    { numRuns: 50 },
  )
})

test('a chunk that was not the right one, or that a source lacks after all, is asked for again', () => {
  const done = new Set<number>()
  const plan = new ChunkPlan(2, (chunk) => done.has(chunk))
  plan.offer('a', ChunkSet.full(2), 0)
  plan.offer('b', ChunkSet.full(2), 0)
  assert.deepEqual(plan.take('a', 0), [0, 1])
  plan.answered('a', 0, false, 1)
  assert.deepEqual(plan.take('b', 1), [0])
  plan.answered('b', 0, true, 2)
  plan.again(0)
  plan.answered('a', 1, true, 3)
  done.add(1)
  assert.deepEqual(plan.take('a', 4), [])
  assert.deepEqual(plan.take('b', 4), [0])
  assert.ok(plan.hopeful)
  plan.drop('b')
  assert.ok(!plan.hopeful)
})
