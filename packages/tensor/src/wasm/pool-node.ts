import { Worker } from 'node:worker_threads'
import type { FromThread, Thread } from './pool.ts'
import { PoolInbox } from './pool-inbox.ts'

/** A thread of Node's worker_threads. It does not keep the process alive unless someone waits for a message. */
export const spawnThread = (): Thread => {
  const worker = new Worker(new URL('./pool-worker.ts', import.meta.url))
  const inbox = new PoolInbox((waits) => (waits ? worker.ref() : worker.unref()))
  worker.on('message', (message: FromThread) => inbox.push(message))
  worker.on('error', (error) => inbox.die(error instanceof Error ? error : new Error(String(error))))
  worker.on('exit', (code) => inbox.die(new Error(`the thread ended with code ${code}`)))
  worker.unref()
  return {
    post: (message) => worker.postMessage(message),
    receive: () => inbox.receive(),
    terminate: async () => {
      await worker.terminate()
    },
  }
}
