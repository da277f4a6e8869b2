import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { f32Tensor } from '@lockstep/models'
import { writeAtomic } from '@lockstep/node/atomic-file'
import { claimRoot, toHex } from '@lockstep/proof'
import { map, type Program, traceProgram } from '@lockstep/tensor'
import fc from 'fast-check'
import { asCliError, CliError } from '../cli-error.ts'
import { readCheckpoint, writeCheckpoint } from './checkpoint-file.ts'
import { decodeClaim, encodeClaim } from './claim-file.ts'
import { withLock } from './lock.ts'
import { readMetrics, tidyMetrics } from './metrics.ts'

let directory: string
before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'lockstep-files-'))
})
after(() => rm(directory, { recursive: true, force: true }))

const program = (length: number): Program =>
  traceProgram({ state: { w: { dtype: 'f32', shape: [length] } } }, ({ w }) => ({
    state: { w: map([w], (x) => x.mul(2)) },
    outputs: { first: map([w], (x) => x) },
  }))
const checkpointOf = (length: number) => {
  const tensor = f32Tensor(
    [length],
    Float32Array.from({ length }, (_, i) => i),
  )
  return { step: 4, state: [tensor], outputs: [tensor] }
}
const refusal = async (work: Promise<unknown>): Promise<CliError> => {
  const error = await work.then(
    () => assert.fail('accepted'),
    (e) => asCliError(e),
  )
  assert.ok(error instanceof CliError)
  return error
}

test('a checkpoint comes back as it was written, and any flipped or lost byte of it is found', async () => {
  const path = join(directory, 'checkpoint')
  await writeCheckpoint(path, program(8), checkpointOf(8))
  assert.deepEqual((await readCheckpoint(path, program(8), 4)).checkpoint, checkpointOf(8))
  const bytes = await readFile(path)
  const damaged = join(directory, 'damaged')
  for (let i = 0; i < bytes.length; i += 3) {
    await writeFile(damaged, bytes.with(i, bytes[i]! ^ 0x11))
    const error = await refusal(readCheckpoint(damaged, program(8), 4))
    assert.equal(error.exit, 2)
    await writeFile(damaged, bytes.subarray(0, i))
    assert.match((await refusal(readCheckpoint(damaged, program(8), 4))).remedy, /train RUN/)
  }
})

test('a checkpoint of another shape, dtype or step is named with what was expected', async () => {
  const path = join(directory, 'other')
  await writeCheckpoint(path, program(8), checkpointOf(8))
  const shape = await refusal(readCheckpoint(path, program(9), 4))
  assert.deepEqual([shape.code, shape.value, shape.limit], ['wrong-shape', 'f32 [8]', 'f32 [9]'])
  const words = traceProgram({ state: { w: { dtype: 'u32', shape: [8] } } }, ({ w }) => ({
    outputs: { first: map([w], (x) => x) },
  }))
  const dtype = await refusal(readCheckpoint(path, words, 4))
  assert.deepEqual([dtype.code, dtype.value, dtype.limit], ['wrong-dtype', 'f32 [8]', 'u32 [8]'])
  assert.match((await refusal(readCheckpoint(path, program(8), 5))).field, /^step of/)
})

test('a full disk stops a write with what was there still there, and leaves nothing behind', async (t) => {
  if (process.platform !== 'linux') return t.skip('needs /dev/full')
  const path = join(directory, 'kept')
  await writeAtomic(path, 'before')
  await symlink('/dev/full', `${path}.partial`)
  const error = await refusal(writeAtomic(path, 'after'))
  assert.deepEqual([error.code, error.exit, error.field], ['ENOSPC', 3, path])
  assert.match(error.remedy, /goes on from the last checkpoint/)
  assert.equal(await readFile(path, 'utf8'), 'before')
  assert.ok(!(await readdir(directory)).includes('kept.partial'))
})

const task = {
  program: toHex(new Uint8Array(32).fill(1)),
  initialItem: toHex(new Uint8Array(32).fill(2)),
  inputsRoot: toHex(new Uint8Array(32).fill(3)),
  steps: 9,
  segmentLength: 4,
}
const claim = { checkpoints: [4, 5, 6].map((byte) => new Uint8Array(32).fill(byte)) }

test('a claim comes back as it was written; another root or number of checkpoints is refused', () => {
  const text = encodeClaim(task, claim)
  const encode = (s: string) => new TextEncoder().encode(s)
  const file = decodeClaim(encode(text))
  assert.deepEqual(file.task, task)
  assert.equal(file.root, toHex(claimRoot(claim)))
  assert.throws(() => decodeClaim(encode(text.replace(/"0x0404/, '"0x0405'))), /root of claim/)
  assert.throws(
    () => decodeClaim(encode(text.replace('"steps": 9', '"steps": 99'))),
    /checkpoints of claim is 3/,
  )
  assert.throws(() => decodeClaim(encode(text.replace('"steps"', '"stepz"'))), CliError)
})

test('no bytes make the decoder of claims do anything but accept or refuse', () => {
  const valid = new TextEncoder().encode(encodeClaim(task, claim))
  const mutated = fc
    .tuple(fc.nat(valid.length - 1), fc.nat(8), fc.uint8Array({ maxLength: 8 }))
    .map(([at, drop, insert]) =>
      Uint8Array.from([...valid.subarray(0, at), ...insert, ...valid.subarray(at + drop)]),
    )
  fc.assert(
    fc.property(fc.oneof(mutated, fc.uint8Array({ maxLength: 100 })), (bytes) => {
      try {
        decodeClaim(bytes)
      } catch (error) {
        assert.ok(error instanceof CliError, String(error))
      }
    }),
    { numRuns: 500 },
  )
})

test('a lock is held against a living process and taken over from a dead one', async () => {
  const path = join(directory, 'lock')
  await writeFile(path, '1')
  assert.equal((await refusal(withLock(path, async () => {}))).code, 'run-locked')
  await writeFile(path, String(2 ** 30))
  assert.equal(await withLock(path, async () => 5), 5)
  assert.ok(!(await readdir(directory)).includes('lock'))
})

test('metrics that were torn, repeated or written by a stranger are tidied', async () => {
  const path = join(directory, 'metrics.jsonl')
  await writeFile(
    path,
    '{"step":1,"loss":2,"norm":1}\n{"step":0,"loss":3,"norm":1}\n{"step":1,"loss":1.5,"norm":1}\nhello\n{"step":0,"heldOut":5}\n{"step":2,"lo',
  )
  await tidyMetrics(path)
  assert.deepEqual(await readMetrics(path), [
    { step: 0, loss: 3, norm: 1 },
    { step: 0, heldOut: 5 },
    { step: 1, loss: 1.5, norm: 1 },
  ])
})
