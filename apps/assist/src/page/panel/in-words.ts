import type { Explanation } from '@lockstep/assist'

// Made once: to make one takes longer than all that it ever formats.
const TENTHS = new Intl.NumberFormat('en', { maximumFractionDigits: 1 })
const HUNDREDTHS = new Intl.NumberFormat('en', { maximumFractionDigits: 2 })
const WHOLE = new Intl.NumberFormat('en', { maximumFractionDigits: 0 })
const BITS = new Intl.NumberFormat('en', { minimumFractionDigits: 3, maximumFractionDigits: 3 })
const TIME = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' })

export const percent = (value: number): string => `${WHOLE.format(value * 100)} %`
export const bits = (value: number): string => BITS.format(value)

/** When something was, as people here write it. */
export const when = (at: number): string => TIME.format(at)

export const lasted = (milliseconds: number): string => {
  const seconds = Math.round(milliseconds / 1000)
  if (seconds < 90) return `${seconds} s`
  const minutes = Math.round(seconds / 60)
  return minutes < 90 ? `${minutes} min` : `${TENTHS.format(minutes / 60)} h`
}

export const counted = (n: number, one: string, many = `${one}s`): string =>
  `${WHOLE.format(n)} ${n === 1 ? one : many}`

export const size = (bytes: number): string =>
  bytes < 1024
    ? counted(bytes, 'byte')
    : bytes < 2 ** 20
      ? `${TENTHS.format(bytes / 1024)} KiB`
      : `${TENTHS.format(bytes / 2 ** 20)} MiB`

/** Why an offer was made, in sentences. */
export const whyOffered = ({ probability, saved, expected, attention, features }: Explanation): string => {
  const matched = Math.round(features.matched)
  const memory =
    matched > 0
      ? `Your own past went on from the last ${counted(matched, 'symbol')} before.`
      : 'Nothing like it is in your own past: it is what the model expects.'
  return (
    `It expected you to take it with a chance of ${percent(probability)}, which would spare you ${TENTHS.format(saved)}: ` +
    `${TENTHS.format(expected)} on average, more than the ${TENTHS.format(attention)} that looking costs. ${memory}`
  )
}

/** The numbers of the same, with their names. */
export const numbersOf = (one: Explanation): readonly (readonly [string, string])[] => [
  ['Chance that it is taken', percent(one.probability)],
  ['Actions spared if it is', TENTHS.format(one.saved)],
  [
    'Expected gain less attention',
    `${HUNDREDTHS.format(one.expected)} − ${HUNDREDTHS.format(one.attention)} = ${HUNDREDTHS.format(one.value)}`,
  ],
  ['Unwanted in the last hundred', `${one.patience.used} of ${one.patience.allowed}`],
  ['Your last offers taken', percent(one.features.recent)],
  ['Least sure symbol', percent(Math.exp(one.features.worst))],
  ['Pause before it', `${TENTHS.format(one.features.pause)} s`],
  ['Thought for', `${TENTHS.format(one.latency)} ms`],
  ['Version', one.version],
]
