import {
  DEFAULT_TRAIN,
  f32Tensor,
  f32Values,
  type Preference,
  type TrainConfig,
  wordTensor,
} from '@lockstep/models'
import { commitProgram, digestOf, rootOf, tensorsTree, toHex } from '@lockstep/proof'
import type { Executor, Program, Tensor } from '@lockstep/tensor'
import type { Episode } from '../episode/episode.ts'
import { type Comparison, comparisonsOf, passagesOf } from '../episode/passages.ts'
import type { Memory } from '../memory/memory.ts'
import { type AssistModel, programsOf } from '../model/assist-model.ts'
import type { Receipt } from '../versions/receipt.ts'
import { chosenRows, type Row, type RowShape, rowCount, rowOf, rowsOf, tensorsOf } from './rows.ts'

/** The sizes of an update: they are part of its program. */
export const UPDATE = {
  length: 96, // symbols of a row
  rows: 64,
  batch: 8, // rows a step
  pairs: 8, // offers that were not wanted beside what was done instead
  pairBatch: 1, // pairs a step
  logsBatch: 16, // rows at once where nothing is learned
} as const

/** How sharply and how much preferences count; see docs/assist-model.md. */
const PREFERENCE: Preference = {
  pairs: UPDATE.pairs,
  batch: UPDATE.pairBatch,
  sharpness: 1,
  weight: 0.2,
}

export const shapeOf = ({ network, features }: AssistModel): RowShape => ({
  length: UPDATE.length,
  symbols: network.config.vocab,
  features,
})

/** A person's own updates: a constant rate, no decay; the moments begin anew each time. */
export const trainOf = ({ rate }: AssistModel): TrainConfig => ({
  ...DEFAULT_TRAIN,
  ...{ batch: UPDATE.batch, steps: 2 ** 20, warmup: 4, rate, decay: 0 },
  schedule: { kind: 'constant' },
})

/** The program of an update, with pairs where there are some. */
export const updateProgram = (model: AssistModel, isPaired: boolean): Program => {
  const rows = { rows: UPDATE.rows, length: UPDATE.length, dtype: 'u32' } as const
  return programsOf(model).train(trainOf(model), rows, isPaired ? PREFERENCE : undefined)
}

/** The state that an update begins with: the parameters, moments of 0, step and seed 0. */
export const firstState = (program: Program, parameters: readonly Tensor[]): Tensor[] =>
  program.state.map(({ dtype, shape }, i): Tensor => {
    if (i < parameters.length) return parameters[i]!
    return { dtype, shape, data: new Uint8Array(4 * shape.reduce((a, b) => a * b, 1)) }
  })

/** Waited for where there is time for other things. What it throws ends the work. */
export type Pause = () => Promise<void>
const noPause: Pause = async () => undefined

/**
 * Inputs of an update from episodes, oldest first; `fresh` is an empty memory. Undefined where nothing was done in them.
 * `pause` comes after each episode.
 */
