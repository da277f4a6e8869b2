import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import {
  INSTRUCTIONS,
  type Register,
  runScalarConformance,
  type ScalarProgram,
  scalarExecutorOver,
  VECTOR_OPCODES,
} from '@lockstep/tensor'
import { executorOver } from '../../src/cuda/device-executor.ts'
import { interpretedDevice } from './interpreted-device.ts'

const vectors = new URL('../../../../vectors/scalar/', import.meta.url)

test('the PTX of every instruction gives the committed vectors', async () => {
  for (const op of VECTOR_OPCODES) {
    if (op === 'const_f' || op === 'const_u') continue
    const executor = scalarExecutorOver(executorOver(interpretedDevice()))
    const bytes = readFileSync(new URL(`${op}.bin`, vectors))
    const { takes } = INSTRUCTIONS[op]
    const args = [...takes].map((r) => (r === 'x' ? 'u' : r) as Register)
    const program: ScalarProgram = { args, code: [{ op, args: args.map((_, i) => i) }], result: args.length }
    const count = bytes.length / 16
    const word = (i: number, k: number): number => bytes.readUInt32BE(16 * i + 4 * k)
    const batch = Uint32Array.from({ length: count * args.length }, (_, i) =>
      word(Math.floor(i / args.length), i % args.length),
    )
    const results = await executor.run(program, batch, count)
    for (let i = 0; i < count; i++) assert.equal(results[i], word(i, 3), `${op}, record ${i}`)
  }
})

test('the PTX of elementary functions and random scalar programs gives the bits of the reference', async () => {
  const executor = scalarExecutorOver(executorOver(interpretedDevice(1 << 24)))
  const result = await runScalarConformance(executor, { seed: 3, cases: 60 })
  assert.deepEqual(result.mismatches, [])
})
