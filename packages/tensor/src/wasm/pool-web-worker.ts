import type { FromThread, ToThread } from './pool.ts'
import { poolThread } from './pool-thread.ts'

/** The module that a thread of a browser runs. */
const scope = globalThis as unknown as {
  onmessage: ((event: { readonly data: ToThread }) => void) | null
  postMessage(message: FromThread): void
}
const take = poolThread((message) => scope.postMessage(message))
scope.onmessage = ({ data }) => void take(data)
