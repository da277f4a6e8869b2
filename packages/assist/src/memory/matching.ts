/** Symbols by which an earlier place is found, and the most that are compared. */
const FOUND_BY = 7
const COMPARED = 32
/** Lengths of agreement that are told apart. */
const CLASSES = 8
/** Of so many meetings, the newest, a class's share is taken. */
const KEPT = 0.98

/** Where what stands before a place has stood before, and how long the two agree. */
export type Match = {
  /** The symbol that followed there. */
  readonly symbol: number
  readonly length: number
  /** How likely it is to follow again, from how often matches of such a length were right. */
  readonly chance: number
}
export type MatchUndo = {
  readonly length: number
  readonly places: readonly (readonly [key: string, place: number | undefined])[]
  readonly right: Float64Array
  readonly met: Float64Array
}

/**
 * The longest earlier place that agrees with what was written last, as in programs that compress (the match model of Mahoney's
 * PAQ): whoever writes something a second time is likely to go on as the first time.
 */
export const createMatching = () => {
  /** All that was written, in the order in which it was learned; each passage after what it went on from. */
  const written: number[] = []
  const placeOf = new Map<string, number>()
  const right = new Float64Array(CLASSES).fill(1.5)
  const met = new Float64Array(CLASSES).fill(2)

  const find = (past: ArrayLike<number>): Match | undefined => {
    if (past.length < FOUND_BY) return undefined
    const place = placeOf.get(keyOf(past))
    if (place === undefined) return undefined
    let length = 0
    while (
      length < COMPARED &&
      length < past.length &&
      length < place &&
      past[past.length - 1 - length] === written[place - 1 - length]
    )
      length++
    const of = classOf(length)
    return { symbol: written[place]!, length, chance: right[of]! / met[of]! }
  }
  return {
    find,
    /** What a passage goes on from: so that its own first symbols can be compared. */
    begin: (context: ArrayLike<number>): void => {
      const from = Math.max(0, context.length - COMPARED)
      const goesOn = context.length > 0 && written.length >= context.length - from
      let same = goesOn
      for (let i = from; same && i < context.length; i++)
        same = context[i] === written[written.length - context.length + i]
      if (!same) for (let i = from; i < context.length; i++) written.push(context[i]!)
    },
    /** One symbol more after `past`, of which `found` was said. `places` is told what stood where it is found by from now on. */
    tell: (
      past: ArrayLike<number>,
      symbol: number,
      found: Match | undefined,
      places: [key: string, place: number | undefined][],
    ): void => {
      if (found) {
        const of = classOf(found.length)
        right[of] = KEPT * right[of]! + (found.symbol === symbol ? 1 : 0)
        met[of] = KEPT * met[of]! + 1
      }
      if (past.length >= FOUND_BY) {
        const key = keyOf(past)
        places.push([key, placeOf.get(key)])
        placeOf.set(key, written.length)
      }
      written.push(symbol)
    },
    mark: (): Pick<MatchUndo, 'length' | 'right' | 'met'> => ({
      length: written.length,
      right: right.slice(),
      met: met.slice(),
    }),
    takeBack: (undo: MatchUndo): void => {
      written.length = undo.length
      right.set(undo.right)
      met.set(undo.met)
      for (const [key, place] of undo.places.toReversed())
        if (place === undefined) placeOf.delete(key)
        else placeOf.set(key, place)
    },
  }
}

const classOf = (length: number): number => Math.min(CLASSES - 1, Math.max(0, Math.floor((length - 6) / 4)))

const keyOf = (past: ArrayLike<number>): string => {
  let key = ''
  for (let i = past.length - FOUND_BY; i < past.length; i++) key += String.fromCharCode(past[i]!)
  return key
}
