import {
  type EpisodeEvent,
  encodeEpisode,
  type Leaving,
  memoryStorage,
  openConsent,
  textSymbols,
  withId,
} from '@lockstep/assist'
import { bytesHash, contribute, fetchNewest, httpCarriage, isBetter } from '@lockstep/assist/federated'
import { createWasmExecutor, type Tensor } from '@lockstep/tensor'
import { loopBase, loopTraining } from '../loop-training.ts'

/** What a page of the loop's test does when it is told to. */
export type LoopPage = {
  /** The text that has been typed so far. */
  written(): string
  /** The person agrees that so much leaves for the node. */
  agree(what: Leaving): Promise<void>
  /** Takes part in the open round with what was agreed to: whether something was given, or why not. */
  give(): Promise<string>
  /** Fetches the newest base, and uses it if it is better on this text: bits a symbol before and after. */
  fetchBase(): Promise<{ readonly better: boolean; readonly before: number; readonly after: number }>
}

/** As much of a page as is used here, which is also checked where there is no page. */
type Input = { readonly inputType: string; readonly data: string | null; readonly timeStamp: number }
type Field = {
  readonly value: string
  addEventListener(name: 'input', heard: (event: Input) => void): void
}
const { document, location, crypto } = globalThis as unknown as {
  readonly document: { querySelector(selector: string): Field }
  readonly location: { readonly origin: string }
  readonly crypto: { getRandomValues(bytes: Uint8Array): Uint8Array }
}

const field = document.querySelector('textarea')
const events: EpisodeEvent[] = []
field.addEventListener('input', ({ inputType, data, timeStamp }) => {
  const typed = inputType === 'insertLineBreak' ? '\n' : (data ?? '')
  events.push({ kind: 'acted', at: Math.floor(timeStamp), symbols: textSymbols(typed) })
})
const episode = () =>
  withId({ version: 1, environment: 'text', bytes: true, began: Date.now(), redacted: false, events })

const executor = await createWasmExecutor({ threads: 1 })
const training = loopTraining(executor)
const carriage = httpCarriage(`${location.origin}/`, (url, init) => fetch(url, init))
const consent = await openConsent(memoryStorage(), Date.now)
const NODE = 'the node'
let base: readonly Tensor[] = loopBase()

const loop: LoopPage = {
  written: () => field.value,
  agree: async (what) => {
    await consent.give(NODE, what)
  },
  give: async () => {
    const name = crypto.getRandomValues(new Uint8Array(16))
    const participant = bytesHash(name).slice(0, 34) as `0x${string}`
    const contribution = { consent, destination: NODE, episodes: [episode()], participant }
    const given = await contribute({ executor, training, carriage }, contribution)
    return given.ok ? 'given' : `${given.fault.code}: ${given.fault.field} ${given.fault.value}`
  },
  fetchBase: async () => {
    const arrived = await fetchNewest({ executor, training, carriage }, { check: true })
    if (!arrived.ok) throw new Error(arrived.fault.code)
    const found = await isBetter(training, base, arrived.value.parameters, [encodeEpisode(episode())])
    if (!found.ok) throw new Error(found.fault.code)
    if (found.value.better) base = arrived.value.parameters
    return found.value
  },
}
Object.assign(globalThis, { loop })
