/** Milliseconds since 1970, as Date.now gives them. Tests hand in their own. */
export type Clock = () => number
