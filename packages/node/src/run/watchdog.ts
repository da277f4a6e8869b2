import { writeSync } from 'node:fs'
import { workerData } from 'node:worker_threads'
import { OVER_MEMORY, type Watch } from './limits.ts'

/**
 * Looks after a run's process from a thread of its own, because a step may keep the main one busy for long: ends the
 * process when it outgrows its memory or when its parent is gone.
 */
const LOOK_MS = 100

const { parent, memory } = workerData as Watch
setInterval(() => {
  const rss = process.memoryUsage.rss()
  if (rss > memory) writeSync(2, `\n${OVER_MEMORY} ${rss}\n`)
  if (rss > memory || process.ppid !== parent) process.kill(process.pid, 'SIGKILL')
}, LOOK_MS)
