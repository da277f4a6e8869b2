import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  randomContraction,
  randomNetwork,
  randomProgram,
  runScalarConformance,
  scalarExecutorOver,
} from '@lockstep/tensor'
import { executorOver } from '../../src/cuda/device-executor.ts'
import { generate } from '../../src/cuda/program.ts'
import { assemble, NO_PTXAS, ptxas } from './assembler.ts'
import { interpretedDevice } from './interpreted-device.ts'

const path = ptxas()

for (const target of ['sm_75', 'sm_80', 'sm_90'] as const)
  test(`what this package writes assembles for ${target}`, { skip: path ? false : NO_PTXAS }, async () => {
    const device = interpretedDevice(1 << 20, target)
    await runScalarConformance(scalarExecutorOver(executorOver(device)), { seed: 1, cases: 4 })
    const texts = device.texts
    for (let seed = 1; seed <= 3; seed++)
      for (const make of [randomProgram, randomContraction])
        texts.push(generate(make(seed).program, 'step', target).text)
    texts.push(generate(randomNetwork(1).program, 'step', target).text)
    // One module: what follows the header, with entries named apart.
    const header = texts[0]!.slice(0, texts[0]!.indexOf('.visible'))
    const all = texts.map((t, i) => t.slice(header.length).replaceAll('.entry ', `.entry m${i}_`)).join('\n')
    assert.match(assemble(path!, header + all, target), /registers/)
  })