export const updateInputs = async (
  executor: Executor,
  model: AssistModel,
  parameters: readonly Tensor[],
  episodes: readonly Episode[],
  seed: number,
  fresh: Memory,
  pause: Pause = noPause,
): Promise<{ readonly inputs: Tensor[]; readonly isPaired: boolean } | undefined> => {
  const shape = shapeOf(model)
  const passages = episodes.map(passagesOf)
  const counts = passages.map((some) => rowCount(some, shape))
  const all = counts.reduce((sum, count) => sum + count, 0)
  if (all === 0) return undefined
  const chosen = chosenRows(all, UPDATE.rows, seed)
  const wanted = new Set(chosen)
  const rows = new Map<number, Row>()
  const pairs: Row[] = []
  let first = 0
  for (const [i, episode] of episodes.entries()) {
    // Offers of an episode are looked at with the memory that there was before it: a little older than it was when they were made.
    for (const comparison of comparisonsOf(episode).slice(-UPDATE.pairs))
      pairs.push(...pairOf(comparison, fresh, shape))
    const numbers = Array.from({ length: counts[i]! }, (_, row) => first + row).filter((row) =>
      wanted.has(row),
    )
    const made = rowsOf(passages[i]!, fresh, shape, (row) => wanted.has(first + row))
    for (const number of numbers) rows.set(number, made.next().value!)
    // The memory takes in what is behind the last row that is wanted, too.
    made.next()
    first += counts[i]!
    await pause()
  }
  const taken = chosen.map((row) => rows.get(row)!)
  const inputs = tensorsOf(taken, UPDATE.rows, shape)
  if (pairs.length === 0) return { inputs, isPaired: false }
  const newest = pairs.slice(-2 * UPDATE.pairs)
  const compared = Array.from({ length: 2 * UPDATE.pairs }, (_, i) => newest[i % newest.length]!)
  const before = await meanLogs(executor, model, parameters, compared)
  return {
    inputs: [...inputs, ...tensorsOf(compared, compared.length, shape), f32Tensor([compared.length], before)],
    isPaired: true,
  }
}

/** What was done, before what was offered and was not wanted. Nothing where they begin alike to the end, or it was wanted. */
const pairOf = (
  { context, offered, did, wanted }: Comparison,
  memory: Memory,
  shape: RowShape,
): readonly [Row, Row] | readonly [] => {
  if (wanted || did.length === 0 || context.length === 0) return []
  const length = Math.min(offered.length, did.length)
  const [instead, refused] = [did.subarray(0, length), offered.subarray(0, length)]
  if (instead.every((symbol, i) => symbol === refused[i])) return []
  const before = context.subarray(Math.max(0, context.length - shape.length / 2))
  const most = Math.floor(shape.length / 2)
  return [
    rowOf(before, instead.subarray(0, most), memory, shape),
    rowOf(before, refused.subarray(0, most), memory, shape),
  ]
}

/** Sums of nats and symbols of rows, each row by itself. `pause` comes after each `logsBatch` of them. */
export const rowLogs = async (
  executor: Executor,
  model: AssistModel,
  parameters: readonly Tensor[],
  rows: readonly Row[],
  pause: Pause = noPause,
): Promise<{ readonly log: number; readonly symbols: number }[]> => {
  const shape = shapeOf(model)
  const { logsBatch: batch, length } = UPDATE
  const program = programsOf(model).logs(batch, { rows: batch, length, dtype: 'u32' })
  const found: { log: number; symbols: number }[] = []
  const inputsOf = (some: readonly Row[]): Tensor[] => {
    const [tokens, , , advice, features] = tensorsOf(some, batch, shape)
    return [...parameters, tokens!, advice!, features!]
  }
  const runner = await executor.compile(program, inputsOf(rows.slice(0, batch)))
  runner.load([wordTensor(0)])
  try {
    for (let at = 0; at < rows.length; at += batch) {
      const some = rows.slice(at, at + batch)
      if (at > 0) runner.give(inputsOf(some))
      await runner.step()
      const logs = f32Values(runner.outputs()[0]!)
      for (const [r, { from, tokens }] of some.entries()) {
        let log = 0
        for (let place = from; place < tokens.length; place++) log += logs[r * (length - 1) + place - 1]!
        found.push({ log, symbols: tokens.length - from })
      }
      await pause()
    }
  } finally {
    runner.close()
  }
  return found
}

const meanLogs = async (
  executor: Executor,
  model: AssistModel,
  parameters: readonly Tensor[],
  rows: readonly Row[],
): Promise<Float32Array<ArrayBuffer>> =>
  Float32Array.from(
    await rowLogs(executor, model, parameters, rows),
    ({ log, symbols }) => log / Math.max(1, symbols),
  )

/** Nats to bits. */
const BITS: number = 1 / Math.LN2

/** The most rows, the newest, that a version is measured on. */
const EXAM = 64

