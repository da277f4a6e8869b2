import { parentPort } from 'node:worker_threads'
import { poolThread } from './pool-thread.ts'

/** The module that a thread of Node's worker_threads runs. */
parentPort!.on(
  'message',
  poolThread((message) => parentPort!.postMessage(message)),
)
