import { parentPort, workerData } from 'node:worker_threads'
import { createWasmExecutor } from '@lockstep/tensor'
import type { Choice } from '../choice.ts'
import { openTraining, ROOT_EVERY } from '../training.ts'

/** The thread in which Node trains: told how far, it answers with the root after every ten steps until there. */
export type NodeTrainingData = { readonly choice: Choice; readonly text: Uint8Array }
export type NodeRoot = { readonly step: number; readonly root: string; readonly program: string }

const { choice, text } = workerData as NodeTrainingData
const training = await openTraining(choice, text, await createWasmExecutor())

let busy: Promise<void> = Promise.resolve()
parentPort!.on('message', (until: number) => {
  busy = busy.then(async () => {
    while (training.at() < until) {
      await training.step()
      if (training.at() % ROOT_EVERY !== 0) continue
      const answer: NodeRoot = { step: training.at(), root: training.root(), program: training.program }
      parentPort!.postMessage(answer)
    }
  })
})
