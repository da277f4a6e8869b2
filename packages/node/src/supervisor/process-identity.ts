import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

/** Which process of this number: a number is given to another one in time. */
export type ProcessIdentity = {
  readonly pid: number /** When it began, as the system says it. */
  readonly began: string
}

/** The process that has this number now; undefined where there is none that still runs. */
export const identityOf = (pid: number): ProcessIdentity | undefined => {
  if (!Number.isSafeInteger(pid) || pid <= 0) return undefined
  const began = process.platform === 'linux' ? beganOnLinux(pid) : beganElsewhere(pid)
  return began === undefined ? undefined : { pid, began }
}

/** Whether that very process still runs. */
export const isRunning = ({ pid, began }: ProcessIdentity): boolean => identityOf(pid)?.began === began

/** Ticks since the start of the system, which is named, too. What has ended and waits to be noticed does not run. */
const beganOnLinux = (pid: number): string | undefined => {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    if (fields[0] === 'Z' || fields[0] === 'X') return undefined
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()}+${fields[19]}`
  } catch {
    return undefined
  }
}

const beganElsewhere = (pid: number): string | undefined => {
  try {
    process.kill(pid, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return undefined
  }
  try {
    const args = ['-o', 'lstart=', '-p', String(pid)]
    return execFileSync('ps', args, { timeout: 5_000, stdio: 'pipe' }).toString().trim() || undefined
  } catch {
    return 'some time' // no ps: whoever has the number is taken for the same
  }
}
