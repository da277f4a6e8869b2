import { Worker } from 'node:worker_threads'
import type { Choice } from '../choice.ts'
import type { NodeRoot, NodeTrainingData } from './node-training.ts'

/** Trainings that Node runs beside those of the pages, each in a thread of its own and only as far as pages are. */
export type NodeRuns = {
  /** The root after so many steps, computed here; waits until it is. */
  readonly root: (choice: Choice, step: number) => Promise<NodeRoot>
  readonly close: () => Promise<void>
}

/** Trainings that are kept. The one that was asked for longest ago ends first. */
const KEPT = 2

export const openNodeRuns = (text: Uint8Array): NodeRuns => {
  const runs = new Map<string, Run>() // the one asked for last is the last
  const runOf = (choice: Choice): Run => {
    const key = `${choice.size} ${choice.seed}`
    const run = runs.get(key) ?? new Run(choice, text)
    runs.delete(key)
    runs.set(key, run)
    for (const [old, ended] of [...runs].slice(0, -KEPT)) {
      runs.delete(old)
      void ended.close()
    }
    return run
  }
  return {
    root: (choice, step) => runOf(choice).root(step),
    close: async () => {
      await Promise.all([...runs.values()].map((run) => run.close()))
      runs.clear()
    },
  }
}

class Run {
  readonly #thread: Worker
  readonly #roots = new Map<number, PromiseWithResolvers<NodeRoot>>()
  #failure: Error | undefined

  constructor(choice: Choice, text: Uint8Array) {
    const workerData: NodeTrainingData = { choice, text }
    this.#thread = new Worker(new URL('./node-training.ts', import.meta.url), { workerData })
    this.#thread.on('message', (root: NodeRoot) => this.#at(root.step).resolve(root))
    this.#thread.on('error', (error) => this.#fail(error instanceof Error ? error : new Error(String(error))))
    this.#thread.on('exit', () => this.#fail(new Error("Node's training was ended; reset to begin another")))
  }

  root(step: number): Promise<NodeRoot> {
    const { promise } = this.#at(step)
    if (!this.#failure) this.#thread.postMessage(step)
    return promise
  }

  async close(): Promise<void> {
    await this.#thread.terminate()
  }

  #at(step: number): PromiseWithResolvers<NodeRoot> {
    let found = this.#roots.get(step)
    if (!found) {
      found = Promise.withResolvers()
      found.promise.catch(() => undefined) // whoever asks hears of it; maybe nobody does
      this.#roots.set(step, found)
      if (this.#failure) found.reject(this.#failure)
    }
    return found
  }

  #fail(error: Error): void {
    this.#failure ??= error
    for (const { reject } of this.#roots.values()) reject(this.#failure)
  }
}
