import {
  advisedPrograms,
  DEFAULT_TRAIN,
  decodeTensors,
  encodeTensors,
  f32Tensor,
  f32Values,
  type TrainConfig,
  u32Tensor,
  wordTensor,
} from '@lockstep/models'
import { commitProgram, digestOf, rootOf, tensorsTree, toHex } from '@lockstep/proof'
import { type Executor, type NamedType, type Tensor, unwrap } from '@lockstep/tensor'
import type { Exam, Learned, Lessons, Passage, Suggester } from '../assistant/suggester.ts'
import type { Episode } from '../episode/episode.ts'
import { PASSAGE_CONTEXT, passagesOf } from '../episode/passages.ts'
import { type GridForecaster, goalsForecaster } from './forecaster.ts'
import { gamesOf } from './games.ts'
import { decodeGridBase } from './grid-base.ts'
import { GRID_ADVICE, GRID_MODEL, GRID_ROW } from './grid-model.ts'
import { gridNetwork } from './network.ts'

/** The newest games that an update learns from; and those that it is measured on. */
const ROWS = 64
/** How one's own games are learned: gently, since they are few. */
const OWN: TrainConfig = { ...DEFAULT_TRAIN, batch: 8, warmup: 4, rate: 3e-4, decay: 0 }

type GameTable = {
  readonly tokens: Uint32Array<ArrayBuffer> // (ROWS, GRID_ROW)
  readonly from: Uint32Array<ArrayBuffer> // (ROWS)
  readonly until: Uint32Array<ArrayBuffer> // (ROWS)
}

/** What may be left out of the assistant of the game, to see what it is worth. */
export type GridParts = {
  /** Foresees games in place of network and memory: `goalsForecaster()` is the memory alone. */
  readonly forecaster?: GridForecaster
  /** Whether the person's games are remembered. */
  readonly remembers?: boolean
  /** Whether the network learns from them. */
  readonly trains?: boolean
}