/**
 * Mean bits a symbol of what was done in `on`, its newest rows where there are many, with a memory of `after` and of what came
 * before each place. 0 where nothing was done.
 */
export const bitsOf = async (
  executor: Executor,
  model: AssistModel,
  parameters: readonly Tensor[],
  after: readonly Episode[],
  on: readonly Episode[],
  fresh: Memory,
): Promise<number> => bitsOfRows(executor, model, parameters, await examOf(model, after, on, fresh))

/** The rows that `bitsOf` measures on. `pause` comes after each episode and each row. */
export const examOf = async (
  model: AssistModel,
  after: readonly Episode[],
  on: readonly Episode[],
  fresh: Memory,
  pause: Pause = noPause,
): Promise<Row[]> => {
  for (const episode of after) {
    for (const { context, symbols, at } of passagesOf(episode)) fresh.learn(context, symbols, at)
    await pause()
  }
  const passages = on.flatMap(passagesOf)
  const from = rowCount(passages, shapeOf(model)) - EXAM
  const rows: Row[] = []
  for (const row of rowsOf(passages, fresh, shapeOf(model), (row) => row >= from)) {
    rows.push(row)
    await pause()
  }
  return rows
}

export const bitsOfRows = async (
  executor: Executor,
  model: AssistModel,
  parameters: readonly Tensor[],
  rows: readonly Row[],
  pause: Pause = noPause,
): Promise<number> => {
  if (rows.length === 0) return 0
  const logs = await rowLogs(executor, model, parameters, rows, pause)
  const total = logs.reduce((sum, { log }) => sum + log, 0)
  const symbols = logs.reduce((sum, one) => sum + one.symbols, 0)
  return (-total * BITS) / symbols
}

/** What a training came to. */
export type Update = { readonly parameters: readonly Tensor[]; readonly receipt: Receipt }

/** Trains for some steps. `between` is called after each; false ends it, and nothing has come of it. */
export const update = async (
  executor: Executor,
  model: AssistModel,
  parameters: readonly Tensor[],
  given: { readonly inputs: readonly Tensor[]; readonly isPaired: boolean },
  steps: number,
  episodes: readonly string[],
  between: () => Promise<boolean> = async () => true,
): Promise<Update | undefined> => {
  const program = updateProgram(model, given.isPaired)
  const before = firstState(program, parameters)
  const runner = await executor.compile(program, given.inputs)
  try {
    runner.load(before)
    for (let step = 0; step < steps; step++) {
      await runner.step()
      if (!(await between())) return undefined
    }
    const after = runner.state()
    const receipt: Receipt = {
      ...{ program: toHex(commitProgram(program).id), steps, episodes },
      inputs: given.inputs.map((tensor) => toHex(digestOf(tensor))),
      ...{ before: stateRoot(before), after: stateRoot(after) },
    }
    return { parameters: after.slice(0, parameters.length), receipt }
  } finally {
    runner.close()
  }
}

const stateRoot = (state: readonly Tensor[]): Receipt['before'] => toHex(rootOf(tensorsTree(state)))

/**
 * Runs an update again from the parameters before it and its episodes. The names of the fields of the receipt that come
 * out otherwise; none where it is true.
 */
export const checkUpdate = async (
  executor: Executor,
  model: AssistModel,
  parameters: readonly Tensor[],
  receipt: Receipt,
  episodes: readonly Episode[],
  seed: number,
  fresh: Memory,
): Promise<readonly (keyof Receipt)[]> => {
  const given = await updateInputs(executor, model, parameters, episodes, seed, fresh)
  if (!given) return ['inputs']
  const ids = episodes.map(({ id }) => id)
  const again = (await update(executor, model, parameters, given, receipt.steps, ids))!.receipt
  const fields = Object.keys(again) as (keyof Receipt)[]
  return fields.filter((field) => JSON.stringify(again[field]) !== JSON.stringify(receipt[field]))
}
