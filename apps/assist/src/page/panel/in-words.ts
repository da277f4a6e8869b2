import type { Explanation } from '@lockstep/assist'

const number = (value: number, digits = 1): string =>
  value.toLocaleString('en', { maximumFractionDigits: digits })
export const percent = (value: number): string => `${number(value * 100, 0)} %`
export const bits = (value: number): string =>
  value.toLocaleString('en', { minimumFractionDigits: 3, maximumFractionDigits: 3 })

/** When something was, as people here write it. */
export const when = (at: number): string =>
  new Date(at).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'short' })

export const lasted = (milliseconds: number): string => {
  const seconds = Math.round(milliseconds / 1000)
  if (seconds < 90) return `${seconds} s`
  const minutes = Math.round(seconds / 60)
  return minutes < 90 ? `${minutes} min` : `${number(minutes / 60)} h`
}

export const counted = (n: number, one: string, many = `${one}s`): string =>
  `${number(n, 0)} ${n === 1 ? one : many}`

export const size = (bytes: number): string =>
  bytes < 1024
    ? counted(bytes, 'byte')
    : bytes < 2 ** 20
      ? `${number(bytes / 1024)} KiB`
      : `${number(bytes / 2 ** 20)} MiB`

/** Why an offer was made, in sentences. */
export const whyOffered = ({ probability, saved, expected, attention, features }: Explanation): string => {
  const matched = Math.round(features.matched)
  const memory =
    matched > 0
      ? `Your own past went on from the last ${counted(matched, 'symbol')} before.`
      : 'Nothing like it is in your own past: it is what the model expects.'
  return (
    `It expected you to take it with a chance of ${percent(probability)}, which would spare you ${number(saved)}: ` +
    `${number(expected)} on average, more than the ${number(attention)} that looking costs. ${memory}`
  )
}

/** The numbers of the same, with their names. */
export const numbersOf = (one: Explanation): readonly (readonly [string, string])[] => [
  ['Chance that it is taken', percent(one.probability)],
  ['Actions spared if it is', number(one.saved)],
  [
    'Expected gain less attention',
    `${number(one.expected, 2)} − ${number(one.attention, 2)} = ${number(one.value, 2)}`,
  ],
  ['Unwanted in the last hundred', `${one.patience.used} of ${one.patience.allowed}`],
  ['Your last offers taken', percent(one.features.recent)],
  ['Least sure symbol', percent(Math.exp(one.features.worst))],
  ['Pause before it', `${number(one.features.pause)} s`],
  ['Thought for', `${number(one.latency)} ms`],
  ['Version', one.version],
]
