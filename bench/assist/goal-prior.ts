import { commonGoals, GRID_RULES, type GridForecaster, gridSymbols, naturalLog } from '@lockstep/assist'
import { shapesMemory } from './shapes.ts'

/**
 * The strong simple baseline of the game: the greedy prior of goals. Of the goals that this person has finished and those that everybody
 * knows it takes the likeliest next symbol, again and again.
 */
export const goalPrior = (): GridForecaster => {
  const blank = () => shapesMemory(GRID_RULES, commonGoals())
  let memory = blank()
  return {
    async forecast(context, { most, least }) {
      const found: number[] = []
      const logs: number[] = []
      const matched: number[] = []
      let whole = 0
      while (found.length < most && whole >= least) {
        const { p, best: sure } = memory.distribution(Uint16Array.of(...context, ...found))
        let best = -1
        for (let symbol = 0; symbol < symbols.begin; symbol++)
          if (p[symbol]! > 0 && (best < 0 || p[symbol]! > p[best]!)) best = symbol
        if (best < 0) break
        found.push(best)
        const log = naturalLog(p[best]!)
        logs.push(log)
        // How sure it is of its likeliest goal stands for the length of what it has met before.
        matched.push(Math.round(SURE * sure))
        whole += log
      }
      return {
        symbols: Uint16Array.from(found),
        logs: Float32Array.from(logs),
        matched: Uint8Array.from(matched),
      }
    },
    learn: (game, at) => memory.learn(game, at),
    forget: () => {
      memory = blank()
    },
  }
}
const SURE = 16
const symbols = gridSymbols()
