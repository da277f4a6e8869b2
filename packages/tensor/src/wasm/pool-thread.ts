import { type Accelerator, loadAccelerator } from './accelerator.ts'
import { engine, type Kernels } from './engine.ts'
import type { FromThread, ToThread } from './pool.ts'
import { probe } from './probe.ts'
import { Kind, runEntries, Word, type Work, waitWhile } from './team.ts'

/**
 * What a thread of the pool does with its messages, which it takes one after another: wait for commands in shared
 * memory, and for messages when told to leave that wait.
 */
export const poolThread = (reply: (message: FromThread) => void): ((message: ToThread) => Promise<void>) => {
  const works = new Map<number, { work: Work; kernels: Kernels }>()
  let control: Int32Array = new Int32Array(0)
  let thread = 0
  let threads = 0
  let seen = 0
  let accelerator: Accelerator | undefined

  const fail = (error: unknown): void =>
    reply({ kind: 'failed', message: error instanceof Error ? error.message : String(error) })

  const obey = (): void => {
    for (;;) {
      waitWhile(control, Word.command, seen)
      seen = Atomics.load(control, Word.command)
      if (Atomics.load(control, Word.kind) === Kind.leave) return
      const { work, kernels } = works.get(control[Word.work]!)!
      const [list, from, to] = [control[Word.list]!, control[Word.from]!, control[Word.to]!]
      runEntries(work, kernels, control, thread, threads, list, from, to, fail)
    }
  }

  return async (message) => {
    switch (message.kind) {
      case 'start':
        control = new Int32Array(message.control)
        thread = message.thread
        threads = message.threads
        try {
          if (message.accelerator !== undefined) accelerator = await loadAccelerator(message.accelerator)
          reply({ kind: 'started', probe: probe() })
        } catch (error) {
          fail(error)
        }
        break
      case 'attach':
        try {
          const { exports } = new engine.Instance(message.module, {
            e: { m: message.memory, ...accelerator?.attach(message.memory) },
          })
          works.set(message.id, { work: message.work, kernels: exports })
          seen = Atomics.load(control, Word.command)
          reply({ kind: 'attached' })
        } catch (error) {
          fail(error)
        }
        obey()
        break
      case 'detach':
        works.delete(message.id)
        break
      case 'tidy':
        provokeCollection()
        seen = Atomics.load(control, Word.command)
        reply({ kind: 'tidied' })
        obey()
    }
  }
}

/**
 * Asks for a memory and drops it. Where there is no room for one, an engine looks for memories of this thread that nobody
 * uses, and gives them back; nothing else makes it look. What another thread shares is there until all have done so.
 */
const provokeCollection = (): void => {
  try {
    new engine.Memory({ initial: 1, maximum: 1, shared: true })
  } catch {
    // There was no room; it has looked.
  }
}
