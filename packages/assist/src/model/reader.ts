import { f32Tensor, f32Values, u32Tensor, wordTensor } from '@lockstep/models'
import type { Executor, Runner, Tensor } from '@lockstep/tensor'
import type { MemoryView } from '../memory/memory.ts'
import { type AssistModel, programsOf } from './assist-model.ts'

/** Reads a text and says what may follow; what it has read before it does not read again. */
export type Reader = {
  /** Puts other parameters in place; what was read is forgotten. */
  give(parameters: readonly Tensor[]): void
  /**
   * ln of the probability of each symbol after a context of at least one symbol. A context that goes on from an earlier one, or goes
   * back behind it, costs only what is new of it.
   */
  logs(context: Uint16Array, view: MemoryView): Promise<Float32Array>
  close(): void
}

/** Symbols read at once where a text is read anew: so many may follow before that happens again. */
const ANEW = 96
/** So many new symbols are read one by one rather than all anew: about what reading anew costs. */
const ONE_BY_ONE = 12

export const createReader = async (
  executor: Executor,
  model: AssistModel,
  parameters: readonly Tensor[],
): Promise<Reader> => {
  const { vocab, context: capacity } = model.network.config
  const programs = programsOf(model)
  const anew = Math.min(ANEW, capacity)
  let given = parameters
  const unknown: MemoryView = {
    p: new Float32Array(vocab).fill(1 / vocab),
    features: new Float32Array(model.features),
    matched: 0,
  }
  const inputsOfNext = (token: number, place: number, { p, features }: MemoryView): Tensor[] => [
    ...given,
    wordTensor(token),
    wordTensor(place),
    f32Tensor([1, vocab], p as Float32Array<ArrayBuffer>),
    f32Tensor([1, model.features], features as Float32Array<ArrayBuffer>),
  ]
  const inputsOfReading = (tokens: Uint16Array): Tensor[] => {
    const padded = new Uint32Array(anew)
    padded.set(tokens)
    return [...given, u32Tensor([anew], padded)]
  }
  const next: Runner = await executor.compile(programs.next(), inputsOfNext(0, 0, unknown))
  const program = programs.reading(anew)
  const reading: Runner = await executor.compile(program, inputsOfReading(new Uint16Array(1)))
  const empty = program.state.map(({ dtype, shape }): Tensor => {
    return { dtype, shape, data: new Uint8Array(4 * shape.reduce((a, b) => a * b, 1)) }
  })
  next.load(empty)
  /** What the caches hold, from place 0 on. */
  let held: number[] = []

  const readOne = async (token: number, view: MemoryView): Promise<void> => {
    next.give(inputsOfNext(token, held.length, view))
    await next.step()
    held.push(token)
  }
  const readAnew = async (tokens: Uint16Array): Promise<void> => {
    reading.give(inputsOfReading(tokens))
    reading.load(empty)
    await reading.step()
    next.load(reading.state())
    held = [...tokens]
  }

  return {
    give(parameters) {
      given = parameters
      held = []
    },
    async logs(context, view) {
      const { kept, whole } = carriedOn(held, context)
      let left: Uint16Array
      if (kept > 0 && whole <= capacity && whole - kept <= ONE_BY_ONE) {
        held.length = kept
        left = context.subarray(context.length - (whole - kept))
      } else {
        // All but the last symbol, which is read below: what is said after it needs the memory's view.
        const tail = context.subarray(Math.max(0, context.length - anew))
        held = []
        if (tail.length > 1) await readAnew(tail.subarray(0, -1))
        left = tail.subarray(-1)
      }
      for (const symbol of left.subarray(0, -1)) await readOne(symbol, unknown)
      await readOne(left.at(-1)!, view)
      return f32Values(next.outputs()[0]!)
    },
    close() {
      next.close()
      reading.close()
    },
  }
}

/**
 * Where a context goes on from what was read: `kept` places of it stand, at least one symbol of the context is left to read, and
 * `whole` places are needed in all. A window that has slid on begins somewhere within what was read.
 */
export const carriedOn = (
  held: readonly number[],
  context: Uint16Array,
): { readonly kept: number; readonly whole: number } => {
  for (let start = 0; start < held.length; start++) {
    let same = 0
    while (start + same < held.length && same < context.length && held[start + same] === context[same]) same++
    // A window that has slid must agree to the end of what was read, or to its own; else it is another place.
    const fits = same === context.length || start + same === held.length || (start === 0 && same > 0)
    if (fits && same > 0) {
      const kept = start + Math.min(same, context.length - 1)
      if (kept > 0) return { kept, whole: start + context.length }
    }
  }
  return { kept: 0, whole: context.length }
}
