import { createHash } from 'node:crypto'
import { readFile, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { fail, ok, type Result } from '@lockstep/tensor'
import { z } from 'zod'
import { makePrivateDirectory, writePrivate } from '../keys/private-file.ts'
import { identityOf, isRunning, type ProcessIdentity } from './process-identity.ts'

/** A process of the node's. */
export type Child = ProcessIdentity & { readonly name: string }

/** Says that this process has the node's directory, and which processes it has started. */
export type Lock = {
  /** What a holder that was killed has left running; they are stopped before anything is started. */
  readonly orphans: readonly Child[]
  /** Writes down which processes there are. */
  note(children: readonly Child[]): Promise<void>
  release(): Promise<void>
}

const identity = { pid: z.int().min(1), began: z.string().max(128) }
const lockSchema = z.strictObject({
  ...identity,
  children: z.array(z.strictObject({ ...identity, name: z.string().max(64) })).max(256),
})
type Content = z.output<typeof lockSchema>

const ATTEMPTS = 20

/** Takes a directory's lock; one whose process has ended is taken over, with the processes it has left. */
export const takeLock = async (path: string): Promise<Result<Lock>> => {
  const self = identityOf(process.pid)
  if (self === undefined) throw new Error('this process has no identity')
  await makePrivateDirectory(dirname(path))
  const write = (children: readonly Child[], replace: boolean): Promise<boolean> =>
    writePrivate(path, `${JSON.stringify({ ...self, children })}\n`, { replace })

  let orphans: Child[] = []
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    if (await write(orphans, false)) return ok(lockOf(path, orphans, write))
    const text = await readFile(path, 'utf8').catch(() => undefined)
    if (text === undefined) continue // released meanwhile
    const holder = contentOf(text)
    if (holder && isRunning(holder)) return fail(held(path, `held by process ${holder.pid}`))
    if (!(await removeStale(path, text, self))) continue
    orphans = (holder?.children ?? []).filter(isRunning)
  }
  return fail(held(path, 'contended'))
}

/** Who has a directory's lock, and what it has started; undefined where nobody ever took it, or gave it back. */
export const readHolder = async (
  path: string,
): Promise<(ProcessIdentity & { readonly children: readonly Child[] }) | undefined> => {
  const text = await readFile(path, 'utf8').catch(() => undefined)
  return text === undefined ? undefined : contentOf(text)
}

/**
 * Removes the lock of a process that has ended, and no other that has come in its place meanwhile: whoever removes one holds a
 * file named after its text, which one process at a time can make, and looks again before it removes. A file of that kind
 * whose maker was killed is removed in the same way.
 */
const removeStale = async (path: string, stale: string, self: ProcessIdentity): Promise<boolean> => {
  const guard = `${path}.${createHash('sha256').update(stale).digest('hex').slice(0, 12)}.stale`
  if (!(await writePrivate(guard, `${JSON.stringify({ ...self, children: [] })}\n`, { replace: false }))) {
    const text = await readFile(guard, 'utf8').catch(() => undefined)
    const holder = text === undefined ? undefined : contentOf(text)
    if (text !== undefined && !(holder && isRunning(holder))) await removeStale(guard, text, self)
    return false // somebody else is at it, or was
  }
  try {
    if ((await readFile(path, 'utf8').catch(() => undefined)) !== stale) return false
    await rm(path)
    return true
  } finally {
    await rm(guard, { force: true })
  }
}

const lockOf = (
  path: string,
  orphans: readonly Child[],
  write: (children: readonly Child[], replace: boolean) => Promise<boolean>,
): Lock => {
  let released = false
  let last: Promise<unknown> = Promise.resolve()
  const inTurn = (task: () => Promise<unknown>): Promise<void> => {
    const next = last.then(task, task)
    last = next.catch(() => {})
    return next.then(() => {})
  }
  return {
    orphans,
    note: (children) =>
      inTurn(async () => {
        if (!released) await write(children, true)
      }),
    release: () =>
      inTurn(async () => {
        released = true
        await rm(path, { force: true })
      }),
  }
}

const contentOf = (text: string): Content | undefined => {
  try {
    return lockSchema.parse(JSON.parse(text))
  } catch {
    return undefined // torn or foreign: nobody's
  }
}

const held = (path: string, value: string) => ({
  code: 'node-locked',
  field: path,
  value,
  limit: 'one node for a directory',
  remedy: 'Stop that one first, or give this one another directory.',
})
