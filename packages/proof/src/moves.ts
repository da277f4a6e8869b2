import type { Hex } from './digest.ts'

/** Who must move. */
export type Side = 'claimant' | 'challenger'

export const PHASES = ['history', 'segment', 'step', 'tensor', 'leaf', 'combine', 'run'] as const
export type Phase = (typeof PHASES)[number]

/** A leaf of a tensor with the path to what is agreed; see docs/dispute-moves.md, "Paths". */
export type Opening = {
  readonly from: 'node' | 'state' | 'input'
  readonly index: number
  readonly leaf: number
  /** dtype u8, dims. */
  readonly header: Hex
  readonly data: Hex
  readonly path: readonly Hex[]
}

/** What one side of a join is; both fields are empty for zero. */
export type JoinOpening = { readonly digest: Hex; readonly path: readonly Hex[] }

/** One of the digests last posted, with the siblings that prove it. */
type Child = { readonly index: number; readonly digest: Hex; readonly siblings: readonly Hex[] }
type Encoding = { readonly encoding: Hex; readonly encodingPath: readonly Hex[] }

type MoveBody =
  | { readonly kind: 'postChildren'; readonly children: readonly Hex[]; readonly lastPath: readonly Hex[] }
  | { readonly kind: 'postLeaf'; readonly data: Hex }
  | { readonly kind: 'postWords'; readonly words: Hex }
  | ({ readonly kind: 'nameChild' } & Child)
  | ({ readonly kind: 'nameItem' } & Child & {
        readonly predecessor: Hex
        readonly predecessorPath: readonly Hex[]
      })
  | ({ readonly kind: 'nameNode' } & Child & Encoding)
  | ({ readonly kind: 'judgeJoin' } & Child &
      Encoding & {
        readonly left: JoinOpening
        readonly right: JoinOpening
      })
  | { readonly kind: 'nameElement'; readonly index: number; readonly data: Hex }
  | {
      readonly kind: 'judgeElement'
      readonly index: number
      readonly data: Hex
      readonly encoding: Hex
      readonly openings: readonly Opening[]
    }
  | { readonly kind: 'nameWord'; readonly index: number; readonly words: Hex }
  | {
      readonly kind: 'judgeWord'
      readonly index: number
      readonly words: Hex
      readonly encoding: Hex
      readonly openings: readonly Opening[]
    }

/** One move. `at` names the position that it answers. */
export type Move = MoveBody & { readonly at: Hex }
export type MoveKind = Move['kind']

/** Which side makes a move. */
export const sideOf = (kind: MoveKind): Side => (kind.startsWith('post') ? 'claimant' : 'challenger')
