import type { FromThread, ToThread } from './pool.ts'
import { poolThread } from './pool-thread.ts'
import { locksHere } from './pool-web.ts'

/** The module that a thread of a browser runs. */
const scope = globalThis as unknown as {
  readonly name: string
  onmessage: ((event: { readonly data: ToThread }) => void) | null
  postMessage(message: FromThread): void
}

/** Resolves when this thread has the lock of its name, which it keeps as long as it lives. */
const alive = new Promise<void>((resolve) => {
  const hold = (): Promise<never> => {
    resolve()
    return new Promise(() => undefined)
  }
  const locks = locksHere()
  if (locks) locks.request(scope.name, {}, hold).catch(() => resolve())
  else resolve()
})
const take = poolThread((message) => scope.postMessage(message))
scope.onmessage = ({ data }) => void alive.then(() => take(data))
