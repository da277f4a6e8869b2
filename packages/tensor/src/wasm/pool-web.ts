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

/**
 * A thread of a browser: a worker that the worker of whoever calls this owns, so that it ends with its owner at the
 * latest. Bundlers look for exactly this way of writing where the worker's module lies.
 */
export const spawnThread = (): Thread => {
  const worker = new Worker(new URL('./pool-web-worker.ts', import.meta.url), {
    type: 'module',
    name: 'lockstep thread',
  })
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
    },
  }
}
