import { z } from 'zod'
import type { AssistStorage } from '../episode/storage.ts'
import { type Acceptance, OFFER_FEATURES, type OfferFeatures } from '../offering/acceptance.ts'
import { OUTCOMES } from '../offering/learned-acceptance.ts'
import { checked, jsonIn } from '../schema-fault.ts'
import { Pending } from './pending.ts'

const KEY = 'outcomes'
/** New outcomes after which it is learned from them. */
const LEARN_EVERY = 16

/** Numbers of one offer, in the order of OFFER_FEATURES; whose episode it was; whether it was wanted. */
type Kept = { episode: string; features: readonly number[]; wanted: boolean }

const schema = z
  .array(
    z.strictObject({
      episode: z.string().max(64),
      features: z.array(z.number()).length(OFFER_FEATURES.length),
      wanted: z.boolean(),
    }),
  )
  .max(OUTCOMES)

/** The outcomes that the acceptance learns from: the newest, each with the episode that it goes with. */
export class Outcomes {
  readonly #storage: AssistStorage
  readonly #acceptance: Acceptance
  #kept: Kept[] = []
  #fresh = 0
  readonly #pending = new Pending()

  private constructor(storage: AssistStorage, acceptance: Acceptance) {
    this.#storage = storage
    this.#acceptance = acceptance
  }

  /** Those of a storage. They are numbers only: where they cannot be read there are none. */
  static async open(storage: AssistStorage, acceptance: Acceptance): Promise<Outcomes> {
    const outcomes = new Outcomes(storage, acceptance)
    const stored = await storage.get(KEY)
    const about = { code: 'storage-invalid', whole: KEY, remedy: 'It is begun again.' }
    const json = stored && jsonIn(stored, 2 ** 20, about)
    const read = json?.ok ? checked(schema, json.value, about) : undefined
    if (read?.ok) outcomes.#kept = read.value
    await outcomes.#learn()
    return outcomes
  }

  /** Adds one; the function that is given back says later that it was otherwise. */
  add(episode: string, features: OfferFeatures, wanted: boolean): (wanted: boolean) => void {
    const one: Kept = { episode, features: OFFER_FEATURES.map((name) => features[name]), wanted }
    this.#kept.push(one)
    if (this.#kept.length > OUTCOMES) this.#kept.shift()
    if (++this.#fresh >= LEARN_EVERY) this.#pending.add(this.#learn())
    return (other) => {
      one.wanted = other
    }
  }

  /** The episode `from` is called `to` now. */
  rename(from: string, to: string): void {
    for (const one of this.#kept) if (one.episode === from) one.episode = to
  }

  /** Those of an episode go, and what was learned from them. */
  async delete(episode: string): Promise<void> {
    this.#kept = this.#kept.filter((one) => one.episode !== episode)
    await this.#learn()
    await this.save()
  }

  /** What was added is learned from. */
  settled(): Promise<void> {
    return this.#pending.settled()
  }

  async save(): Promise<void> {
    await this.#storage.put(KEY, new TextEncoder().encode(JSON.stringify(this.#kept)))
  }

  async #learn(): Promise<void> {
    this.#fresh = 0
    await this.#acceptance.learn(
      this.#kept.map(({ features, wanted }) => ({
        features: Object.fromEntries(OFFER_FEATURES.map((name, i) => [name, features[i]!])) as OfferFeatures,
        wanted,
      })),
    )
  }
}
