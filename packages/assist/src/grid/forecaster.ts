import { advisedPrograms, f32Tensor, f32Values, wordTensor } from '@lockstep/models'
import type { Executor, Tensor } from '@lockstep/tensor'
import type { Ask, Suggestion } from '../assistant/suggester.ts'
import { gridSymbols } from '../environment/grid.ts'
import type { Explained, ShapesMemory } from '../memory/shapes.ts'
import { naturalLog } from '../offering/natural-log.ts'
import { GRID_ADVICE, GRID_MODEL } from './grid-model.ts'

/** Says how a game goes on. One thing at a time. */
export type GridForecaster = {
  /** The likeliest next symbols of a game, one after another; undefined where nobody waits for them any more. */
  forecast(context: Uint16Array, ask: Asked, memory: ShapesMemory): Promise<Suggestion | undefined>
  /** Other parameters from now on. */
  load(parameters: readonly Tensor[]): void
  close(): void
}
export type Asked = Ask & { readonly isOver?: () => boolean }

/** The memory alone: the greedy prior of goals. */
export const memoryForecaster: GridForecaster = {
  forecast: (context, ask, memory) => greedily(context, ask, memory, async () => undefined),
  load() {},
  close() {},
}

/**
 * The network and the memory, each to the part in which it explains the game so far: goals that the memory knows foresee what
 * it foresees, and where the goal is none of them the network does. What was read stays in its caches while a game goes on.
 */
export const networkForecaster = async (
  executor: Executor,
  parameters: readonly Tensor[],
): Promise<GridForecaster> => {
  const { vocab, context: capacity } = GRID_MODEL.config
  const program = advisedPrograms(GRID_MODEL, GRID_ADVICE).next()
  // Advice that says nothing: the network speaks alone.
  const advice = [
    f32Tensor([1, vocab], new Float32Array(vocab).fill(1)),
    f32Tensor([1, GRID_ADVICE.features], new Float32Array(GRID_ADVICE.features)),
  ]
  let weights = parameters
  const inputs = (token: number, place: number): Tensor[] => [
    ...weights,
    wordTensor(token),
    wordTensor(place),
    ...advice,
  ]
  const runner = await executor.compile(program, inputs(0, 0))
  runner.load(
    program.state.map(({ dtype, shape }) => ({
      ...{ dtype, shape },
      data: new Uint8Array(4 * shape.reduce((a, b) => a * b, 1)),
    })),
  )
  /** What stands in the caches, and what the network said after each symbol. */
  let read: { readonly symbol: number; readonly logs: Float32Array }[] = []
  const explain = async (context: Uint16Array): Promise<Explained> => {
    let same = 0
    while (same < read.length && same < context.length && read[same]!.symbol === context[same]) same++
    read = read.slice(0, same)
    for (let place = same; place < context.length; place++) {
      runner.give(inputs(context[place]!, place))
      await runner.step()
      read.push({ symbol: context[place]!, logs: f32Values(runner.outputs()[0]!) })
    }
    let whole = 0
    for (let place = 1; place < context.length; place++) whole += read[place - 1]!.logs[context[place]!]!
    return { chance: NETWORK * exponential(whole), p: read.at(-1)!.logs.map(exponential) }
  }
  return {
    forecast: (context, ask, memory) => {
      // The oldest moves of a game that is longer than the network's context are left out of what it reads.
      const room = Math.max(2, capacity - ask.most)
      const late = Uint16Array.of(...context.subarray(0, 1), ...context.subarray(1 - room))
      const kept = context.length <= room ? context : late
      return greedily(context, ask, memory, (found) => explain(Uint16Array.of(...kept, ...found)))
    },
    load(other) {
      weights = other
      read = []
    },
    close: () => runner.close(),
  }
}
/** How likely an unknown goal is before the first move; a goal that was just finished weighs 1. */
const NETWORK = 4

/** e^x, x at most about 0, by squaring (1 + x / 2^20) twenty times: exact enough, and the same bits everywhere. */
const exponential = (x: number): number => {
  let power = 1 + Math.max(-700, x) / 2 ** 20
  for (let n = 0; n < 20; n++) power *= power
  return power
}

const symbols = gridSymbols()

/** Takes the likeliest symbol that the board allows, again and again. */
const greedily = async (
  context: Uint16Array,
  { most, least, isOver = () => false }: Asked,
  memory: ShapesMemory,
  explain: (found: readonly number[]) => Promise<Explained | undefined>,
): Promise<Suggestion | undefined> => {
  const found: number[] = []
  const logs: number[] = []
  const matched: number[] = []
  let whole = 0
  while (found.length < most && whole >= least) {
    if (isOver()) return undefined
    const { p, features } = memory.distribution(Uint16Array.of(...context, ...found), await explain(found))
    let best = -1
    for (let symbol = 0; symbol < symbols.begin; symbol++)
      if (p[symbol]! > 0 && (best < 0 || p[symbol]! > p[best]!)) best = symbol
    if (best < 0) break
    found.push(best)
    const log = naturalLog(p[best]!)
    logs.push(log)
    // How sure the memory is of its likeliest goal stands for the length of what it has met before.
    matched.push(Math.round(SURE * features[0]!))
    whole += log
  }
  return {
    symbols: Uint16Array.from(found),
    logs: Float32Array.from(logs),
    matched: Uint8Array.from(matched),
  }
}
const SURE = 16
