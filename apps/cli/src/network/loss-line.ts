const LEVELS = '▁▂▃▄▅▆▇█'
const COLUMNS = 48

/** Losses as one line of bars, each the mean of its part, with the first and the last in numbers. */
export const lossLine = (losses: readonly number[]): string => {
  const width = Math.min(COLUMNS, losses.length)
  const means = Array.from({ length: width }, (_, c) => {
    const part = losses.slice(
      Math.floor((c * losses.length) / width),
      Math.floor(((c + 1) * losses.length) / width),
    )
    return part.reduce((sum, loss) => sum + loss, 0) / part.length
  })
  const [least, most] = [Math.min(...means), Math.max(...means)]
  const bar = (mean: number): string =>
    LEVELS[most === least ? 0 : Math.round(((mean - least) / (most - least)) * (LEVELS.length - 1))]!
  return `${losses[0]!.toFixed(3)} ${means.map(bar).join('')} ${losses.at(-1)!.toFixed(3)}`
}
