import { AssistError } from '../assist-error.ts'

/** What a person may set. */
export type Settings = {
  /** Whether it offers anything at all. */
  readonly offers: boolean
  /** Whether it trains by itself when it is idle. The memory learns in any case. */
  readonly learns: boolean
  /** The most unwanted offers among those made within any hundred actions of the person. */
  readonly patience: number
  /** What looking at an offer costs, in actions: an offer is made if it is expected to save more. */
  readonly attention: number
  /** The least probability of an offer, whatever it would save. */
  readonly least: number
  /** Milliseconds after which an offer comes too late to be made. */
  readonly latency: number
  /** The most of the time that may be spent on training. */
  readonly share: number
  /** Training steps of one update. */
  readonly steps: number
  /** New symbols of the person after which an update is worth its while. */
  readonly every: number
  /** Versions that are kept beside the base. */
  readonly versions: number
  /** Newest episodes that an update learns from, its held-out ones included. */
  readonly episodes: number
  /** The newest part of what the person did that an update is measured on. */
  readonly heldOut: number
}

export const DEFAULT_SETTINGS: Settings = {
  offers: true,
  learns: true,
  patience: 10,
  attention: 0.5,
  least: 0.2,
  latency: 150,
  share: 0.2,
  steps: 40,
  every: 1500,
  versions: 16,
  episodes: 200,
  heldOut: 0.2,
}

/** From, to, and whether only integers. */
export const SETTINGS_BOUNDS: {
  readonly [K in keyof Settings as Settings[K] extends number ? K : never]: readonly [
    number,
    number,
    'integer' | 'number',
  ]
} = {
  patience: [0, 100, 'integer'],
  attention: [0, 100, 'number'],
  least: [0, 1, 'number'],
  latency: [1, 10_000, 'integer'],
  share: [0, 1, 'number'],
  steps: [1, 10_000, 'integer'],
  every: [100, 1_000_000, 'integer'],
  versions: [1, 100, 'integer'],
  episodes: [2, 2_000, 'integer'],
  heldOut: [0.05, 0.5, 'number'],
}

/** The settings, those that are not given at their defaults; an error names the first that is out of its bounds. */
export const checkedSettings = (given: Partial<Settings> = {}): Settings => {
  for (const [field, value] of Object.entries(given)) {
    const bad = (limit: string): AssistError =>
      new AssistError(
        'settings-invalid',
        `settings.${field}`,
        value,
        limit,
        'Choose a value within the limits, or leave it out.',
      )
    if (field === 'offers' || field === 'learns') {
      if (typeof value !== 'boolean') throw bad('true or false')
      continue
    }
    const bounds = Object.hasOwn(SETTINGS_BOUNDS, field)
      ? SETTINGS_BOUNDS[field as keyof typeof SETTINGS_BOUNDS]
      : undefined
    if (bounds === undefined) throw bad(`one of ${Object.keys(DEFAULT_SETTINGS).join(', ')}`)
    const [from, to, kind] = bounds
    const isRight =
      typeof value === 'number' &&
      value >= from &&
      value <= to &&
      (kind === 'number' || Number.isInteger(value))
    if (!isRight) throw bad(`${kind === 'integer' ? 'an integer' : 'a number'} from ${from} to ${to}`)
  }
  return { ...DEFAULT_SETTINGS, ...given }
}
