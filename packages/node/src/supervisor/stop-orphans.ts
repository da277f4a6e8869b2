import type { Child } from './lock-file.ts'
import { isRunning } from './process-identity.ts'

const WITHIN = 5_000

/** Ends what a killed node has left running, politely first, so that nothing runs twice. */
export const stopOrphans = async (
  orphans: readonly Child[],
  log: { warn(fields: object, message: string): void },
): Promise<void> => {
  const left = orphans.filter(isRunning)
  for (const { pid, name } of left) {
    log.warn({ part: name, pid }, 'was left running by a node that was killed, and is stopped')
    send(pid, 'SIGTERM')
  }
  const end = performance.now() + WITHIN
  while (left.some(isRunning) && performance.now() < end) await new Promise((r) => setTimeout(r, 50))
  for (const child of left) if (isRunning(child)) send(child.pid, 'SIGKILL')
}

/** To the group that it leads, where it leads one. */
const send = (pid: number, signal: NodeJS.Signals): void => {
  for (const target of process.platform === 'win32' ? [pid] : [-pid, pid]) {
    try {
      process.kill(target, signal)
      return
    } catch {}
  }
}
