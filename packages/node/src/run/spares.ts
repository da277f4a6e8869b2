import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, unlinkSync } from 'node:fs'
import { join } from 'node:path'
import { isDevice } from '../executors/id.ts'
import type { Limits } from './limits.ts'
import type { Job } from './messages.ts'
import { type RunProcess, startProcess } from './run-process.ts'

/**
 * Processes that have ended a job well and wait for the next: a small job costs less than the start of a process. See
 * docs/decisions/0017 for why that is safe.
 */
export type Spares = {
  /** A process for such a job, which may have carried out others; undefined where it has to be one of its own. */
  readonly take: (job: Job, limits: Limits) => Spare | undefined
  readonly waiting: () => number
  /** Ends those that wait; none is kept from here on. */
  readonly close: () => Promise<void>
}

export type Spare = {
  readonly process: RunProcess
  /** The job's directory as the process sees it: the only place where it can write while it has this job. */
  readonly directory: string
  /** Keeps the process for another job. */
  readonly giveBack: (memory: number) => void
}

export type SparesOptions = {
  /** Where each process has a link to the directory that it may write in. What is there is removed. */
  readonly directory: string
  /** Processes that wait at most. */
  readonly most: number
  /** Milliseconds after which one that waits is ended. */
  readonly idle?: number
}

const IDLE_MS = 60_000
/** Jobs of one process at most. */
const MOST_JOBS = 512
/** A process that holds more than this after a job could make the next one fail for its memory. */
const MOST_BYTES = 384 * 2 ** 20
const LINK = 'run'

type Kept = { readonly process: RunProcess; readonly key: string; readonly cell: string | undefined }

export const openSpares = ({ directory, most, idle = IDLE_MS }: SparesOptions): Spares => {
  rmSync(directory, { recursive: true, force: true })
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const home = realpathSync(directory)
  const waiting = new Map<Kept, NodeJS.Timeout>()
  const closing = new Set<Promise<unknown>>()
  let closed = false

  const start = (key: string, kind: Job['kind'], limits: Limits, threads: number): Kept => {
    // An audit writes nothing, so its process may not: neither now nor in a later job.
    const cell = kind === 'run' ? mkdtempSync(join(home, 'cell-')) : undefined
    const process = startProcess({ limits, threads, writable: cell })
    const kept: Kept = { process, key, cell }
    const gone = process.closed.then(() => {
      clearTimeout(waiting.get(kept))
      waiting.delete(kept)
      if (cell !== undefined) rmSync(cell, { recursive: true, force: true })
      closing.delete(gone)
    })
    closing.add(gone)
    return kept
  }
  const end = (kept: Kept): void => {
    clearTimeout(waiting.get(kept))
    waiting.delete(kept)
    kept.process.kill()
  }
  /** The one that has waited least: so few do much, with code that is compiled, and the others come to their end. */
  const lastOf = (key: string): Kept | undefined =>
    [...waiting.keys()].reverse().find((kept) => kept.key === key)

  return {
    waiting: () => waiting.size,
    take: (job, limits) => {
      const { executor, directory: goal } = job.spec
      // Whose code it is nobody knows: what it leaves behind ends with its process.
      if (closed || job.kind === 'moves' || executor?.module !== undefined) return undefined
      // A measurement is of a process like that of a run, and a driver's process may write nowhere else.
      if (job.kind === 'measure' || (executor?.on !== undefined && isDevice(executor.on))) return undefined
      const { memory, nice = 0 } = limits
      const threads = executor?.threads ?? 1
      const key = [job.kind, memory, nice, threads].join(' ')
      const found = lastOf(key)
      if (found) {
        clearTimeout(waiting.get(found))
        waiting.delete(found)
      }
      const kept = found ?? start(key, job.kind, limits, threads)
      const { process, cell } = kept
      process.jobs++
      const link = cell && join(cell, LINK)
      if (link !== undefined) symlinkSync(goal, link, 'junction')
      return {
        process,
        directory: link ?? goal,
        giveBack: (held) => {
          try {
            if (link !== undefined) unlinkSync(link)
          } catch {
            end(kept) // it has done something to its link: nothing that it does is ours any more
            return
          }
          const isSpent = process.jobs >= MOST_JOBS || held > Math.min(MOST_BYTES, memory / 2)
          if (closed || isSpent || waiting.size >= most) {
            process.kill()
            return
          }
          // Nobody has asked it anything: whatever it says, or that it ends, is amiss.
          process.hear(() => end(kept))
          waiting.set(kept, setTimeout(() => end(kept), idle).unref())
        },
      }
    },
    close: async () => {
      closed = true
      for (const kept of [...waiting.keys()]) end(kept)
      await Promise.all(closing)
      rmSync(home, { recursive: true, force: true })
    },
  }
}
