import type { Ask, Suggestion } from '../assistant/suggester.ts'
import { gridSymbols, MOST_BLOCKS } from '../environment/grid.ts'
import { goalsMemory, type Hypothesis } from '../memory/goals.ts'
import { naturalLog } from '../offering/natural-log.ts'
import { type Block, GRID_RULES, type GridMove } from './board.ts'
import { commonGoals } from './grid-model.ts'
import type { GridNetwork } from './network.ts'

/** Says how a game goes on. One thing at a time. */
export type GridForecaster = {
  /** The likeliest next symbols of a game, one after another; undefined where nobody waits for them any more. */
  forecast(context: Uint16Array, ask: Asked): Promise<Suggestion | undefined>
  /** A finished game, as its symbols; `at` orders games in time. */
  learn(game: Uint16Array, at: number): void
  /** Forgets all games. */
  forget(): void
}
export type Asked = Ask & { readonly isOver?: () => boolean }

/** An offer that is less likely to be right as a whole is not worth a look, whatever it would save. */
const SURE = 0.7
/** The chance of a move of a goal that is like nothing known. */
const FRESH = 0.05
/** The part of such goals that the network is held to foresee. */
const NETWORK = 0.3
/** How much it counts that a block is the next one in the person's order, beside that it belongs to the goal. */
const IN_TURN = 0.6
/** The likeliest goals are looked at, no more. */
const GOALS = 400
/** A tool that the network holds less likely is not followed further. */
const TOOL = 0.15
/** What is less likely than this is left out. */
const LEAST = 1e-4

const { size, colours } = GRID_RULES
const symbols = gridSymbols()

/**
 * Which blocks belong to the goal, as far as the memory of goals and the network foresee it, each to the part in which it explains
 * the game so far. The person takes an offer if all of it is right, in whatever order. So its chance is that of all goals to
 * which all its blocks belong; each block is the one that leaves most of that, and among nearly equals the one that
 * this person would build next. Without a network the memory speaks alone.
 */
export const goalsForecaster = (network?: GridNetwork): GridForecaster => {
  const common = commonGoals()
  let memory = goalsMemory(GRID_RULES, common)
  return {
    learn: (game, at) => memory.learn(readGame(game).lying, at),
    forget() {
      memory = goalsMemory(GRID_RULES, common)
    },
    async forecast(context, { most, least, isOver = () => false }) {
      const { moves, lying, taken } = readGame(context)
      const found: number[] = []
      const logs: number[] = []
      const matched: number[] = []
      const said = (): Suggestion => ({
        symbols: Uint16Array.from(found),
        logs: Float32Array.from(logs),
        matched: Uint8Array.from(matched),
      })
      if (lying.length === 0) return said()
      const belief = memory.believe(lying, taken)
      let known: readonly Hypothesis[] = belief.known.toSorted((a, b) => b.weight - a.weight).slice(0, GOALS)
      let fresh = belief.fresh * (network ? 1 - NETWORK : 1)
      for (let n = 0; n < moves.length; n++) fresh *= FRESH
      let read = await network?.read(context)
      let foreseen = read ? belief.fresh * NETWORK * read.chance : 0
      let all = known.reduce((sum, { weight }) => sum + weight, fresh + foreseen)
      const sure = Math.round(MATCHED * (1 - (fresh + foreseen) / all))

      const built = new Set(lying.map(({ cell }) => cell))
      const offered: GridMove[] = []
      let whole = 0
      while (offered.length < MOST_BLOCKS && found.length + 1 < most && whole >= least) {
        const last = [...lying, ...offered.filter(isPlaced)].at(-1)!
        const belongs = belonging(known, built)
        const own = new Float64Array(belongs.length)
        if (network && foreseen > LEAST * all) {
          const so = Uint16Array.of(...context, ...found)
          read = offered.length === 0 ? read : await network.read(so)
          if (isOver()) return undefined
          const hand = [...moves, ...offered].at(-1)!
          const tool = hand.kind === 'place' ? hand.colour : colours
          for (let colour = 0; colour < colours; colour++) {
            const taking = colour === tool ? 1 : read!.p[symbols.toolOf(colour)]!
            if (colour !== tool && taking < TOOL) continue
            const p =
              colour === tool
                ? read!.p
                : (await network.read(Uint16Array.of(...so, symbols.toolOf(colour)))).p
            if (isOver()) return undefined
            for (let cell = 0; cell < size ** 2; cell++)
              if (!built.has(cell))
                own[cell * colours + colour]! += foreseen * taking * p[symbols.offsetOf(cell, hand.cell)]!
          }
        }
        const turns = new Float64Array(belongs.length)
        const [top] = known
        if (top)
          for (const { cell, chance } of memory.nextOf(top, built, last)) {
            const colour = top.colours[top.parts[cell]!]!
            if (colour >= 0) turns[cell * colours + colour]! += top.weight * chance
          }
        const scoreOf = (at: number): number => belongs[at]! + own[at]! + IN_TURN * (turns[at]! + own[at]!)
        let best = -1
        for (let at = 0; at < belongs.length; at++)
          if (belongs[at]! + own[at]! > 0 && (best < 0 || scoreOf(at) > scoreOf(best))) best = at
        if (best < 0) break
        const block = { cell: Math.floor(best / colours), colour: best % colours }
        known = holding(known, block)
        foreseen = own[best]!
        const left = known.reduce((sum, { weight }) => sum + weight, foreseen)
        const log = naturalLog(left / all)
        all = left
        if (whole + log < naturalLog(SURE)) break
        const move: GridMove = { kind: 'place', ...block }
        for (const [i, symbol] of symbols.write([move], [...moves, ...offered]).entries()) {
          found.push(symbol)
          logs.push(i === 0 ? log : 0)
          matched.push(sure)
        }
        offered.push(move)
        built.add(block.cell)
        whole += log
      }
      return isOver() ? undefined : said()
    },
  }
}
/** How sure the memory is that the goal is a known one stands for the length of what it has met before. */
const MATCHED = 16

