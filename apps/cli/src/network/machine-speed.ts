import { capabilityOf } from '@lockstep/node'
import { defaultThreads } from '../estimates.ts'
import type { Home } from './home.ts'

/** Scalar instructions a second of this machine: measured once a month. */
export const machineSpeed = async (home: Home): Promise<number> => {
  const { unitsPerSecond } = await capabilityOf({
    threads: defaultThreads(),
    file: home.capability,
    now: Date.now,
  })
  return unitsPerSecond * 1e6
}
