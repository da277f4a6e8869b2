import { f32Tensor, f32Values } from '@lockstep/models'
import {
  add,
  type Executor,
  exp,
  type Grid,
  log,
  map,
  matmul,
  type Program,
  type Runner,
  reshape,
  sigmoid,
  slice,
  sum,
  type Tensor,
  traceProgram,
  transpose,
} from '@lockstep/tensor'
import type { Acceptance, OfferFeatures } from './acceptance.ts'

/** Outcomes that are learned from, the newest; and offers that are judged at once. */
export const OUTCOMES = 512
const AT_ONCE = 32
/** Numbers of an offer beside its log-probability: see `columnsOf`. */
const COLUMNS = 11
const STEPS = 100
const RATE = 0.5
const MOMENTUM = 0.9

/**
 * The numbers that the log-odds of an offer depend on linearly, each about 1 in size. `x / (x + half)` levels off.
 */
const columnsOf = (f: OfferFeatures): number[] => [
  1,
  f.mean / 2,
  f.worst / 4,
  f.length / (f.length + 8),
  f.saved / (f.saved + 4),
  f.matched / (f.matched + 4),
  f.pause / (f.pause + 1),
  f.since / (f.since + 10),
  f.recent,
  f.shown,
  f.shown * f.recent,
]

const state = {
  slope: { dtype: 'f32', shape: [1] },
  weights: { dtype: 'f32', shape: [COLUMNS, 1] },
} as const
const velocities = {
  slopeVelocity: { dtype: 'f32', shape: [1] },
  weightsVelocity: { dtype: 'f32', shape: [COLUMNS, 1] },
} as const

const inputs = (rows: number) =>
  ({ logs: { dtype: 'f32', shape: [rows] }, columns: { dtype: 'f32', shape: [rows, COLUMNS] } }) as const

/** The least that is left for the model to be wrong; with it log-odds are at most about 8. */
const MOST_CERTAIN = 3e-4
const MOST_ODDS = 8

/** The log-odds that the model's own probability stands for, at most about 8 either way. */
const odds = (logs: Grid<'f'>): Grid<'f'> =>
  map(
    [logs],
    (l) => {
      const rest = exp(l).neg().add(1).max(MOST_CERTAIN)
      return l.sub(log(rest)).max(-MOST_ODDS)
    },
    { label: 'odds' },
  )

/** odds * (1 + slope / 4) + columns * weights: with slope and weights 0 the model's own word is taken for it. */
const logits = (own: Grid<'f'>, slope: Grid<'f'>, weights: Grid<'f'>, columns: Grid<'f'>): Grid<'f'> =>
  map(
    [own, slope, reshape(matmul(columns, weights), own.shape)],
    (o, s, linear) => o.mul(s.mul(SLOPE).add(1)).add(linear),
    { label: 'logits' },
  )
const SLOPE = 0.25

/** Probabilities of offers. */
export const acceptanceProgram = (): Program =>
  traceProgram({ state, inputs: inputs(AT_ONCE) }, ({ slope, weights }, { logs, columns }) => ({
    outputs: {
      probabilities: map([logits(odds(logs), slope, weights, columns)], (x) => sigmoid(x), {
        label: 'probability',
      }),
    },
  }))

/**
 * A step of gradient descent with momentum, over all outcomes at once, on
 *
 *   mean of -(y log p + (1 - y) log(1 - p)) + (slope^2 + |weights|^2) / (2 n)
 *
 * that is logistic regression with a normal prior around the model's own word. `shares` are 1/n for each of the n
 * outcomes and 0 in the rows behind them.
 */
