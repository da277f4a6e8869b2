import { AssistError } from '../assist-error.ts'
import { blend, type Contexts, ORDERS, pastKeys, takeBack, tell, type Undo, wordKeys } from './contexts.ts'
import { createMatching, type MatchUndo } from './matching.ts'
import type { Memory } from './memory.ts'
import { createMixing, type Weights } from './mixing.ts'
import type { PublicCounts } from './public-counts.ts'

/** Texts of one kind that everybody may know, and how experts are heard at first by somebody who writes such texts. */
export type PublicTexts = {
  readonly counts: PublicCounts
  /** SELECTIONS x expertsOf(kinds) numbers; where there are none, all experts are heard alike. */
  readonly weights?: Float64Array
}

/** Experts beside public texts: one's own contexts of symbols, those of words, and the longest match. */
const OWN = 3
/** For each kind of public texts what they say alone, beneath one's own contexts, and beneath one's own contexts of words. */
const FOR_EACH_KIND = 3
/** How many experts there are beside so many kinds of public texts. */
export const expertsOf = (kinds: number): number => OWN + FOR_EACH_KIND * kinds

/** Places are told apart by the longest own context (0 to 6), and whether there is no match, a short one or a long one. */
export const SELECTIONS: number = 3 * (ORDERS + 1)
const LONG = 16

/** Longest context of one's own / 6, chance of the likeliest symbol, chance of what the match says, length of the match / 32. */
const FEATURES = 4

/** What of the shares of kinds goes back to even at each symbol, and what of each chance is even. */
const [SHARE, EVEN] = [0.005, 1e-4]

/** Symbols of what came before a passage that are kept with it. */
const PAST = 64

/** Passages that are forgotten without counting all others again, newest first: people take back what they have just typed. */
const JOURNAL = 256

type Taken = {
  readonly undo: Undo[]
  readonly matching: MatchUndo
  readonly weights: readonly Weights[]
  readonly shares: Float64Array
}
type Kept = { readonly context: Uint16Array; readonly symbols: Uint16Array; readonly at: number }

/** The weights that a memory without public texts begins with, and one whose public texts bring none: a little more than a mean. */
export const evenWeights = (kinds: number): Weights =>
  new Float64Array(SELECTIONS * expertsOf(kinds)).fill(1.2 / expertsOf(kinds))

/** A memory that tells its weights too, one set for each kind of public texts. */
export type TextMemory = Memory & { weights(): readonly Weights[] }

/**
 * A memory of what somebody wrote, beside what everybody may know. Experts are multiplied with learned weights (`createMixing`): contexts
 * of up to 6 symbols, contexts of words, the longest match, and each kind of public texts, alone and beneath one's own
 * contexts. There is one mixture for each kind of public texts, which begins with the weights that suit who writes such texts; how
 * much each is heard follows from how well it foresaw the latest symbols: Bayes' rule, and a little of the shares shared out
 * again (Herbster and Warmuth, 1998). docs/decisions/0058 says what each part is worth.
 *
 * All additions have one order: the same history gives the same bits. The newest passages are forgotten by putting back
 * what stood before them, others by counting what is left again: nothing of them stays.
 * @param symbols Size of the vocabulary, at most 512
 */
