import { Worker } from 'node:worker_threads'
import { createRooting, type FromRooting, type Rooting, type RootingThread } from '@lockstep/proof'
import { type Program, tensorBytes } from '@lockstep/tensor'

/** A smaller state is rooted sooner than a thread is told about it, let alone started. */
const WORTH_A_THREAD = 2 ** 20

export type RootingOptions = {
  /** Whether the addon hashes where it is built. Default true. */
  readonly native?: boolean
}

/** The rooting of a program's checkpoints: beside the steps where there is enough to hash. */
export const openRooting = (program: Program, options: RootingOptions = {}): Rooting => {
  const bytes = program.state.reduce((sum, type) => sum + tensorBytes(type), 0)
  return createRooting(program, bytes < WORTH_A_THREAD ? undefined : () => spawnRootingThread(options))
}

/** A thread of Node's. It keeps the process alive only while somebody waits for it. */
export const spawnRootingThread = (options: RootingOptions = {}): RootingThread => {
  const worker = new Worker(new URL('./worker.ts', import.meta.url), { workerData: options })
  const arrived: FromRooting[] = []
  let waiting: PromiseWithResolvers<FromRooting> | undefined
  let dead: Error | undefined
  const settle = (how: (waiting: PromiseWithResolvers<FromRooting>) => void): void => {
    if (waiting) how(waiting)
    waiting = undefined
    worker.unref()
  }
  worker.on('message', (message: FromRooting) => {
    if (waiting) settle(({ resolve }) => resolve(message))
    else arrived.push(message)
  })
  const die = (error: Error): void => {
    dead ??= error
    settle(({ reject }) => reject(dead))
  }
  worker.on('error', (error: Error) => die(error))
  worker.on('exit', (code) => die(new Error(`the thread that roots checkpoints ended with code ${code}`)))
  worker.unref()
  return {
    post: (message) => worker.postMessage(message),
    receive: async () => {
      const message = arrived.shift()
      if (message) return message
      if (dead) throw dead
      waiting = Promise.withResolvers()
      worker.ref()
      return waiting.promise
    },
    terminate: async () => {
      await worker.terminate()
    },
  }
}
