import { decodeTensors, encodeTensors } from '@lockstep/models'
import { type Executor, type Tensor, unwrap } from '@lockstep/tensor'
import type { Learned, Suggester, Suggestion } from '../assistant/suggester.ts'
import { joined } from '../learning/rows.ts'
import { bitsOf, bitsOfRows, examOf, update, updateInputs } from '../learning/update.ts'
import type { Memory } from '../memory/memory.ts'
import { type AssistModel, programsOf } from './assist-model.ts'
import { createReader } from './reader.ts'

export type SuggesterOptions = {
  readonly executor: Executor
  readonly model: AssistModel
  /** Makes an empty memory. */
  readonly memory: () => Memory
  /** The base's parameters, in the order of `programsOf(model).parameters`. */
  readonly parameters: readonly Tensor[]
  /** Lets other things happen between two symbols of a suggestion: messages, above all. */
  readonly breathe?: () => Promise<void>
}

/** Ends a training that is told to stop, wherever it is. */
const STOPPED = Symbol('stopped')

/** A network and its memory as an assistant needs them. It computes where it is called: in a page, that is a worker. */
export const openSuggester = async (options: SuggesterOptions): Promise<Suggester> => {
  const { executor, model, memory: fresh, breathe } = options
  const types = programsOf(model).parameters.map(({ name, shape }) => ({
    ...({ name, dtype: 'f32', shape } as const),
  }))
  let parameters = options.parameters
  const reader = await createReader(executor, model, parameters)
  const memory = fresh()
  let turn = 0
  // A reader reads one text at a time: whoever comes meanwhile waits.
  let busy: Promise<unknown> = Promise.resolve()
  const alone = <T>(work: () => Promise<T>): Promise<T> => {
    const done = busy.then(work)
    busy = done.catch(() => undefined)
    return done
  }
  const evaluate: Suggester['evaluate'] = ({ after, on }) =>
    bitsOf(executor, model, parameters, after, on, fresh())

  return {
    symbols: model.network.config.vocab,
    context: Math.floor(model.network.config.context / 2),
    suggest(context, { most, least }) {
      const mine = ++turn
      return alone(async (): Promise<Suggestion | undefined> => {
        const [symbols, logs, matched]: [number[], number[], number[]] = [[], [], []]
        let whole = 0
        if (context.length === 0)
          return { symbols: new Uint16Array(0), logs: new Float32Array(0), matched: new Uint8Array(0) }
        while (symbols.length < most && whole >= least) {
          if (mine !== turn) return undefined
          const soFar = joined(context, Uint16Array.from(symbols))
          const view = memory.view(soFar)
          const said = await reader.logs(soFar, view)
          let best = 0
          for (let s = 1; s < said.length; s++) if (said[s]! > said[best]!) best = s
          symbols.push(best)
          logs.push(said[best]!)
          matched.push(Math.min(255, view.matched))
          whole += said[best]!
          await breathe?.()
        }
        if (mine !== turn) return undefined
        return {
          symbols: Uint16Array.from(symbols),
          logs: Float32Array.from(logs),
          matched: Uint8Array.from(matched),
        }
      })
    },
    cancel() {
      turn++
    },
    async remember({ context, symbols, at }) {
      memory.learn(context, symbols, at)
    },
    async forget({ context, symbols, at }) {
      memory.forget(context, symbols, at)
    },
    async learn({
      episodes,
      heldOut,
      steps,
      seed,
      between = async () => true,
    }): Promise<Learned | undefined> {
      const from = parameters
      const pause = async (): Promise<void> => {
        if (!(await between())) throw STOPPED
      }
      try {
        const given = await updateInputs(executor, model, from, episodes, seed, fresh(), pause)
        if (!given) return undefined
        const ids = episodes.map(({ id }) => id)
        const done = await update(executor, model, from, given, steps, ids, between)
        if (!done) return undefined
        const exam = await examOf(model, episodes, heldOut, fresh(), pause)
        const measured = (of: readonly Tensor[]): Promise<number> =>
          bitsOfRows(executor, model, of, exam, pause)
        return {
          state: encodeTensors(types, done.parameters),
          receipt: done.receipt,
          heldOut: { before: await measured(from), after: await measured(done.parameters) },
        }
      } catch (error) {
        if (error === STOPPED) return undefined
        throw error
      }
    },
    evaluate,
    state: async () => encodeTensors(types, parameters),
    load: (bytes) =>
      alone(async () => {
        parameters = unwrap(decodeTensors(bytes, types))
        reader.give(parameters)
      }),
    async close() {
      turn++
      await busy
      reader.close()
    },
  }
}
