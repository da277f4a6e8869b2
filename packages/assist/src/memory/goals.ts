import { type Block, GRID_RULES, type GridRules } from '../grid/board.ts'
import { createHabit, type Spot, type Whole, wholeOf } from './habit.ts'
import { type Coloured, type Shape, shapeOf, stretched, turned } from './shape.ts'

/** One goal that the game may become: a shape at one place, that covers all that lies on the board. */
export type Hypothesis = {
  /** How likely it is that the goal is this one and was begun like this. */
  readonly weight: number
  /** For each cell of the board the part of the shape that is to lie there, or -1. */
  readonly parts: Int8Array
  /** The colour of each part, or -1 where that is not known: then it is any that no other part has. */
  readonly colours: Int8Array
  readonly placement: Placement
}

/** What is known of a game, as chances that compare with each other. */
export type Belief = {
  readonly known: readonly Hypothesis[]
  /** That the goal is none of these. */
  readonly fresh: number
}

/** Remembers what was built and how, and sees it again, or something like it, wherever it is begun. */
export type GoalsMemory = {
  /** A finished game: its blocks in the order in which they were placed; `at` orders games in time. */
  learn(blocks: readonly Block[], at: number): void
  /** What the game may become in which these blocks lie, at least one, oldest first, and those were taken away. */
  believe(lying: readonly Block[], taken: readonly Block[]): Belief
  /** How likely each cell is the next one to be built, after `last`, if the hypothesis is right; `built` are cells. */
  nextOf(
    of: Hypothesis,
    built: ReadonlySet<number>,
    last: Block,
  ): { readonly cell: number; readonly chance: number }[]
}

/** How a goal is found to be related to those before it. */
type Kinship = 'same' | 'recoloured' | 'turned' | 'stretched' | 'common' | 'fresh'

/** How often a goal was of each kinship, before anything was built. */
const BEFORE: { readonly [K in Kinship]: number } = {
  same: 2,
  recoloured: 1,
  turned: 0.5,
  stretched: 0.5,
  common: 1,
  fresh: 1,
}
const MEMORY = 8 // games after which a goal weighs half
const HABITUAL = 0.8 // the part of moves in which somebody follows their habit
const TAKEN = 0.05 // the chance that a block that was taken away belongs to the goal
const RELATED = 32 // games after which a goal is not looked for turned or stretched any more
const NEGLIGIBLE = 1e-7 // what is this much less likely than another is not followed further

type Known = {
  readonly shape: Shape
  /** When it was finished, and in which colours. */
  readonly builds: { readonly at: number; readonly colours: readonly number[] }[]
  /** How many of the goals that everybody knows have it. */
  common: number
  turned: readonly Shape[] | undefined
  stretched: readonly Shape[] | undefined
}

/** A shape at a place, as far as it is built. */
export type Placement = {
  readonly known: Known
  readonly kinship: 'same' | 'turned' | 'stretched'
  readonly shape: Shape
  readonly left: number
  readonly top: number
  readonly colours: Int8Array
  readonly share: number // of all ways to colour its parts, those with these colours
  readonly open: readonly Spot[]
  readonly last: Spot
  readonly chance: number // to be built in this order
}

/**
 * Goals that were finished, by this person or by everybody (`common`), in a memory of shapes. A goal is held to be, in
 * proportion to how often it has been so with this person: one of before in its colours; one of before in others; turned or
 * mirrored; a line or column longer or shorter; what everybody knows, in any colours; or something fresh. Goals of before
 * weigh by how often and how lately they were finished. All weigh by how well the order of the blocks on the board agrees with the
 * person's habit. Numbers are added and multiplied in one order, so one history gives one belief, bit for bit.
 */
