import { parentPort } from 'node:worker_threads'
import { type CeilingTask, ceilingLoops } from '@lockstep/tensor'

/** A thread that does what it is asked and answers with the seconds it took. */
const run = ceilingLoops()

parentPort!.on('message', (task: CeilingTask) => {
  const start = performance.now()
  run(task)
  parentPort!.postMessage((performance.now() - start) / 1000)
})
