import { draws } from '@lockstep/swarm'
import { gridSymbols } from '../environment/grid.ts'
import { GRID_RULES, type GridMove, type GridRules } from './board.ts'
import { type Family, goalOf } from './goal.ts'
import { personOf } from './person.ts'
import { playGame } from './play.ts'

/** Tells the words that games are drawn from apart from others. */
const GAME_WORDS = 0x4752_0006

/**
 * Games of scripted people who build alone, as rows of symbols, (rows, length): each row begins with a game, and the next
 * follows where one ends; the last is cut. Every game is turned or mirrored as one of the eight ways of a square.
 */
export const gameRows = async (
  families: readonly Family[],
  rows: number,
  length: number,
  seed: number,
  rules: GridRules = GRID_RULES,
): Promise<Uint32Array<ArrayBuffer>> => {
  const symbols = gridSymbols(rules)
  const table = new Uint32Array(rows * length)
  const drawn = draws(seed, GAME_WORDS)
  for (let row = 0; row < rows; row++) {
    const written: number[] = []
    while (written.length < length) {
      const person = personOf(drawn.word(), families)
      const goal = goalOf(families[drawn.below(families.length)]!, drawn.word(), rules)
      const { last } = await playGame(person, drawn.below(1000), goal, undefined, rules)
      const way = drawn.below(8)
      const turned = last.moves.map((move): GridMove => ({ ...move, cell: turn(move.cell, way, rules.size) }))
      written.push(symbols.begin, ...symbols.write(turned))
    }
    table.set(written.slice(0, length), row * length)
  }
  return table
}

const turn = (cell: number, way: number, size: number): number => {
  const x = way & 1 ? size - 1 - (cell % size) : cell % size
  const y = way & 2 ? size - 1 - Math.floor(cell / size) : Math.floor(cell / size)
  return way & 4 ? x * size + y : y * size + x
}