export const goalsMemory = (
  rules: GridRules = GRID_RULES,
  common: readonly (readonly Block[])[] = [],
): GoalsMemory => {
  const { size, colours } = rules
  const habit = createHabit()
  const all = new Map<string, Known>()
  const counts = { ...BEFORE }
  let latest = 0
  const facts = new Map<
    Shape,
    { readonly whole: Whole; readonly at: Map<number, number>; first?: Float64Array }
  >()
  const factsOf = (shape: Shape) => {
    let found = facts.get(shape)
    if (!found) {
      found = {
        whole: wholeOf(shape.spots),
        at: new Map(shape.spots.map(({ x, y, part }) => [y * size + x, part])),
      }
      facts.set(shape, found)
    }
    return found
  }
  const fits = ({ wide, high }: Shape): boolean => wide <= size && high <= size
  const turnedOf = (known: Known): readonly Shape[] => {
    known.turned ??= turned(known.shape).filter(fits)
    return known.turned
  }
  const stretchedOf = (known: Known): readonly Shape[] => {
    known.stretched ??= stretched(known.shape).filter(fits)
    return known.stretched
  }
  const knownOf = (shape: Shape): Known => {
    const found = all.get(shape.key)
    if (found) return found
    const known = { shape, builds: [], common: 0, turned: undefined, stretched: undefined }
    all.set(shape.key, known)
    return known
  }
  const placed = ({ cell, colour }: Block): Coloured => ({
    x: cell % size,
    y: Math.floor(cell / size),
    colour,
  })
  for (const blocks of common) knownOf(shapeOf(blocks.map(placed)).shape).common++

  /** Whether the person has finished it lately. */
  const isRecent = ({ builds }: Known): boolean => builds.some(({ at }) => latest - at < RELATED)
  const kinshipOf = ({ key }: Shape, dyes: readonly number[]): Kinship => {
    const found = all.get(key)
    if (found?.builds.some((build) => `${build.colours}` === `${dyes}`)) return 'same'
    if (found && found.builds.length > 0) return 'recoloured'
    if (found) return 'common'
    const own = [...all.values()].filter(isRecent)
    if (own.some((known) => turnedOf(known).some((one) => one.key === key))) return 'turned'
    return own.some((known) => stretchedOf(known).some((one) => one.key === key)) ? 'stretched' : 'fresh'
  }

  /** The game under way: what lies there, and the placements that cover it. */
  let seen: readonly Coloured[] = []
  let live: readonly Placement[] = []
  const habitual = (chance: number, among: number): number => HABITUAL * chance + (1 - HABITUAL) / among

  const begin = (block: Coloured): void => {
    const placements: Placement[] = []
    const lay = (known: Known, kinship: Placement['kinship'], shape: Shape): void => {
      const about = factsOf(shape)
      about.first ??= habit.chances(shape.spots, undefined, about.whole)
      for (const [i, last] of shape.spots.entries()) {
        const [left, top] = [block.x - last.x, block.y - last.y]
        if (left < 0 || top < 0 || left + shape.wide > size || top + shape.high > size) continue
        const dyes = new Int8Array(shape.parts).fill(-1)
        dyes[last.part] = block.colour
        const chance = habitual(about.first[i]!, shape.spots.length)
        const open = shape.spots.toSpliced(i, 1)
        placements.push({
          known,
          kinship,
          shape,
          left,
          top,
          colours: dyes,
          share: 1 / colours,
          open,
          last,
          chance,
        })
      }
    }
    for (const known of all.values()) {
      if (known.shape.parts <= colours && fits(known.shape)) lay(known, 'same', known.shape)
      if (!isRecent(known)) continue
      for (const shape of turnedOf(known)) lay(known, 'turned', shape)
      for (const shape of stretchedOf(known)) lay(known, 'stretched', shape)
    }
    live = placements
  }

  const goOn = ({ x, y, colour }: Coloured): void => {
    const next: Placement[] = []
    let most = 0
    for (const one of live) {
      const [right, down] = [x - one.left, y - one.top]
      const { at, whole } = factsOf(one.shape)
      const part = right < 0 || right >= size ? undefined : at.get(down * size + right)
      if (part === undefined) continue
      let { colours: dyes, share } = one
      if (dyes[part] === -1) {
        if (dyes.includes(colour)) continue
        share /= colours - dyes.filter((dye) => dye >= 0).length
        dyes = dyes.with(part, colour)
      } else if (dyes[part] !== colour) continue
      const turn = one.open.findIndex((spot) => spot.x === right && spot.y === down)
      const chances = habit.chances(one.open, one.last, whole)
      const chance = one.chance * habitual(chances[turn]!, one.open.length)
      most = Math.max(most, chance)
      const open = one.open.toSpliced(turn, 1)
      next.push({ ...one, colours: dyes, share, open, last: one.open[turn]!, chance })
    }
    live = next.filter(({ chance }) => chance > NEGLIGIBLE * most)
  }

  return {
    learn(blocks, at) {
      if (blocks.length === 0) return
      const { shape, colours: dyes } = shapeOf(blocks.map(placed))
      counts[kinshipOf(shape, dyes)]++
      knownOf(shape).builds.push({ at, colours: dyes })
      latest = Math.max(latest, at)
      habit.learn(shape.spots)
      for (const about of facts.values()) delete about.first
      seen = []
      live = []
    },
    believe(lying, taken) {
      const now = lying.map(placed)
      const goesOn =
        seen.length > 0 &&
        seen.length <= now.length &&
        seen.every(({ x, y, colour }, i) => now[i]!.x === x && now[i]!.y === y && now[i]!.colour === colour)
      if (!goesOn) begin(now[0]!)
      for (const block of now.slice(goesOn ? seen.length : 1)) goOn(block)
      seen = now

      let ages = 0
      const weightOf = (at: number): number => MEMORY / (MEMORY + latest - at)
      for (const { builds } of all.values()) for (const { at } of builds) ages += weightOf(at)
      let games = 0
      for (const count of Object.values(counts)) games += count
      const known: Hypothesis[] = []
      for (const placement of live) {
        const { known: goal, kinship, shape, left, top, colours: dyes, share, open } = placement
        if (open.length === 0) continue
        const parts = new Int8Array(size ** 2).fill(-1)
        for (const { x, y, part } of shape.spots) parts[(top + y) * size + left + x] = part
        let chance = placement.chance / ((size - shape.wide + 1) * (size - shape.high + 1) * games)
        for (const { cell, colour } of taken)
          if (parts[cell]! >= 0 && dyes[parts[cell]!] === colour) chance *= TAKEN
        const suppose = (weight: number, colours: Int8Array): void => {
          if (weight > 0) known.push({ weight: weight * chance, parts, colours, placement })
        }
        let own = 0
        const exact = new Map<string, number>()
        for (const { at, colours: built } of goal.builds) {
          const weight = weightOf(at) / ages
          own += weight
          exact.set(`${built}`, (exact.get(`${built}`) ?? 0) + weight)
        }
        if (kinship === 'same') {
          for (const [built, weight] of exact) {
            const as = Int8Array.from(built.split(','), Number)
            if (dyes.every((dye, part) => dye < 0 || dye === as[part])) suppose(weight * counts.same, as)
          }
          const everybody = common.length > 0 ? goal.common / common.length : 0
          suppose((own * counts.recoloured + everybody * counts.common) * share, dyes)
        } else suppose((own * counts[kinship] * share) / goal[kinship]!.length, dyes)
      }
      return { known, fresh: counts.fresh / games }
    },
    nextOf({ placement: { shape, left, top }, parts }, built, last) {
      const open = shape.spots.filter(({ x, y }) => !built.has((top + y) * size + left + x))
      const { x, y } = placed(last)
      const from = { x: x - left, y: y - top, part: parts[last.cell]! }
      const chances = habit.chances(open, from, factsOf(shape).whole)
      return open.map((spot, i) => ({ cell: (top + spot.y) * size + left + spot.x, chance: chances[i]! }))
    },
  }
}