export const textMemory = (symbols: number, publicly: readonly PublicTexts[] = []): TextMemory => {
  const experts = expertsOf(publicly.length)
  const mixing = createMixing(experts, symbols)
  const first = (publicly.length > 0 ? publicly : [{}]).map(
    ({ weights = evenWeights(publicly.length) }: Partial<PublicTexts>) => {
      if (weights.length === SELECTIONS * experts) return weights
      throw new AssistError(
        'counts-malformed',
        'weights',
        String(weights.length),
        `${SELECTIONS * experts} numbers`,
        'Give weights that were learned beside as many kinds of public texts.',
      )
    },
  )
  let contexts: Contexts = new Map()
  let matching = createMatching()
  let weights: Weights[] = []
  const shares = new Float64Array(first.length)
  let passages: Kept[] = [] // by time
  let journal: Taken[] = [] // of the newest passages
  let isStale = false
  const clear = (): void => {
    contexts = new Map()
    matching = createMatching()
    weights = first.map((some) => some.slice())
    shares.fill(1 / first.length)
    journal = []
  }
  clear()

  const chances = (): Float64Array => new Float64Array(symbols)
  const [own, words, matched, common, mixed] = [chances(), chances(), chances(), chances(), chances()]
  /** Hears all experts at a place. */
  const look = (past: ArrayLike<number>) => {
    const keys = pastKeys(past)
    const ofWords = wordKeys(past)
    own.fill(0)
    const mine = blend(contexts, keys, own)
    words.fill(0)
    const mineOfWords = blend(contexts, ofWords, words)
    /** Own chances above those beneath, of which `left` is left to them. */
    const hearAbove = (expert: number, above: Float64Array, left: number, beneath?: Float64Array): void => {
      for (let s = 0; s < symbols; s++) mixed[s] = above[s]! + left * (beneath ? beneath[s]! : 1 / symbols)
      mixing.hear(expert, mixed)
    }
    hearAbove(0, own, mine.left)
    hearAbove(1, words, mineOfWords.left)
    for (const [k, { counts }] of publicly.entries()) {
      const expert = OWN + FOR_EACH_KIND * k
      const hearPublicly = (some: readonly string[]): void => {
        common.fill(0)
        const { left } = blend(counts.nodes, some, common, 1)
        for (let s = 0; s < symbols; s++) common[s]! += left / symbols
      }
      hearPublicly(keys)
      mixing.hear(expert, common)
      hearAbove(expert + 1, own, mine.left, common)
      hearPublicly(ofWords)
      hearAbove(expert + 2, words, mineOfWords.left, common)
    }
    const found = matching.find(past)
    matched.fill((1 - (found?.chance ?? 0)) / (symbols - (found ? 1 : 0)))
    if (found) matched[found.symbol] = found.chance
    mixing.hear(2, matched)
    const order = Math.max(0, mine.matched)
    const selection = 3 * order + (found ? (found.length >= LONG ? 2 : 1) : 0)
    return {
      keys,
      ofWords,
      found,
      order,
      selection,
      mixtures: weights.map((some) => mixing.mix(some, selection)),
    }
  }

  const take = ({ context, symbols: written }: Kept): void => {
    const undo: Undo[] = []
    const places: [string, number | undefined][] = []
    const before = { weights: weights.map((some) => some.slice()), shares: shares.slice() }
    const mark = matching.mark()
    const past = [...context]
    matching.begin(past)
    for (const symbol of written) {
      const { keys, ofWords, found, selection, mixtures } = look(past)
      let whole = 0
      for (const [k, p] of mixtures.entries()) whole += shares[k]! * heard(p[symbol]!, symbols)
      for (const [k, p] of mixtures.entries()) {
        const share = (shares[k]! * heard(p[symbol]!, symbols)) / whole
        shares[k] = (1 - SHARE) * share + SHARE / mixtures.length
        mixing.learn(weights[k]!, selection, p, symbol, share)
      }
      tell(contexts, keys, symbol, undo)
      tell(contexts, ofWords, symbol, undo, true)
      matching.tell(past, symbol, found, places)
      past.push(symbol)
    }
    journal.push({ undo, matching: { ...mark, places }, ...before })
    if (journal.length > JOURNAL) journal.shift()
  }
  const takeLastBack = (): boolean => {
    const taken = journal.pop()
    if (!taken) return false
    takeBack(contexts, taken.undo)
    matching.takeBack(taken.matching)
    weights = [...taken.weights]
    shares.set(taken.shares)
    return true
  }
  const rebuild = (): void => {
    if (!isStale) return
    isStale = false
    clear()
    for (const one of passages) take(one)
  }

  return {
    features: FEATURES,
    learn: (context, written, at) => {
      if (written.length === 0) return
      const kept = { context: context.slice(-PAST), symbols: written.slice(), at }
      const isNewest = passages.length === 0 || passages.at(-1)!.at <= at
      passages.push(kept)
      if (isNewest && !isStale) take(kept)
      if (isNewest) return
      passages = passages.toSorted((a, b) => a.at - b.at)
      isStale = true
    },
    forget: (context, written, at) => {
      const short = context.slice(-PAST)
      const place = passages.findLastIndex(
        (one) => one.at === at && same(one.symbols, written) && same(one.context, short),
      )
      if (place < 0) return
      const isNewest = place === passages.length - 1
      passages.splice(place, 1)
      if (!isStale) isStale = !(isNewest && takeLastBack())
    },
    weights: () => {
      rebuild()
      return weights.map((some) => some.slice())
    },
    view: (context) => {
      rebuild()
      const { order, found, mixtures } = look(Array.prototype.slice.call(context, -PAST))
      const p = new Float32Array(symbols)
      let best = 0
      for (let s = 0; s < symbols; s++) {
        let chance = 0
        for (let k = 0; k < mixtures.length; k++) chance += shares[k]! * mixtures[k]![s]!
        p[s] = heard(chance, symbols)
        best = Math.max(best, p[s]!)
      }
      const length = found?.length ?? 0
      return {
        p,
        features: Float32Array.of(order / ORDERS, best, found?.chance ?? 0, length / 32),
        matched: Math.max(order, length),
      }
    },
  }
}

/**
 * The weights that suit whoever writes texts like these beside public texts: learned along them, the memory beginning empty in each.
 * Rounded to binary32, as bases keep them.
 */
export const weightsFor = (
  texts: Iterable<Uint16Array>,
  symbols: number,
  counts: readonly PublicCounts[],
): Weights => {
  let weights = evenWeights(counts.length)
  for (const text of texts) {
    const memory = textMemory(
      symbols,
      counts.map((some) => ({ counts: some, weights })),
    )
    for (let at = 0; at < text.length; at += PAST)
      memory.learn(text.subarray(Math.max(0, at - PAST), at), text.subarray(at, at + PAST), at)
    // All mixtures began alike and met the same, so each is as good as the first.
    weights = memory.weights()[0]!
  }
  return Float64Array.from(Float32Array.from(weights))
}

/** A chance, none of which is nothing. */
const heard = (chance: number, symbols: number): number => (1 - EVEN) * chance + EVEN / symbols

const same = (a: Uint16Array, b: Uint16Array): boolean =>
  a.length === b.length && a.every((symbol, i) => symbol === b[i])
