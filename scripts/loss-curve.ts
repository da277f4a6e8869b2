/** A curve of so many rows and columns in plain characters; each column is the mean of its part of the values. */
export const lossCurve = (values: readonly number[], rows = 10, columns = 64): string => {
  const width = Math.min(columns, values.length)
  const means = Array.from({ length: width }, (_, c) => {
    const part = values.slice(
      Math.floor((c * values.length) / width),
      Math.floor(((c + 1) * values.length) / width),
    )
    return part.reduce((a, b) => a + b, 0) / part.length
  })
  const [least, most] = [Math.min(...means), Math.max(...means)]
  const rowOf = (value: number): number =>
    most === least ? rows - 1 : Math.round(((most - value) / (most - least)) * (rows - 1))
  const lines = Array.from({ length: rows }, (_, row) => {
    const value = most - (row * (most - least)) / (rows - 1)
    const cells = means.map((mean) => (rowOf(mean) === row ? '*' : ' ')).join('')
    return `${value.toFixed(2).padStart(7)} |${cells}`.trimEnd()
  })
  return [
    ...lines,
    `${' '.repeat(8)}+${'-'.repeat(width)}`,
    `${' '.repeat(9)}step 0 to ${values.length - 1}`,
  ].join('\n')
}
