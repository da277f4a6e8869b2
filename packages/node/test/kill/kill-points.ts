import type { Line, Member } from './members.ts'

/** A moment at which a process is killed. */
export type KillPoint = {
  readonly name: string
  /** Whose line it is; and who is killed at it, where that is another. */
  readonly who: string
  readonly victim?: string
  readonly line: (line: Line) => boolean
  /** The process is started again when this is so; left out, at once. */
  readonly back?: () => Promise<boolean>
}

/** Kills at its points, each once, in whatever order they come. */
export type Killer = {
  readonly arm: (points: readonly KillPoint[]) => void
  readonly heard: (line: Line) => void
  /** Names of points that have been hit, in order. */
  readonly hit: () => readonly string[]
  readonly waiting: () => readonly string[]
  /** Whether a process that was killed is not up again. */
  readonly isDown: () => boolean
  /** What went wrong in starting one again. */
  readonly fault: () => Error | undefined
  readonly disarm: () => void
}

const BACK_LOOK_MS = 50
const BACK_LOOKS = 2_400

export const createKiller = (memberOf: (name: string) => Member): Killer => {
  const points = new Set<KillPoint>()
  const hit: string[] = []
  const down = new Set<string>()
  let fault: Error | undefined

  const strike = async ({ victim, who, back, name }: KillPoint): Promise<void> => {
    const member = memberOf(victim ?? who)
    await member.kill()
    for (let i = 0; back !== undefined && !(await back()); i++) {
      if (i === BACK_LOOKS) throw new Error(`${name}: ${member.name} could not be started again in time`)
      await new Promise((resolve) => setTimeout(resolve, BACK_LOOK_MS))
    }
    member.start()
  }
  return {
    arm: (more) => {
      for (const point of more) points.add(point)
    },
    heard: (line) => {
      if (line.msg === 'node is up') down.delete(line.who)
      for (const point of points) {
        const victim = point.victim ?? point.who
        if (point.who !== line.who || down.has(victim) || !point.line(line)) continue
        points.delete(point)
        hit.push(point.name)
        down.add(victim)
        strike(point).catch((error) => {
          fault ??= error as Error
        })
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
