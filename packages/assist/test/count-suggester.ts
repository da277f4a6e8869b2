import { toHex } from '@lockstep/proof'
import { sha256 } from '@lockstep/tensor'
import { type Episode, type Passage, passagesOf, type Suggester } from '../src/index.ts'

const SYMBOLS = 272
const ORDER = 5

/**
 * A small model that is quick to test with. Its memory counts what followed up to five symbols; what it trains are
 * counts of single symbols, which is all that `evaluate` looks at. It draws on what it is given and nothing else.
 */
export const countSuggester = (
  options: { readonly waits?: () => Promise<void> } = {},
): Suggester & {
  /** All that the memory holds, in one order. */
  dump(): string
} => {
  const memory = new Map<string, Map<number, number>>()
  let weights = new Uint32Array(SYMBOLS)
  let turn = 0

  const change = ({ context, symbols }: Passage, by: number): void => {
    const all = [...context, ...symbols]
    for (let i = context.length; i < all.length; i++)
      for (let order = 1; order <= Math.min(ORDER, i); order++) {
        const key = all.slice(i - order, i).join()
        const counts = memory.get(key) ?? new Map<number, number>()
        const count = (counts.get(all[i]!) ?? 0) + by
        if (count > 0) counts.set(all[i]!, count)
        else counts.delete(all[i]!)
        if (counts.size > 0) memory.set(key, counts)
        else memory.delete(key)
      }
  }
  const next = (context: readonly number[]): { symbol: number; p: number; order: number } | undefined => {
    for (let order = Math.min(ORDER, context.length); order > 0; order--) {
      const counts = memory.get(context.slice(-order).join())
      if (!counts) continue
      const total = [...counts.values()].reduce((a, b) => a + b, 0)
      const [symbol, count] = [...counts].sort((a, b) => b[1] - a[1] || a[0] - b[0])[0]!
      return { symbol, p: count / (total + 0.2), order }
    }
    return undefined
  }
  const bits = (state: Uint32Array, on: readonly Episode[]): number => {
    const total = state.reduce((a, b) => a + b, 0) + SYMBOLS
    const all = on.flatMap((episode) => passagesOf(episode).flatMap(({ symbols }) => [...symbols]))
    return all.reduce((sum, symbol) => sum - Math.log2((state[symbol]! + 1) / total), 0) / all.length
  }
  const bytesOf = (state: Uint32Array): Uint8Array => new Uint8Array(state.slice().buffer)
  const rootOf = (bytes: Uint8Array) => toHex(sha256(bytes))

  return {
    symbols: SYMBOLS,
    context: 64,
    suggest: async (context, { most, least }) => {
      const mine = ++turn
      await options.waits?.()
      if (mine !== turn) return undefined
      const seen = [...context]
      const symbols: number[] = []
      const logs: number[] = []
      const matched: number[] = []
      for (let log = 0; symbols.length < most && log >= least; ) {
        const found = next(seen)
        if (!found) break
        log += Math.log(found.p)
        symbols.push(found.symbol)
        logs.push(Math.log(found.p))
        matched.push(found.order)
        seen.push(found.symbol)
      }
      return {
        symbols: Uint16Array.from(symbols),
        logs: Float32Array.from(logs),
        matched: Uint8Array.from(matched),
      }
    },
    cancel: () => {
      turn++
    },
    remember: async (passage) => change(passage, 1),
    forget: async (passage) => change(passage, -1),
    learn: async ({ episodes, heldOut, steps, between }) => {
      const candidate = weights.slice()
      for (let step = 0; step < steps; step++) {
        if (between && !(await between())) return undefined
        if (step > 0) continue
        for (const episode of episodes)
          for (const { symbols } of passagesOf(episode)) for (const symbol of symbols) candidate[symbol]!++
      }
      const state = bytesOf(candidate)
      const inputs = episodes.map(({ id }) => rootOf(new TextEncoder().encode(id)))
      const program = rootOf(new TextEncoder().encode('counting'))
      const ids = [...new Set(episodes.map(({ id }) => id))]
      const roots = { before: rootOf(bytesOf(weights)), after: rootOf(state) }
      return {
        state,
        receipt: { program, steps, inputs, ...roots, episodes: ids },
        heldOut: { before: bits(weights, heldOut), after: bits(candidate, heldOut) },
      }
    },
    evaluate: async ({ on }) => bits(weights, on),
    state: async () => bytesOf(weights),
    load: async (state) => {
      weights = new Uint32Array(state.slice().buffer)
    },
    close: async () => {},
    dump: () =>
      [...memory]
        .map(([key, counts]) => `${key}: ${[...counts].sort((a, b) => a[0] - b[0]).join(' ')}`)
        .sort()
        .join('\n'),
  }
}
