import { readFileSync } from 'node:fs'

/** Seconds of processor time that a process has used, and that children of it have which have ended. */
export type ProcessorTime = { readonly own: number; readonly children: number }

/** The kernel counts in hundredths, whatever its own clock is. */
const TICKS = 100

/** What the system has counted for a process; only Linux says so of others, and of children. */
export const processorTime = (pid: number | 'self'): ProcessorTime | undefined => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // The name may hold anything: what follows its last bracket is the third field and so on.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const [user, system, childUser, childSystem] = fields.slice(11, 15).map(Number)
    return { own: (user! + system!) / TICKS, children: (childUser! + childSystem!) / TICKS }
  } catch {
    return undefined
  }
}
