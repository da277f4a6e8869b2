import { mkdir, mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  byteTokenizer,
  DEFAULT_TRAIN,
  encodeTensors,
  initialState,
  splitCorpus,
  trainProgram,
} from '@lockstep/models'
import { commitProgram, type Task } from '@lockstep/proof'
import { encodeProgram, unwrap, validateProgram } from '@lockstep/tensor'
import type { RunSpec } from '../../src/run/index.ts'

/** A small transformer's training on a made-up text. */
export const smallTask = (steps = 12, segmentLength = 3, width = 16): Task => {
  const config = { vocab: 256, context: 8, width, layers: 1, heads: 2, dropout: 0 }
  const text = new TextEncoder().encode('the quick brown fox jumps over the lazy dog. '.repeat(12))
  const { train } = splitCorpus(text, byteTokenizer, config.context + 1)
  const training = { ...DEFAULT_TRAIN, batch: 2, steps, warmup: 2 }
  const program = trainProgram({ kind: 'gpt', config }, training, { tokens: train.shape[0]!, dtype: 'u8' })
  return {
    committed: commitProgram(unwrap(validateProgram(program))),
    initial: initialState({ kind: 'gpt', config }, 7),
    inputs: [train],
    steps,
    segmentLength,
  }
}

/** The files of a task in a directory of their own, as a spec names them. */
export const specOf = async ({
  committed,
  initial,
  inputs,
  steps,
  segmentLength,
}: Task): Promise<RunSpec> => {
  const home = await mkdtemp(join(tmpdir(), 'lockstep-run-'))
  const { program } = committed
  const file = async (name: string, content: Uint8Array): Promise<string> => {
    await writeFile(join(home, name), content)
    return join(home, name)
  }
  await mkdir(join(home, 'run'))
  return {
    program: await file('program', encodeProgram(program)),
    initial: await file('initial', encodeTensors(program.state, initial)),
    inputs: [{ path: await file('inputs', encodeTensors(program.inputs, inputs)) }],
    steps,
    segmentLength,
    directory: join(home, 'run'),
  }
}