/** The model of the building game from its base, as an assistant takes it. */
export const openGridModel = async (
  executor: Executor,
  base: Uint8Array,
  { remembers = true, trains = true, forecaster: given }: GridParts = {},
): Promise<Suggester> => {
  const programs = advisedPrograms(GRID_MODEL, GRID_ADVICE)
  const { vocab, context } = GRID_MODEL.config
  const types: NamedType[] = programs.parameters.map(({ name, shape }) => ({ name, shape, dtype: 'f32' }))
  let parameters = decodeGridBase(base)
  const network = given ? undefined : await gridNetwork(executor, parameters)
  const forecaster = given ?? goalsForecaster(network)
  let passages: Passage[] = []
  /** Passages of the game under way, which is no shape yet. */
  let open: Passage[] = []
  let finished = 0
  const finish = (): void => {
    for (const { symbols } of gamesOf(open)) forecaster.learn(symbols, finished++)
    open = []
  }
  const remember = (passage: Passage): void => {
    if (open.length > 0 && gamesOf([...open, passage]).length !== 1) finish()
    open.push(passage)
  }
  const isSame = (a: Passage, b: Passage): boolean =>
    a.at === b.at && `${a.symbols}` === `${b.symbols}` && `${a.context}` === `${b.context}`

  let asked = 0
  let turn: Promise<unknown> = Promise.resolve()
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const result = turn.then(work)
    turn = result.catch(() => undefined)
    return result
  }

  /** Rows of games, the newest where there are more, padded with rows that count for nothing. */
  const tableOf = (games: readonly Uint16Array[]): GameTable => {
    const table = {
      tokens: new Uint32Array(ROWS * GRID_ROW),
      from: new Uint32Array(ROWS).fill(1),
      until: new Uint32Array(ROWS),
    }
    for (const [row, symbols] of games.slice(-ROWS).entries()) {
      const read = symbols.subarray(0, GRID_ROW)
      table.tokens.set(read, row * GRID_ROW)
      table.until[row] = read.length
    }
    return table
  }
  const shape = { rows: ROWS, length: GRID_ROW, dtype: 'u32' } as const
  // The network learns by itself, from advice that says nothing: it is for goals that the memory does not know.
  const advice = [
    f32Tensor([ROWS, GRID_ROW - 1, vocab], new Float32Array(ROWS * (GRID_ROW - 1) * vocab).fill(1)),
    f32Tensor(
      [ROWS, GRID_ROW - 1, GRID_ADVICE.features],
      new Float32Array(ROWS * (GRID_ROW - 1) * GRID_ADVICE.features),
    ),
  ]
  /** Bits of all symbols in a table but the beginnings, and how many there are. */
  const bitsIn = async (
    of: readonly Tensor[],
    table: GameTable,
  ): Promise<{ bits: number; count: number }> => {
    const program = programs.logs(ROWS, shape)
    const tokens = u32Tensor([ROWS, GRID_ROW], table.tokens)
    const runner = await executor.compile(program, [...of, tokens, ...advice])
    try {
      runner.load([wordTensor(0)])
      await runner.step()
      const logs = f32Values(runner.outputs()[0]!)
      let [nats, count] = [0, 0]
      for (const [row, until] of table.until.entries())
        for (let place = 1; place < until; place++) {
          nats -= logs[row * (GRID_ROW - 1) + place - 1]!
          count++
        }
      return { bits: nats * BITS, count }
    } finally {
      runner.close()
    }
  }
  const meanBits = async (of: readonly Tensor[], table: GameTable): Promise<number> => {
    const { bits, count } = await bitsIn(of, table)
    return count === 0 ? 0 : bits / count
  }

  const update = async ({ episodes, heldOut, steps, between }: Lessons): Promise<Learned | undefined> => {
    if (!trains || steps < 1) return undefined
    const [games, later] = [gamesIn(episodes), gamesIn(heldOut)]
    const table = tableOf(games)
    const program = programs.train({ ...OWN, steps, warmup: Math.min(OWN.warmup, steps) }, shape)
    const id = toHex(commitProgram(program).id)
    const inputs = [
      u32Tensor([ROWS, GRID_ROW], table.tokens),
      u32Tensor([ROWS], table.from),
      u32Tensor([ROWS], table.until),
      ...advice,
    ]
    const before = program.state.map(
      ({ dtype, shape }, i): Tensor =>
        parameters[i] ?? { dtype, shape, data: new Uint8Array(4 * shape.reduce((a, b) => a * b, 1)) },
    )
    const runner = await executor.compile(program, inputs)
    try {
      runner.load(before)
      for (let step = 0; step < steps; step++) {
        await runner.step()
        if (between && !(await between())) return undefined
      }
      const after = runner.state()
      const learned = after.slice(0, types.length)
      const exam = tableOf(later)
      return {
        state: encodeTensors(types, learned),
        receipt: {
          ...{ program: id, steps, inputs: inputs.map((tensor) => toHex(digestOf(tensor))) },
          before: toHex(rootOf(tensorsTree(before))),
          after: toHex(rootOf(tensorsTree(after))),
          episodes: episodes.map((episode) => episode.id),
        },
        heldOut: { before: await meanBits(parameters, exam), after: await meanBits(learned, exam) },
      }
    } finally {
      runner.close()
    }
  }

  return {
    symbols: vocab,
    context: Math.min(128, PASSAGE_CONTEXT, 2 * context),
    suggest: (seen, ask) => {
      const mine = ++asked
      const isOver = (): boolean => mine !== asked
      return inTurn(() => forecaster.forecast(seen, { ...ask, isOver }))
    },
    cancel: () => void asked++,
    remember: async (passage) => {
      if (!remembers) return
      passages.push(passage)
      remember(passage)
    },
    forget: async (passage) => {
      const at = passages.findLastIndex((one) => isSame(one, passage))
      if (at < 0) return
      passages = passages.toSpliced(at, 1)
      forecaster.forget()
      open = []
      finished = 0
      for (const one of passages) remember(one)
    },
    learn: (lessons) => inTurn(() => update(lessons)),
    evaluate: ({ on }: Exam) => inTurn(() => meanBits(parameters, tableOf(gamesIn(on)))),
    state: async () => encodeTensors(types, parameters),
    load: (state) =>
      inTurn(async () => {
        parameters = unwrap(decodeTensors(state, types))
        network?.load(parameters)
      }),
    close: async () => {
      asked++
      await turn
      network?.close()
    },
  }
}

/** Bits of a nat. */
const BITS = Math.LOG2E

const gamesIn = (episodes: readonly Episode[]): Uint16Array[] =>
  gamesOf(episodes.flatMap((episode) => passagesOf(episode))).map(({ symbols }) => symbols)
