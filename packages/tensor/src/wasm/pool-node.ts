import { Worker } from 'node:worker_threads'
import type { FromThread, Thread } from './pool.ts'

/** Threads on Node's worker_threads. They do not keep the process alive unless someone waits for a message. */
export const spawnNodeThread = (): Thread => {
  const worker = new Worker(new URL('./pool-worker.ts', import.meta.url))
  const messages: FromThread[] = []
  let waiting: { resolve: (m: FromThread) => void; reject: (e: Error) => void } | undefined
  let dead: Error | undefined
  const die = (error: Error): void => {
    dead ??= error
    waiting?.reject(dead)
    waiting = undefined
  }
  worker.on('message', (message: FromThread) => {
    if (!waiting) {
      messages.push(message)
      return
    }
    waiting.resolve(message)
    waiting = undefined
    worker.unref()
  })
  worker.on('error', (error) => die(error instanceof Error ? error : new Error(String(error))))
  worker.on('exit', (code) => die(new Error(`the thread ended with code ${code}`)))
  worker.unref()
  return {
    post: (message) => worker.postMessage(message),
    receive: () =>
      new Promise((resolve, reject) => {
        const message = messages.shift()
        if (message) resolve(message)
        else if (dead) reject(dead)
        else {
          waiting = { resolve, reject }
          worker.ref()
        }
      }),
    terminate: async () => {
      await worker.terminate()
    },
  }
}
