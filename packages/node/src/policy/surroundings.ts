import { onBattery } from './battery.ts'
import { freeDisk, freeMemory } from './free-space.ts'
import { type WallTime, wallTime } from './hours.ts'
import type { Conditions } from './may-bid.ts'
import { createLoadProbe } from './others-load.ts'
import { createInputProbe } from './owner-input.ts'

/** What the machine itself says about the moment; the rest of the conditions come from the chain. */
export type Surroundings = Pick<
  Conditions,
  'wall' | 'onBattery' | 'inputIdle' | 'othersLoad' | 'freeMemory' | 'freeDisk'
>

export type SurroundingsProbe = {
  look(): Promise<Surroundings>
  close(): Promise<void>
}

export type SurroundingsOptions = {
  /** Where the node keeps its files. */
  readonly directory: string
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Where the system's files are; a test has its own. */
  readonly root?: string
  readonly loginctl?: string | false
  readonly wall?: (now: number) => WallTime
  /** Milliseconds for which a look holds: a busy node asks many times a second, and to look starts a process. */
  readonly lasts?: number
}

export const createSurroundings = (options: SurroundingsOptions): SurroundingsProbe => {
  const { directory, now, root = '/', loginctl = 'loginctl' } = options
  const { wall = (time) => wallTime(new Date(time)) } = options
  const input = createInputProbe({ root, loginctl })
  const load = createLoadProbe(root)
  const { lasts = 2_000 } = options
  let last: { readonly time: number; readonly seen: Promise<Surroundings> } | undefined
  const look = async (time: number): Promise<Surroundings> => {
    const [battery, inputIdle, othersLoad, memory, disk] = await Promise.all([
      onBattery(root),
      input.idle(time),
      load.sample(),
      freeMemory(root),
      freeDisk(directory),
    ])
    return {
      wall: wall(time),
      onBattery: battery,
      inputIdle,
      othersLoad,
      freeMemory: memory,
      freeDisk: disk,
    }
  }
  return {
    look: () => {
      const time = now()
      if (last === undefined || time - last.time >= lasts || time < last.time) {
        const seen = look(time)
        last = { time, seen }
        // One that failed is no answer for those to come.
        seen.catch(() => {
          last = undefined
        })
      }
      return last.seen
    },
    close: () => input.close(),
  }
}
