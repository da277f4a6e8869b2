import { advisedPrograms, f32Tensor, f32Values, wordTensor } from '@lockstep/models'
import type { Executor, Tensor } from '@lockstep/tensor'
import { exponential } from '../offering/exponential.ts'
import { GRID_ADVICE, GRID_MODEL } from './grid-model.ts'

/** What a network says of a game: how likely it holds all symbols so far, and each as the next one. */
export type Read = { readonly chance: number; readonly p: Float64Array }

/** A network that reads games. */
export type GridNetwork = {
  /** Symbols from the game's beginning; the oldest moves of one longer than the network's context are left out. */
  read(context: Uint16Array): Promise<Read>
  /** Other parameters from now on. */
  load(parameters: readonly Tensor[]): void
  close(): void
}

/** The network of these parameters. What was read stays in its caches while a game goes on. One thing at a time. */
export const gridNetwork = async (
  executor: Executor,
  parameters: readonly Tensor[],
): Promise<GridNetwork> => {
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
  let stands: { readonly symbol: number; readonly logs: Float32Array }[] = []
  return {
    async read(whole) {
      const context =
        whole.length <= capacity
          ? whole
          : Uint16Array.of(...whole.subarray(0, 1), ...whole.subarray(1 - capacity))
      let same = 0
      while (same < stands.length && same < context.length && stands[same]!.symbol === context[same]) same++
      stands = stands.slice(0, same)
      for (let place = same; place < context.length; place++) {
        runner.give(inputs(context[place]!, place))
        await runner.step()
        stands.push({ symbol: context[place]!, logs: f32Values(runner.outputs()[0]!) })
      }
      let log = 0
      for (let place = 1; place < context.length; place++) log += stands[place - 1]!.logs[context[place]!]!
      return { chance: exponential(log), p: Float64Array.from(stands.at(-1)!.logs, exponential) }
    },
    load(other) {
      weights = other
      stands = []
    },
    close: () => runner.close(),
  }
}
