import type { ShapesMemory } from '../memory/shapes.ts'
import { SHAPE_FEATURES } from '../memory/shapes.ts'

/** Games as a model learns from them beside its memory: see `advisedPrograms` in the package of models. */
export type AdvisedGames = {
  readonly tokens: Uint32Array<ArrayBuffer> // (N, L)
  readonly from: Uint32Array<ArrayBuffer> // (N)
  readonly until: Uint32Array<ArrayBuffer> // (N)
  readonly advice: Float32Array<ArrayBuffer> // (N, L - 1, V)
  readonly features: Float32Array<ArrayBuffer> // (N, L - 1, F)
}

/**
 * One row for each game, oldest first, with what the memory says at each place before it has seen the game's end. The
 * memory learns each game after its row is made, at the time it was played. What is longer than a row is cut.
 */
export const advisedGames = (
  games: readonly { readonly symbols: Uint16Array; readonly at: number }[],
  memory: ShapesMemory,
  length: number,
  vocab: number,
): AdvisedGames => {
  const rows = games.length
  const made: AdvisedGames = {
    tokens: new Uint32Array(rows * length),
    from: new Uint32Array(rows).fill(1),
    until: new Uint32Array(rows),
    advice: new Float32Array(rows * (length - 1) * vocab),
    features: new Float32Array(rows * (length - 1) * SHAPE_FEATURES),
  }
  for (const [row, { symbols, at }] of games.entries()) {
    const read = symbols.subarray(0, length)
    made.tokens.set(read, row * length)
    made.until[row] = read.length
    for (let place = 0; place < read.length - 1; place++) {
      const { p, features } = memory.distribution(symbols.subarray(0, place + 1))
      const cell = row * (length - 1) + place
      made.advice.set(p, cell * vocab)
      made.features.set(features, cell * SHAPE_FEATURES)
    }
    memory.learn(symbols, at)
  }
  return made
}