export const acceptanceTraining = (): Program =>
  traceProgram(
    {
      state: { ...state, ...velocities },
      inputs: {
        ...inputs(OUTCOMES),
        wanted: { dtype: 'f32', shape: [OUTCOMES] },
        shares: { dtype: 'f32', shape: [OUTCOMES] },
      },
    },
    ({ slope, weights, slopeVelocity, weightsVelocity }, { logs, columns, wanted, shares }) => {
      const own = odds(logs)
      const each = map(
        [logits(own, slope, weights, columns), wanted, shares],
        (x, y, share) => sigmoid(x).sub(y).mul(share),
        { label: 'gradient of logits' },
      )
      const ofSlope = reshape(sum(map([each, own], (g, o) => g.mul(o).mul(SLOPE))), [1])
      const ofWeights = matmul(transpose(columns), reshape(each, [OUTCOMES, 1]))
      const share = slice(shares, { axis: 0, from: 0, to: 1 })
      const next = (value: Grid<'f'>, velocity: Grid<'f'>, gradient: Grid<'f'>): Grid<'f'> =>
        map(
          [velocity, gradient, value, share],
          (v, g, w, s) => v.mul(MOMENTUM).sub(g.add(w.mul(s)).mul(RATE)),
          { label: 'velocity' },
        )
      const a = next(slope, slopeVelocity, ofSlope)
      const b = next(weights, weightsVelocity, ofWeights)
      return {
        state: { slope: add(slope, a), weights: add(weights, b), slopeVelocity: a, weightsVelocity: b },
      }
    },
  )

const zeros = (): Tensor[] => [
  f32Tensor([1], new Float32Array(1)),
  f32Tensor([COLUMNS, 1], new Float32Array(COLUMNS)),
]

const rowsOf = (features: readonly OfferFeatures[], rows: number): Tensor[] => {
  const logs = new Float32Array(rows)
  const columns = new Float32Array(rows * COLUMNS)
  for (const [i, one] of features.entries()) {
    logs[i] = one.log
    columns.set(columnsOf(one), i * COLUMNS)
  }
  return [f32Tensor([rows], logs), f32Tensor([rows, COLUMNS], columns)]
}

/**
 * An acceptance whose two programs run on this executor. Learning takes the newest `OUTCOMES` outcomes and always begins
 * at the model's own word, so that what has been forgotten has left no trace.
 */
export const learnedAcceptance = async (executor: Executor): Promise<Acceptance> => {
  const empty = rowsOf([], OUTCOMES)
  const spare = [
    f32Tensor([OUTCOMES], new Float32Array(OUTCOMES)),
    f32Tensor([OUTCOMES], new Float32Array(OUTCOMES)),
  ]
  const judge: Runner = await executor.compile(acceptanceProgram(), rowsOf([], AT_ONCE))
  const trainer: Runner = await executor.compile(acceptanceTraining(), [...empty, ...spare])
  judge.load(zeros())
  let turn: Promise<unknown> = Promise.resolve()
  /** One thing at a time: runners have one state. */
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const result = turn.then(work)
    turn = result.catch(() => undefined)
    return result
  }
  return {
    probabilities: (features) =>
      inTurn(async () => {
        const all = new Float32Array(features.length)
        for (let from = 0; from < features.length; from += AT_ONCE) {
          const some = features.slice(from, from + AT_ONCE)
          judge.give(rowsOf(some, AT_ONCE))
          await judge.step()
          all.set(f32Values(judge.outputs()[0]!).subarray(0, some.length), from)
        }
        return all
      }),
    learn: (outcomes) =>
      inTurn(async () => {
        const newest = outcomes.slice(-OUTCOMES)
        if (newest.length === 0) return judge.load(zeros())
        const wanted = new Float32Array(OUTCOMES)
        for (const [i, outcome] of newest.entries()) wanted[i] = outcome.wanted ? 1 : 0
        const shares = new Float32Array(OUTCOMES).fill(1 / newest.length, 0, newest.length)
        const features = newest.map((outcome) => outcome.features)
        trainer.give([
          ...rowsOf(features, OUTCOMES),
          f32Tensor([OUTCOMES], wanted),
          f32Tensor([OUTCOMES], shares),
        ])
        trainer.load([...zeros(), ...zeros()])
        await trainer.step(STEPS)
        judge.load(trainer.state().slice(0, 2))
      }),
    close: async () => {
      await turn
      judge.close()
      trainer.close()
    },
  }
}
