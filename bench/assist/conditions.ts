import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  type Acceptance,
  type Assistant,
  baseMemory,
  createAssistant,
  type Episode,
  type EpisodeEvent,
  learnedAcceptance,
  type Memory,
  memoryStorage,
  type Offer,
  openTextSuggester,
  type Settings,
  type Suggester,
  TEXT_SYMBOLS,
  type TextAction,
  type TextState,
  textEnvironment,
  textSymbols,
} from '@lockstep/assist'
import type { Executor } from '@lockstep/tensor'
import { baseOf } from './base.ts'
import type { Kind } from './person.ts'
import { type RecencyCounts, recencyCounts, recencySuggester } from './recency.ts'
import type { Helper } from './replay.ts'
import { BASE_PART, type Writer } from './writers.ts'

/** Who helps. */
export const CONDITIONS = [
  'ours',
  'static', // the base as it is shipped: no memory, and nothing is learned
  'recency', // the strong simple baseline, with the same decision of when to offer
  'public', // the same, with the counts of public texts
  'memory', // our memory without the network
  'no-network', // ours, but the network stays the base's
  'no-preference', // ours, trained on what was typed alone
  'no-deciding', // ours, offering by the model's own probability
] as const
export type Condition = (typeof CONDITIONS)[number]

/** The helper of a condition, and what is told of it afterwards: updates of the model that were tried, and applied. */
export const helperOf = async (
  executor: Executor,
  { kind }: Writer,
  condition: Condition,
  settings?: Partial<Settings>,
): Promise<{ helper: Helper; told: () => readonly [tried: number, applied: number] }> => {
  const suggester = await suggesterOf(executor, kind, condition)
  const isFixed = condition === 'static' || condition === 'no-deciding'
  const acceptance = isFixed ? byOwnWord : await learnedAcceptance(executor)
  let now = START
  const assistant = await createAssistant({
    environment: textEnvironment(),
    ...{ suggester, acceptance, storage: memoryStorage(), clock: () => now },
    ...(settings && { settings }),
  })
  const updates: [number, number] = [0, 0]
  const helper = assistantHelper(
    assistant,
    kind,
    (at) => {
      now = START + at
    },
    async () => {
      if (!LEARNS.includes(condition)) return
      const outcome = await assistant.learn()
      if (!outcome.applied && outcome.why === 'too little') return
      updates[0]++
      if (outcome.applied) updates[1]++
    },
  )
  const close = async (): Promise<void> => {
    await helper.close()
    await suggester.close()
    await acceptance.close()
  }
  return { helper: { ...helper, close }, told: () => updates }
}

/** When every replay begins: any time will do, as long as it is always the same. */
const START = Date.UTC(2026, 0, 5, 9)

/** Those whose network is trained. */
const LEARNS: readonly Condition[] = ['ours', 'no-preference', 'no-deciding']

/** What the model holds likely is taken for how likely it is that the person wants it. */
const byOwnWord: Acceptance = {
  probabilities: async (features) => Float32Array.from(features, ({ log }) => Math.exp(log)),
  learn: async () => {},
  close: async () => {},
}

const suggesterOf = async (executor: Executor, kind: Kind, condition: Condition): Promise<Suggester> => {
  if (condition === 'recency') return recencySuggester()
  if (condition === 'public') return recencySuggester(publicCounts(kind))
  if (condition === 'memory') return memorySuggester(baseMemory(baseOf()))
  const suggester = await openTextSuggester({ executor, base: baseOf() })
  if (condition === 'static') return { ...suggester, remember: async () => {}, forget: async () => {} }
  if (condition !== 'no-preference') return suggester
  return {
    ...suggester,
    learn: (lessons) => suggester.learn({ ...lessons, episodes: lessons.episodes.map(withoutOffers) }),
  }
}

/** What was done, without what was offered. */
const withoutOffers = (episode: Episode): Episode => {
  const events: EpisodeEvent[] = []
  let seen: Pick<EpisodeEvent & { kind: 'acted' }, 'context' | 'back'> = {}
  for (const event of episode.events) {
    if (event.kind === 'signal') continue
    const back = (seen.back ?? 0) + (event.back ?? 0)
    seen = event.context
      ? { context: event.context }
      : { ...(seen.context && { context: seen.context }), ...(back > 0 && { back }) }
    if (event.kind === 'offered') continue
    const { context: _, back: __, ...rest } = event
    events.push({ ...rest, ...seen })
    seen = {}
  }
  return { ...episode, events }
}

