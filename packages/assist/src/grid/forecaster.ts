import { advisedPrograms, f32Tensor, f32Values, wordTensor } from '@lockstep/models'
import type { Executor, Tensor } from '@lockstep/tensor'
import type { Ask, Suggestion } from '../assistant/suggester.ts'
import { gridSymbols } from '../environment/grid.ts'
import type { ShapesMemory, ShapesView } from '../memory/shapes.ts'
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

/** The memory alone, with the natural logarithms of its chances: the greedy prior of goals. */
export const memoryForecaster = (log: (p: number) => number): GridForecaster => ({
  forecast: (context, ask, memory) =>
    greedily(context, ask, memory, async ({ p }) => Float32Array.from(p, (chance) => log(chance))),
  load() {},
  close() {},
})

/** The network and its memory, as `advisedPrograms` joins them. What was read stays in its caches while a game goes on. */
export const networkForecaster = async (
  executor: Executor,
  parameters: readonly Tensor[],
): Promise<GridForecaster> => {
  const { vocab, context: capacity } = GRID_MODEL.config
  const program = advisedPrograms(GRID_MODEL, GRID_ADVICE).next()
  const silent: ShapesView = {
    p: new Float32Array(vocab).fill(1),
    features: new Float32Array(GRID_ADVICE.features),
  }
  let weights = parameters
  const inputs = (token: number, place: number, { p, features }: ShapesView): Tensor[] => [
    ...weights,
    wordTensor(token),
    wordTensor(place),
    f32Tensor([1, vocab], Float32Array.from(p)),
    f32Tensor([1, GRID_ADVICE.features], Float32Array.from(features)),
  ]
  const runner = await executor.compile(program, inputs(0, 0, silent))
  runner.load(
    program.state.map(({ dtype, shape }) => ({
      ...{ dtype, shape },
      data: new Uint8Array(4 * shape.reduce((a, b) => a * b, 1)),
    })),
  )
  /** What stands in the caches. */
  let read: number[] = []
  const next = async (context: Uint16Array, view: ShapesView): Promise<Float32Array> => {
    let same = 0
    while (same < read.length && same < context.length - 1 && read[same] === context[same]) same++
    read = read.slice(0, same)
    for (let place = same; place < context.length; place++) {
      runner.give(inputs(context[place]!, place, place === context.length - 1 ? view : silent))
      await runner.step()
      read.push(context[place]!)
    }
    return f32Values(runner.outputs()[0]!)
  }
  return {
    forecast: (context, ask, memory) => {
      // The oldest moves of a game that is longer than the network's context are left out of what it reads.
      const room = Math.max(2, capacity - ask.most)
      const late = Uint16Array.of(...context.subarray(0, 1), ...context.subarray(1 - room))
      const kept = context.length <= room ? context : late
      return greedily(context, ask, memory, (view, found) => next(Uint16Array.of(...kept, ...found), view))
    },
    load(other) {
      weights = other
      read = []
    },
    close: () => runner.close(),
  }
}

const symbols = gridSymbols()

/** Takes the likeliest symbol that the board allows, again and again. */
const greedily = async (
  context: Uint16Array,
  { most, least, isOver = () => false }: Asked,
  memory: ShapesMemory,
  logsOf: (view: ShapesView, found: readonly number[]) => Promise<Float32Array>,
): Promise<Suggestion | undefined> => {
  const found: number[] = []
  const logs: number[] = []
  const matched: number[] = []
  let whole = 0
  while (found.length < most && whole >= least) {
    if (isOver()) return undefined
    const view = memory.distribution(Uint16Array.of(...context, ...found))
    const scores = await logsOf(view, found)
    let best = -1
    for (let symbol = 0; symbol < symbols.begin; symbol++)
      if (view.p[symbol]! > 0 && (best < 0 || scores[symbol]! > scores[best]!)) best = symbol
    if (best < 0) break
    found.push(best)
    logs.push(scores[best]!)
    // How sure the memory is of its likeliest goal stands for the length of what it has met before.
    matched.push(Math.round(SURE * view.features[0]!))
    whole += scores[best]!
  }
  return {
    symbols: Uint16Array.from(found),
    logs: Float32Array.from(logs),
    matched: Uint8Array.from(matched),
  }
}
const SURE = 16
