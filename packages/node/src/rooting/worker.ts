import { parentPort, workerData } from 'node:worker_threads'
import { loadNative, useNativeHash } from '@lockstep/native'
import { rootingThread } from '@lockstep/proof'

// An addon that is there is used, unless the thread was started without.
const native = workerData?.native === false ? undefined : loadNative()
if (native) useNativeHash(native)
const answer = rootingThread()
parentPort!.on('message', (message) => {
  const reply = answer(message)
  if (reply) parentPort!.postMessage(reply)
})
