/** What a peer can do wrong, and what it costs. A peer below -100 is dropped and banned for a time. */
export const MISCONDUCT = {
  /** Speaks for another chain or market. */
  'wrong-network': 100,
  /** Bytes that do not decode, or do not fit the schema. */
  malformed: 25,
  /** Longer than allowed. */
  oversize: 25,
  /** A validator rejected what it passed on. */
  rejected: 20,
  /** Served data that does not hash to what was asked for. */
  garbage: 50,
  /** More than the rate allows. */
  flood: 2,
  /** Sent again what is long past. */
  replay: 10,
  /** Stopped in the middle, or did not answer in time. */
  stalled: 5,
} as const satisfies Record<string, number>

export type Misconduct = keyof typeof MISCONDUCT