const isPlaced = (move: GridMove): move is GridMove & Block => move.kind === 'place'

/** A game's moves, the blocks that lie on the board, oldest first, and those that were taken away. */
const readGame = (context: Uint16Array) => {
  const moves = symbols.read(context.subarray(1))?.moves ?? []
  const lying = new Map<number, number>()
  const taken: Block[] = []
  for (const move of moves) {
    const colour = lying.get(move.cell)
    lying.delete(move.cell)
    if (isPlaced(move)) lying.set(move.cell, move.colour)
    else if (colour !== undefined) taken.push({ cell: move.cell, colour })
  }
  return { moves, lying: [...lying].map(([cell, colour]) => ({ cell, colour })), taken }
}

/** For each cell that is not built and each colour, how likely the goals are to which that block belongs. */
const belonging = (known: readonly Hypothesis[], built: ReadonlySet<number>): Float64Array => {
  const chances = new Float64Array(size ** 2 * colours)
  for (const { weight, parts, colours: dyes } of known) {
    const free = colours - dyes.filter((dye) => dye >= 0).length
    for (const [cell, part] of parts.entries()) {
      if (part < 0 || built.has(cell)) continue
      const dye = dyes[part]!
      if (dye >= 0) chances[cell * colours + dye]! += weight
      else
        for (let colour = 0; colour < colours; colour++)
          if (!dyes.includes(colour)) chances[cell * colours + colour]! += weight / free
    }
  }
  return chances
}

/** The goals to which a block belongs, each as likely as it then is. */
const holding = (known: readonly Hypothesis[], { cell, colour }: Block): Hypothesis[] =>
  known.flatMap((one) => {
    const part = one.parts[cell]!
    if (part < 0) return []
    const dye = one.colours[part]!
    if (dye >= 0) return dye === colour ? [one] : []
    if (one.colours.includes(colour)) return []
    const free = one.colours.filter((other) => other >= 0).length
    return [{ ...one, weight: one.weight / (colours - free), colours: one.colours.with(part, colour) }]
  })
