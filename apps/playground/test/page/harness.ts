import { createWasmExecutor } from '@lockstep/tensor'
import type { Asked, Found } from './conformance.ts'

/** What a test asks of a page that does nothing else. */
export type Harness = {
  /** The conformance run in a worker, which then ends itself. */
  conform(asked: Asked): Promise<Found>
  /** What an executor of two threads says on the page's main thread. */
  openHere(): Promise<string>
}

const harness: Harness = {
  conform: (asked) =>
    new Promise((resolve, reject) => {
      const worker = new Worker(new URL('./conformance.ts', import.meta.url), { type: 'module' })
      worker.onmessage = ({ data }: MessageEvent<Found | { failed: string }>) => {
        if ('failed' in data) reject(new Error(data.failed))
        else resolve(data)
      }
      worker.onerror = ({ message }) => {
        reject(new Error(message))
      }
      worker.postMessage(asked)
    }),
  openHere: () =>
    createWasmExecutor({ threads: 2 }).then(
      () => 'opened',
      (error: unknown) => String(error),
    ),
}
Object.assign(globalThis, { harness })
