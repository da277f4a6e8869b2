/** At most `perSecond` units on average, and at most `burst` at once. */
export type Rate = { readonly perSecond: number; readonly burst: number }
