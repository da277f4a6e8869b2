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
}

export const createSurroundings = (options: SurroundingsOptions): SurroundingsProbe => {
  const { directory, now, root = '/', loginctl = 'loginctl' } = options
  const { wall = (time) => wallTime(new Date(time)) } = options
  const input = createInputProbe({ root, loginctl })
  const load = createLoadProbe(root)
  return {
    look: async () => {
      const time = now()
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
    },
    close: () => input.close(),
  }
}
