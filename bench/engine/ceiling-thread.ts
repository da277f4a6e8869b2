import { parentPort } from 'node:worker_threads'
import { engine } from '../../packages/tensor/src/wasm/engine.ts'
import { BUFFER, ceilingModule, type Task } from './ceilings.ts'

/** A thread that does what it is asked and answers with the seconds it took. */
const { bytes, limits } = ceilingModule()
const memory = new engine.Memory(limits)
// Pages that were never written all show one page of zeros, which stays in the cache.
new Uint8Array(memory.buffer).fill(1)
const { exports } = new engine.Instance(new engine.Module(bytes), { e: { m: memory } })
const FIRST = 65536

parentPort!.on('message', ({ kind, amount }: Task) => {
  const start = performance.now()
  if (kind === 'fma') exports[0]!(0, amount, 0, 0)
  else exports[kind === 'read' ? 1 : 2]!(FIRST, FIRST + amount, FIRST + BUFFER, 0)
  parentPort!.postMessage((performance.now() - start) / 1000)
})
