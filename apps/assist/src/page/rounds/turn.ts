import type { Episode, Given, Leaving } from '@lockstep/assist'
import type { BaseFinding, BaseLineage, BaseName } from '@lockstep/assist/federated'

/** A round as this page tells one from another: numbers may begin again with a keeper that has forgotten all. */
export type RoundId = { readonly round: number; readonly opened: number }

/** What a worker is asked to do at a keeper: one turn, then it is done with. */
export type Turn = {
  /** Ends with a slash. */
  readonly address: string
  /** What the person calls the keeper, and has agreed to for it; without it nothing is given. */
  readonly agreed: Given | undefined
  readonly episodes: readonly Episode[]
  /** The round in which something was given last. */
  readonly gave: RoundId | undefined
  /** A base that was tried already, and is not fetched again. */
  readonly tried: string | undefined
}

/** What came of giving. */
export type Gave =
  | { readonly kind: 'nothing' } // there is no consent
  | { readonly kind: 'already'; readonly round: RoundId; readonly closes: number }
  | { readonly kind: 'closed' } // no round is open
  | { readonly kind: 'given'; readonly round: RoundId; readonly closes: number }
  | { readonly kind: 'refused'; readonly why: string }

/** What came of fetching. */
export type Came =
  | { readonly kind: 'first' } // the base that everybody begins with
  | { readonly kind: 'tried' }
  | { readonly kind: 'refused'; readonly why: string }
  | {
      readonly kind: 'base'
      readonly name: BaseName
      readonly lineage: BaseLineage
      readonly finding: BaseFinding
      /** As an assistant takes it. */
      readonly state: Uint8Array
      readonly from: string
    }

export type Step = 'asking' | 'learning' | 'fetching'

/** What the worker says to the page. It asks for leave before anything leaves. */
export type Said =
  | { readonly kind: 'step'; readonly step: Step }
  | {
      readonly kind: 'leaving'
      readonly what: Leaving
      readonly update: Uint8Array
      readonly episodes: readonly string[]
    }
  | { readonly kind: 'gave'; readonly gave: Gave }
  | { readonly kind: 'came'; readonly came: Came }
  | { readonly kind: 'failed'; readonly why: string }

/** What the page answers: what may leave, or why nothing may. */
export type Leave =
  | { readonly ok: true; readonly update: Uint8Array }
  | {
      readonly ok: false
      readonly field: string
      readonly value: string
      readonly limit: string
      readonly remedy: string
    }
