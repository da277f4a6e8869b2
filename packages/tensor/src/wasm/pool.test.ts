import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Fn, I32, KERNEL, ModuleWriter } from './emitter.ts'
import { engine } from './engine.ts'
import { Pool } from './pool.ts'
import { spawnThread } from './pool-node.ts'
import { runEntries, Word, type Work } from './team.ts'

/** A program of three entries: one for thread 0, one shared that adds 1 to a word per unit, one that traps at unit 7. */
const makeWork = (trap: boolean) => {
  const writer = new ModuleWriter()
  const yes = new Fn([], [I32])
  yes.i32(1)
  const canary = String(writer.add(yes))
  const store = new Fn(KERNEL)
  store.i32(64).i32(1000).memory('i32.store')
  const count = new Fn(KERNEL)
  const at = count.get(0).keep(I32)
  count.loop((again) => {
    const address = () => count.get(at).i32(4).op('i32.mul')
    address()
    address().memory('i32.load', 128).i32(1).op('i32.add').memory('i32.store', 128)
    if (trap)
      count
        .get(at)
        .i32(7)
        .op('i32.eq')
        .if(() => count.op('unreachable'))
    count.get(at).i32(1).op('i32.add').tee(at).get(1).op('i32.lt_u').brIf(again)
  })
  const entries = [
    { kernel: String(writer.add(store)), units: 1, grain: 0, table: 0 },
    { kernel: String(writer.add(count)), units: 100, grain: 3, table: 0 },
    { kernel: String(writer.add(count)), units: 100, grain: 1, table: 0 },
  ]
  const work: Work = { canary, entries: [entries, entries], scratch: 0, scratchBytes: 0 }
  const limits = { initial: 1, maximum: 1, shared: true }
  const memory = new engine.Memory(limits)
  return { module: new engine.Module(writer.encode(limits)), memory, work }
}

const runOnce = async (pool: Pool, trap: boolean) => {
  const { module, memory, work } = makeWork(trap)
  await pool.attach({ kind: 'attach', id: 0, module, memory, work })
  const { exports } = new engine.Instance(module, { e: { m: memory } })
  const errors: unknown[] = []
  pool.run(0, 0, 0, 3)
  runEntries(work, exports, pool.control, 0, pool.threads, 0, 0, 3, (e) => errors.push(e))
  return { words: new Uint32Array(memory.buffer), errors }
}

test('threads share every unit exactly once, entry after entry', async () => {
  const pool = await Pool.start(spawnThread, 2)
  for (let i = 0; i < 20; i++) {
    const { words } = await runOnce(pool, false)
    assert.equal(words[16], 1000)
    assert.deepEqual([...words.slice(32, 132)], Array(100).fill(2))
  }
  await pool.close()
})

test('a trap in any thread reaches the caller, and nobody hangs', async () => {
  const pool = await Pool.start(spawnThread, 1)
  const { errors } = await runOnce(pool, true)
  const failed = Atomics.load(pool.control, Word.failed)
  assert.ok(failed === 1 || failed === 2)
  if (failed === 1) assert.match(String(errors[0]), /unreachable/)
  else assert.match((await pool.failure(1)).message, /thread 1: unreachable/)
  await pool.close()
})