/** Characters of each public text that the strong baseline may know: texts that a base may be trained on too. */
const PUBLIC = 300_000
const PUBLIC_PROSE = ['data/moby-dick.txt', 'data/addresses-earlier.txt']
/** Sources of packages that are not replayed, as `npm ci` installs them. */
const PUBLIC_CODE = [
  'hono/dist/hono-base.js',
  '@codemirror/view/dist/index.js',
  '@lezer/common/dist/index.js',
]
const counted = new Map<Kind, RecencyCounts>()
const publicCounts = (kind: Kind): RecencyCounts => {
  const known = counted.get(kind)
  if (known) return known
  const paths = kind === 'prose' ? PUBLIC_PROSE : PUBLIC_CODE.map((path) => `node_modules/${path}`)
  const texts = paths.map((path) => {
    const bytes = readFileSync(join(import.meta.dirname, '..', '..', path))
    const part = path.includes('moby-dick') ? bytes.subarray(0, Math.floor(bytes.length * BASE_PART)) : bytes
    const text = part.toString('utf8').slice(-PUBLIC)
    return kind === 'prose' ? text.replace(/(?<!\n)\n(?!\n)/g, ' ') : text
  })
  const counts = recencyCounts()
  for (const text of texts) counts.read(textSymbols(text))
  counted.set(kind, counts)
  return counts
}

/** A memory as all there is of a model. */
const memorySuggester = (memory: Memory): Suggester => ({
  symbols: TEXT_SYMBOLS,
  context: 256,
  suggest: async (context, { most, least }) => {
    const soFar = [...context]
    const [logs, matched]: [number[], number[]] = [[], []]
    for (let whole = 0; logs.length < most && (logs.length === 0 || whole >= least); ) {
      const view = memory.view(soFar)
      const best = view.p.indexOf(view.p.reduce((a, b) => Math.max(a, b)))
      soFar.push(best)
      logs.push(Math.log(view.p[best]!))
      matched.push(view.matched)
      whole += logs.at(-1)!
    }
    return {
      symbols: Uint16Array.from(soFar.slice(context.length)),
      logs: Float32Array.from(logs),
      matched: Uint8Array.from(matched),
    }
  },
  cancel: () => {},
  remember: async ({ context, symbols, at }) => memory.learn(context, symbols, at),
  forget: async ({ context, symbols, at }) => memory.forget(context, symbols, at),
  learn: async () => undefined,
  evaluate: async () => Number.NaN,
  state: async () => new Uint8Array(0),
  load: async () => {},
  close: async () => {},
})

/** The assistant in a replay. The clock is the replay's. */
export const assistantHelper = (
  assistant: Assistant<TextState, TextAction>,
  kind: Kind,
  setClock: (at: number) => void,
  rests: (assistant: Assistant<TextState, TextAction>) => Promise<void>,
): Helper => {
  const stateOf = (before: string): TextState => ({ before, after: '', kind })
  let shown: Offer<TextAction> | undefined
  let taken: Offer<TextAction> | undefined
  return {
    begin: async (at) => {
      setClock(at)
      await assistant.episodes.end()
    },
    offer: async (before, at) => {
      setClock(at)
      shown = await assistant.offer(stateOf(before))
      return shown && 'typed' in shown.action ? shown.action.typed : undefined
    },
    taken: async (_before, _text, at) => {
      setClock(at)
      taken = shown
      await assistant.accepted(taken!)
    },
    ended: async (ending, at) => {
      setClock(at)
      if (ending === 'dismissed') await assistant.dismissed(shown!)
      // What is typed over ends by `acted`.
      else if (ending !== 'ignored') await assistant[ending](taken!)
    },
    acted: async (before, action, at) => {
      setClock(at)
      await assistant.acted(stateOf(before), action)
    },
    rest: async (at) => {
      setClock(at)
      await rests(assistant)
    },
    close: () => assistant.close(),
  }
}
