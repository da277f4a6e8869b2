import type { FromThread } from './pool.ts'

/** Messages of one thread, kept until someone asks for them, and its end, told to whoever waits and to all who ask later. */
export class PoolInbox {
  readonly #messages: FromThread[] = []
  readonly #onWait: (waits: boolean) => void
  #waiting: { resolve: (m: FromThread) => void; reject: (e: Error) => void } | undefined
  #dead: Error | undefined

  /** `onWait` hears when somebody begins to wait for a message, and when they no longer do. */
  constructor(onWait: (waits: boolean) => void = () => undefined) {
    this.#onWait = onWait
  }

  push(message: FromThread): void {
    if (!this.#waiting) {
      this.#messages.push(message)
      return
    }
    this.#waiting.resolve(message)
    this.#waiting = undefined
    this.#onWait(false)
  }

  die(error: Error): void {
    this.#dead ??= error
    this.#waiting?.reject(this.#dead)
    this.#waiting = undefined
  }

  receive(): Promise<FromThread> {
    return new Promise((resolve, reject) => {
      const message = this.#messages.shift()
      if (message) resolve(message)
      else if (this.#dead) reject(this.#dead)
      else {
        this.#waiting = { resolve, reject }
        this.#onWait(true)
      }
    })
  }
}
