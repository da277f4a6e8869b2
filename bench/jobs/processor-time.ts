import { readdirSync, readFileSync } from 'node:fs'

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

/** Seconds of processor time that all children of a process have used so far, those that are alive included. */
export const childrenTime = (pid: number): number => {
  const ended = processorTime(pid)?.children ?? Number.NaN
  let alive = 0
  try {
    for (const task of readdirSync(`/proc/${pid}/task`))
      for (const child of readFileSync(`/proc/${pid}/task/${task}/children`, 'latin1').split(' ')) {
        const time = child === '' ? undefined : processorTime(Number(child))
        alive += (time?.own ?? 0) + (time?.children ?? 0)
      }
  } catch {}
  return ended + alive
}
