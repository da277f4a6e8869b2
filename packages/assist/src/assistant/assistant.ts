import type { Consent } from '../consent/consent.ts'
import type { Episode } from '../episode/episode.ts'
import type { OfferFeatures } from '../offering/acceptance.ts'
import type { Version } from '../versions/versions.ts'
import type { Settings } from './settings.ts'

/** Help that the assistant offers: what the person might do next. */
export type Offer<Action> = {
  /** Names it as long as the assistant lives. */
  readonly id: string
  readonly symbols: Uint16Array
  /** What the symbols mean: what an application does if the offer is taken. */
  readonly action: Action
  /** Actions that it saves if it is taken whole. */
  readonly saved: number
  /** How likely it is that it will be taken. */
  readonly probability: number
  /** Id of the version that made it. */
  readonly version: string
}

/** The numbers behind an offer. It was made because value is more than 0. */
export type Explanation = {
  readonly probability: number
  readonly saved: number
  /** Expected saved actions. */
  readonly expected: number
  /** What looking at it costs, in actions: the setting. */
  readonly attention: number
  /** What an unwanted offer costs beside that, in actions: learned, so that there are few enough. */
  readonly price: number
  /** expected - attention - price * (1 - probability) */
  readonly value: number
  readonly features: OfferFeatures
  readonly version: string
  /** Unwanted offers, and those not settled, within the last hundred actions, and how many may be. */
  readonly patience: { readonly used: number; readonly allowed: number }
  /** Milliseconds from the question to the offer. */
  readonly latency: number
}

export type Metrics = {
  readonly actions: number
  /** Symbols that the person typed or took. */
  readonly symbols: number
  readonly offered: number
  readonly accepted: number
  /** Offers that were not taken, and those taken back in part or whole within `SETTLE` actions. */
  readonly unwanted: number
  /** Actions saved by offers that were taken, less those taken back. */
  readonly saved: number
  /** accepted / offered; 0 before the first. */
  readonly acceptRate: number
  readonly unwantedPerHundred: number
  /** The most unwanted offers made within any hundred actions so far. */
  readonly worstHundred: number
  /** Offers that came too late, and suggestions given up because the person went on. */
  readonly late: number
  readonly cancelled: number
  /** The same counts for each hundred actions, oldest first; the newest 1,000 of them are kept. */
  readonly curve: readonly {
    readonly actions: number
    readonly offered: number
    readonly accepted: number
    readonly unwanted: number
    readonly saved: number
  }[]
}

/** What came of an update. */
export type LearnOutcome =
  | {
      readonly applied: true
      readonly version: string
      readonly heldOut: { readonly before: number; readonly after: number }
    }
  | {
      readonly applied: false
      readonly why: 'too little' | 'no better' | 'stopped' | 'not now'
      readonly heldOut?: { readonly before: number; readonly after: number }
    }

export type Assistant<State, Action> = {
  /** The person did `action` in `state`. Ends an offer that it is not the beginning of. */
  acted(state: State, action: Action): Promise<void>
  /** Help for what comes next in `state`, if it is worth its while. Undefined too if the person has acted meanwhile. */
  offer(state: State): Promise<Offer<Action> | undefined>
  /** The person took the offer: it is done, and counts as their action; `acted` is not told of it too. */
  accepted(offer: Offer<Action>): Promise<void>
  /** The person sent it away. */
  dismissed(offer: Offer<Action>): Promise<void>
  /** The person changed, or took back, what they had taken. The actions that did so are told to `acted` as any others. */
  edited(offer: Offer<Action>): Promise<void>
  undone(offer: Offer<Action>): Promise<void>
  /** The numbers behind an offer, of the newest 100; undefined of an older one. */
  explain(offer: Pick<Offer<Action>, 'id'>): Explanation | undefined
  /** Trains on what was done, and applies what comes of it if it is better on what was done last. */
  learn(): Promise<LearnOutcome>
  /** To be called when the application is idle: learns if there is enough that is new and the share of time allows it. */
  idle(): Promise<LearnOutcome>
  /** A base that others made better: applied if it is better here too. `lineage` says where it comes from. */
  adopt(base: { readonly state: Uint8Array; readonly lineage: string }): Promise<LearnOutcome>
  readonly episodes: EpisodeRoom
  readonly versions: VersionRoom
  readonly consent: Consent
  metrics(): Metrics
  settings(): Settings
  /** Changes some settings, from now on and for the next time. */
  set(settings: Partial<Settings>): Promise<Settings>
  close(): Promise<void>
}

/** What the person's model has been, and what it is. */
export type VersionRoom = {
  /** Newest first; the base is the last. */
  list(): readonly Version[]
  current(): Version
  state(id: string): Promise<Uint8Array>
  /** Goes to any version that is kept, bit for bit. */
  rollback(id: string): Promise<void>
}

export type EpisodeSummary = {
  readonly id: string
  readonly began: number
  /** Milliseconds. */
  readonly lasted: number
  readonly events: number
  readonly offered: number
  readonly accepted: number
}

/** The person's episodes. The one under way has the id `open`. */
export type EpisodeRoom = {
  /** Newest first. */
  list(): Promise<readonly EpisodeSummary[]>
  get(id: string): Promise<Episode | undefined>
  /** Takes an episode out of everything: storage, memory, what is known of offers, and the versions that learned from it. */
  delete(id: string): Promise<void>
  /** Ends the episode under way, so that it gets its id; the next action begins another. Undefined where nothing was under way. */
  end(): Promise<string | undefined>
  export(): Promise<Uint8Array>
  /** Adds the episodes of an export; says how many were new. */
  import(exported: Uint8Array): Promise<number>
}
