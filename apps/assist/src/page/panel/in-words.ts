import type { Explanation } from '@lockstep/assist'

/** What is spared in an application. */
export type Unit = 'keystroke' | 'move'

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

/** What an offer of a text is from: the memory counts how much of what came before it has seen from this person. */
const fromWriting = (matched: number): string =>
  matched === 0
    ? 'You have written nothing like it here: it is from public texts, and from the network that learned from them and from you.'
    : matched < KNOWN
      ? `Your own past knows the last ${counted(matched, 'character')} alone: most of it is from public texts and the network.`
      : `You went on like this after the same ${counted(matched, 'character')} before.`
/** The same of blocks: its memory tells no lengths. */
const FROM_BUILDING =
  'It is from what you have built before, from shapes that everybody knows, and from the network, each by how well it explains this game.'
/** Fewer characters than this are in almost everything that somebody has written. */
const KNOWN = 3

/** Why an offer was made, in sentences. */
export const whyOffered = (
  { probability, saved, expected, attention, features }: Explanation,
  unit: Unit,
): string =>
  `It expected you to take it with a chance of ${percent(probability)}, which would spare you ${counted(saved, unit)}: ` +
  `${TENTHS.format(expected)} on average, more than the ${TENTHS.format(attention)} that looking costs. ` +
  (unit === 'keystroke' ? fromWriting(Math.round(features.matched)) : FROM_BUILDING)

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
