import type { Line } from './members.ts'

/** A moment at which a process is struck: killed, or cut off. */
export type StrikePoint = {
  readonly name: string
  /** Whose line it is; and who is killed at it, where that is another. */
  readonly who: string
  readonly victim?: string
  readonly line: (line: Line) => boolean
  /** The process is started again when this is so; left out, at once. */
  readonly back?: () => Promise<boolean>
}

/** Strikes at its points, each once, in whatever order they come. */
export type Striker = {
  readonly arm: (points: readonly StrikePoint[]) => void
  readonly heard: (line: Line) => void
  /** Names of points that have been hit, in order. */
  readonly hit: () => readonly string[]
  readonly waiting: () => readonly string[]
  /** Whether somebody who was struck is not back yet. */
  readonly isDown: () => boolean
  /** What went wrong in striking, or in bringing back. */
  readonly fault: () => Error | undefined
  readonly disarm: () => void
}

/** `strike` does it to the victim of a point, and is fulfilled when the victim is back. */
export const createStriker = (strike: (point: StrikePoint) => Promise<void>): Striker => {
  const points = new Set<StrikePoint>()
  const hit: string[] = []
  const down = new Set<string>()
  let fault: Error | undefined
  return {
    arm: (more) => {
      for (const point of more) points.add(point)
    },
    heard: (line) => {
      for (const point of points) {
        const victim = point.victim ?? point.who
        if (point.who !== line.who || down.has(victim) || !point.line(line)) continue
        points.delete(point)
        hit.push(point.name)
        down.add(victim)
        strike(point).then(
          () => down.delete(victim),
          (error) => {
            fault ??= new Error(`${point.name}: ${(error as Error).message}`, { cause: error })
          },
        )
      }
    },
    hit: () => hit,
    waiting: () => [...points].map(({ name }) => name),
    isDown: () => down.size > 0,
    fault: () => fault,
    disarm: () => points.clear(),
  }
}

/** The line of a call that was mined, by the beginning of its intent. */
export const sent =
  (intent: string) =>
  ({ intent: found, block }: Line): boolean =>
    block !== undefined && typeof found === 'string' && found.startsWith(`${intent}:`)

export const says =
  (msg: string) =>
  (line: Line): boolean =>
    line.msg === msg

/** The line of that number of those that match. */
export const nth = (number: number, matches: (line: Line) => boolean): ((line: Line) => boolean) => {
  let seen = 0
  return (line) => matches(line) && ++seen === number
}
