import { availableParallelism, totalmem } from 'node:os'
import type { TrainingPlan } from '@lockstep/client/plan'
import { initialState, parameterCount, parametersOf, trainProgram } from '@lockstep/models'
import { checkpointCount } from '@lockstep/proof'
import { type Estimate, type Executor, estimateProgram } from '@lockstep/tensor'
import { badInput } from './cli-error.ts'
import { runBytes } from './run/run-directory.ts'

/** What a training will take, known before it starts because programs are static. */
export type Estimates = {
  readonly parameters: number
  readonly steps: number
  readonly checkpoints: number
  /** Scalar instructions, reads included. */
  readonly work: { readonly step: number; readonly total: number }
  /** Bytes in memory at most: state, its copy at a checkpoint, inputs, and every node of one step. */
  readonly memory: number
  /** Bytes on disk. */
  readonly disk: number
}

export const estimatesOf = (plan: TrainingPlan): Estimates => {
  const estimate = estimateProgram(plan.program)
  return {
    parameters: parameterCount(parametersOf(plan.model)),
    steps: plan.steps,
    checkpoints: checkpointCount(plan),
    work: { step: estimate.work, total: estimate.work * plan.steps },
    memory: memoryOf(estimate),
    disk: runBytes(plan),
  }
}

const memoryOf = ({ state, inputs, nodes }: Estimate): number => 2 * state + inputs + nodes

/** Refuses what would not fit before anything runs. */
export const requireMemory = ({ memory }: Estimates, available = totalmem()): void => {
  if (memory <= available) return
  throw badInput(
    'memory-exceeded',
    'memory',
    `${memory} bytes`,
    `at most this machine's ${available} bytes`,
    'Choose a smaller model.width, model.layers, model.context or training.batch.',
  )
}

/** A model small enough to time in a moment, and large enough that its speed says something. */
const PROBE = { vocab: 256, context: 64, width: 128, layers: 1, heads: 4, dropout: 0 }
const PROBE_STEPS = 3

/** Scalar instructions a second that an executor does here, measured on one training step of a small model. */
export const measureSpeed = async (executor: Executor, now: () => number): Promise<number> => {
  const train = { batch: 8, steps: 8, warmup: 1, rate: 1e-3, lastRate: 0.1, clip: 1, decay: 0.1 }
  const adam = { beta1: 0.9, beta2: 0.95, epsilon: 1e-8 }
  const corpus = { tokens: 4096, dtype: 'u8' } as const
  const program = trainProgram({ kind: 'gpt', config: PROBE }, { ...train, ...adam }, corpus)
  const runner = await executor.compile(program, [
    { dtype: 'u8', shape: [corpus.tokens], data: new Uint8Array(corpus.tokens).map((_, i) => i * 7) },
  ])
  try {
    runner.load(initialState({ kind: 'gpt', config: PROBE }, 1))
    await runner.step()
    const start = now()
    await runner.step(PROBE_STEPS)
    return (estimateProgram(program).work * PROBE_STEPS * 1000) / (now() - start)
  } finally {
    runner.close()
  }
}

export const defaultThreads = (): number => availableParallelism()
