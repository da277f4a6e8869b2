import type { FromThread, Thread, ToThread } from './pool.ts'
import { PoolInbox } from './pool-inbox.ts'

/** The part of a browser's Worker that is used here; the language's own libraries declare it for browsers only. */
type WebWorker = {
  onmessage: ((event: { readonly data: FromThread }) => void) | null
  onerror: ((event: { readonly message?: string }) => void) | null
  onmessageerror: (() => void) | null
  postMessage(message: ToThread): void
  terminate(): void
}
declare const Worker: new (url: URL, options: { type: 'module'; name: string }) => WebWorker

/** Locks that workers of a page share. Absent where a page is not secure, which has no threads either. */
export type Locks = {
  request(name: string, options: { signal?: AbortSignal }, hold: () => unknown): Promise<unknown>
}
export const locksHere = (): Locks | undefined =>
  (globalThis as unknown as { navigator?: { locks?: Locks } }).navigator?.locks

/** How long whoever ends a thread waits for it to be gone; it is ended all the same. */
const PATIENCE_MS = 5000
/** What Chromium needs after that: a worker that ends while it hears of the end of its own worker stays for good. */
const AFTERWARDS_MS = 250

/** No event says that a worker is gone. But it holds a lock of its name, which it gives back when it ends. */
const gone = async (name: string): Promise<void> => {
  const signal = AbortSignal.timeout(PATIENCE_MS)
  await locksHere()
    ?.request(name, { signal }, () => undefined)
    .catch(() => undefined)
  await new Promise((resolve) => setTimeout(resolve, AFTERWARDS_MS))
}

/**
 * A thread of a browser: a worker that the worker of whoever calls this owns, so that it ends with its owner at the
 * latest. Bundlers look for exactly this way of writing where the worker's module lies.
 */
export const spawnThread = (): Thread => {
  const name = `lockstep thread ${crypto.randomUUID()}`
  const worker = new Worker(new URL('./pool-web-worker.ts', import.meta.url), { type: 'module', name })
  const inbox = new PoolInbox()
  worker.onmessage = ({ data }) => inbox.push(data)
  worker.onerror = ({ message }) =>
    inbox.die(new Error(message ?? 'the module of a thread was not loaded: is it served beside this one?'))
  worker.onmessageerror = () => inbox.die(new Error('a message of the thread could not be read'))
  return {
    post: (message) => worker.postMessage(message),
    receive: () => inbox.receive(),
    terminate: async () => {
      worker.terminate()
      inbox.die(new Error('the thread was ended'))
      await gone(name)
    },
  }
}
