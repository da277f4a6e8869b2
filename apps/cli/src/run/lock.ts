import { readFile, rm, writeFile } from 'node:fs/promises'
import { badEnvironment } from '../cli-error.ts'

/** Keeps a second process from writing to the same run. A lock whose process has ended is taken over. */
export const withLock = async <T>(path: string, work: () => Promise<T>): Promise<T> => {
  await take(path)
  try {
    return await work()
  } finally {
    await rm(path, { force: true })
  }
}

const take = async (path: string): Promise<void> => {
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      await writeFile(path, String(process.pid), { flag: 'wx' })
      return
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code !== 'EEXIST') throw Object.assign(error as Error, { path })
    }
    const owner = Number(await readFile(path, 'utf8').catch(() => ''))
    if (owner !== process.pid && isAlive(owner)) {
      throw badEnvironment(
        'run-locked',
        path,
        `held by process ${owner}`,
        'one writer',
        'Wait for it to end, or stop it; where it is no lockstep, remove this file.',
      )
    }
    await rm(path, { force: true })
  }
  throw badEnvironment('run-locked', path, 'contended', 'one writer', 'Run the command again.')
}

const isAlive = (pid: number): boolean => {
  if (!Number.isSafeInteger(pid) || pid <= 0) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
