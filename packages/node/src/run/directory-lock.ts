import { readFile, rm, writeFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { runFault } from './run-fault.ts'

/** How long to wait for a process that is ending: one whose parent was killed needs a moment to see it. */
const PATIENCE_MS = 8_000

/** Keeps a second process from writing to the same directory. A lock whose process has ended is taken over. */
export const withLock = async <T>(
  path: string,
  work: () => Promise<T>,
  patience = PATIENCE_MS,
): Promise<T> => {
  const name = await nameOf(process.pid)
  const until = performance.now() + patience
  while (!(await take(path, name))) {
    if (performance.now() > until)
      throw runFault(
        'run-locked',
        path,
        'held by another process',
        'one writer',
        'Wait for it to end, or stop it.',
      )
    await sleep(50)
  }
  try {
    return await work()
  } finally {
    await rm(path, { force: true })
  }
}

const take = async (path: string, name: string): Promise<boolean> => {
  try {
    await writeFile(path, name, { flag: 'wx' })
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw Object.assign(error as Error, { path })
  }
  const owner = await readFile(path, 'utf8').catch(() => '')
  const pid = Number.parseInt(owner, 10)
  if (pid !== process.pid && pid > 0 && owner === (await nameOf(pid))) return false
  await rm(path, { force: true })
  return false
}

/**
 * A process by its number and, where the system tells, when it began: numbers are given out again, in a container
 * from 1 on at every start. Empty where there is none.
 */
const nameOf = async (pid: number): Promise<string> => {
  try {
    process.kill(pid, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return ''
  }
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  // Fields after the command, which may hold anything, in parentheses; the 22nd of all is the start.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return fields[0] === 'Z' ? '' : `${pid} ${fields[19] ?? ''}`
}
