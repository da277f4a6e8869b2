import { parentPort } from 'node:worker_threads'
import { rootingThread } from '@lockstep/proof'

const answer = rootingThread()
parentPort!.on('message', (message) => {
  const reply = answer(message)
  if (reply) parentPort!.postMessage(reply)
})
