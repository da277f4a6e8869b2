import { ok, type Result } from '@lockstep/tensor'
import type { BackOff } from './back-off.ts'
import { takeLock } from './lock-file.ts'
import type { Part } from './part.ts'
import { identityOf } from './process-identity.ts'
import { stopOrphans } from './stop-orphans.ts'
import { type SuperviseOptions, type Supervisor, supervise } from './supervise.ts'

export type RunPartsOptions = {
  /** In the node's directory: one node has it at a time. */
  readonly lockFile: string
  readonly parts: readonly Part[]
  readonly log: SuperviseOptions['log']
  readonly backOff?: BackOff
}

/** Takes the node's directory, ends what a killed node has left running in it, and keeps the parts running. */
export const runParts = async (options: RunPartsOptions): Promise<Result<Supervisor>> => {
  const { lockFile, parts, log, backOff } = options
  const lock = await takeLock(lockFile)
  if (!lock.ok) return lock
  await stopOrphans(lock.value.orphans, log)
  const supervisor = supervise(parts, {
    log,
    ...(backOff === undefined ? {} : { backOff }),
    changed: (processes) => {
      const children = processes.flatMap(({ name, pid }) => {
        const identity = identityOf(pid)
        return identity === undefined ? [] : [{ name, ...identity }]
      })
      lock.value.note(children).catch((error) => log.warn({ err: error }, 'the lock file was not written'))
    },
  })
  let stopped: Promise<string[]> | undefined
  return ok({
    ...supervisor,
    stop: () => {
      stopped ??= supervisor.stop().finally(() => lock.value.release())
      return stopped
    },
  })
}
