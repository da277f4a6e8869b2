/** What happened while a part of a text was typed. Counts, so that parts add up. */
export type Use = {
  /** Characters of the text. */
  readonly characters: number
  /** Actions: keys, deletions, offers taken, sent away or undone. */
  readonly actions: number
  /** The actions of the same person for the same text without an assistant. */
  readonly alone: number
  readonly offered: number
  readonly accepted: number
  /** Of those accepted: mended afterwards, or undone. */
  readonly edited: number
  readonly undone: number
  readonly dismissed: number
}

export const NOTHING: Use = {
  ...{ characters: 0, actions: 0, alone: 0, offered: 0, accepted: 0 },
  ...{ edited: 0, undone: 0, dismissed: 0 },
}

export const sum = (uses: readonly Use[]): Use =>
  uses.reduce(
    (all, use) =>
      Object.fromEntries(
        (Object.keys(NOTHING) as (keyof Use)[]).map((key) => [key, all[key] + use[key]]),
      ) as Use,
    NOTHING,
  )

/** Percent of the text's characters that need not be typed: less what taking, mending and undoing offers costs. */
export const savedOf = (use: Use): number => (100 * (use.alone - use.actions)) / Math.max(1, use.characters)

/** Percent of the offers that are taken and kept; none where nothing was offered. */
export const acceptRateOf = (use: Use): number =>
  (100 * (use.accepted - use.undone)) / Math.max(1, use.offered)

/** Offers shown and not kept, for a hundred actions. Those that nobody looked at count too. */
export const unwantedOf = (use: Use): number =>
  (100 * (use.offered - use.accepted + use.undone)) / Math.max(1, use.actions)
