import { z } from 'zod'
import type { Metrics } from './assistant.ts'

/** Actions of one place of the curve, and places that are kept. */
export const CURVE_STEP = 100
export const CURVE_PLACES = 1000

type Counts = { actions: number; offered: number; accepted: number; unwanted: number; saved: number }
const none = (): Counts => ({ actions: 0, offered: 0, accepted: 0, unwanted: 0, saved: 0 })

const count = z.number().min(0)
const counts: z.ZodType<Counts> = z.strictObject({
  ...{ actions: count, offered: count, accepted: count, unwanted: count },
  saved: z.number(),
})

/** What is kept of the counts from one time to the next. */
export type TallyState = {
  readonly counts: Counts
  readonly symbols: number
  readonly late: number
  readonly cancelled: number
  readonly worst: number
  readonly curve: readonly Counts[]
}

export const tallySchema: z.ZodType<TallyState> = z.strictObject({
  ...{ counts, symbols: count, late: count, cancelled: count, worst: count },
  curve: z.array(counts).max(CURVE_PLACES),
})

/** Counts how help went, in all and for each hundred actions. An event counts where it happens. */
export class Tally {
  #counts = none()
  #curve: Counts[] = []
  symbols = 0
  late = 0
  cancelled = 0
  worst = 0

  constructor(kept?: TallyState) {
    if (!kept) return
    this.#counts = { ...kept.counts }
    this.#curve = kept.curve.map((one) => ({ ...one }))
    for (const field of ['symbols', 'late', 'cancelled', 'worst'] as const) this[field] = kept[field]
  }

  count(field: keyof Counts, by = 1): void {
    this.#counts[field] += by
    if (this.#curve.length === 0 || (field === 'actions' && this.#curve.at(-1)!.actions >= CURVE_STEP)) {
      this.#curve.push(none())
      if (this.#curve.length > CURVE_PLACES) this.#curve.shift()
    }
    this.#curve.at(-1)![field] += by
  }

  state(): TallyState {
    const { symbols, late, cancelled, worst } = this
    return { counts: this.#counts, symbols, late, cancelled, worst, curve: this.#curve }
  }

  metrics(): Metrics {
    const { actions, offered, accepted, unwanted, saved } = this.#counts
    const { symbols, late, cancelled, worst } = this
    return {
      ...{ actions, symbols, offered, accepted, unwanted, saved, late, cancelled },
      acceptRate: offered === 0 ? 0 : accepted / offered,
      unwantedPerHundred: actions === 0 ? 0 : (100 * unwanted) / actions,
      worstHundred: worst,
      curve: this.#curve.map((one) => ({ ...one })),
    }
  }
}
