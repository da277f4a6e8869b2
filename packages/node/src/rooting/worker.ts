import { parentPort } from 'node:worker_threads'
import { loadNative, useNativeHash } from '@lockstep/native'
import { rootingThread } from '@lockstep/proof'

const native = loadNative()
if (native) useNativeHash(native)
const answer = rootingThread()
parentPort!.on('message', (message) => {
  const reply = answer(message)
  if (reply) parentPort!.postMessage(reply)
})
