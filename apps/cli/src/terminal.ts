/** Where a command's words go: data on stdout, everything about getting there on stderr. */
export type Terminal = {
  /** One line of data for people; silent with --json. */
  say(line?: string): void
  /** The command's result for programs: one JSON line on stdout; silent without --json. */
  result(value: unknown): void
  /** One line about progress or state, on stderr. */
  note(line: string): void
  progress(label: string, total: number): Progress
  readonly json: boolean
}

export type Progress = {
  /** `done` of the total, and what to show beside it. */
  update(done: number, detail?: string): void
  end(): void
}

type Stream = { write(text: string): unknown; isTTY?: boolean; columns?: number }
export type TerminalOptions = {
  readonly json: boolean
  readonly stdout: Stream
  readonly stderr: Stream
  /** Milliseconds of some steady clock. */
  readonly now: () => number
}

/** Plain lines appear when a tenth more is done, or after this long. */
const PLAIN_INTERVAL = 10_000
const BAR_INTERVAL = 80
const BAR = 24

export const createTerminal = ({ json, stdout, stderr, now }: TerminalOptions): Terminal => ({
  json,
  say: (line = '') => void (json || stdout.write(`${line}\n`)),
  result: (value) => void (json && stdout.write(`${JSON.stringify(value)}\n`)),
  note: (line) => void stderr.write(`${line}\n`),
  progress: (label, total) =>
    stderr.isTTY ? bar(label, total, stderr, now) : lines(label, total, stderr, now),
})

const bar = (label: string, total: number, stream: Stream, now: () => number): Progress => {
  const start = now()
  let last = Number.NEGATIVE_INFINITY
  return {
    update: (done, detail = '') => {
      if (now() - last < BAR_INTERVAL && done < total) return
      last = now()
      const full = Math.round((BAR * done) / Math.max(total, 1))
      const text = `${label} [${'#'.repeat(full)}${'.'.repeat(BAR - full)}] ${counts(done, total)} ${remaining(done, total, now() - start)} ${detail}`
      stream.write(`\r\x1b[2K${text.slice(0, (stream.columns || 80) - 1)}`)
    },
    end: () => void stream.write('\r\x1b[2K'),
  }
}

const lines = (label: string, total: number, stream: Stream, now: () => number): Progress => {
  const start = now()
  let lastTime = start
  let lastTenth = 0
  return {
    update: (done, detail = '') => {
      const tenth = Math.floor((10 * done) / Math.max(total, 1))
      if (tenth === lastTenth && now() - lastTime < PLAIN_INTERVAL) return
      lastTenth = tenth
      lastTime = now()
      stream.write(
        [label, counts(done, total), remaining(done, total, now() - start), detail].filter(Boolean).join(' '),
      )
      stream.write('\n')
    },
    end: () => {},
  }
}

const counts = (done: number, total: number): string => `${done}/${total}`

const remaining = (done: number, total: number, elapsed: number): string =>
  done === 0 || done >= total ? '' : `${seconds((elapsed / done) * (total - done))} left`

export const seconds = (milliseconds: number): string => {
  const s = milliseconds / 1000
  if (s < 10) return `${s.toFixed(1)} s`
  if (s < 120) return `${Math.round(s)} s`
  if (s < 7200) return `${Math.round(s / 60)} min`
  return `${(s / 3600).toFixed(1)} h`
}

export const bytes = (n: number): string => scaled(n, 1024, ['bytes', 'KiB', 'MiB', 'GiB', 'TiB'])
export const count = (n: number): string =>
  scaled(n, 1000, ['', 'thousand', 'million', 'billion', 'trillion']).trim()

const scaled = (n: number, base: number, units: readonly string[]): string => {
  let value = n
  let unit = 0
  while (value >= base && unit < units.length - 1) {
    value /= base
    unit++
  }
  return `${unit === 0 ? value : value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0)} ${units[unit]}`
}
