import type { WasmMemory, WasmModule } from './engine.ts'
import type { Probe } from './probe.ts'
import { announce, Kind, Word, type Work } from './team.ts'

/** A thread that does what pool-thread.ts says, wherever threads come from. */
export type Thread = {
  post(message: ToThread): void
  /** Gives the next message, or fails when the thread does. */
  receive(): Promise<FromThread>
  terminate(): Promise<void>
}
export type ToThread =
  | {
      readonly kind: 'start'
      readonly control: ArrayBufferLike
      readonly thread: number
      readonly threads: number
      readonly accelerator: string | undefined
    }
  | {
      readonly kind: 'attach'
      readonly id: number
      readonly module: WasmModule
      readonly memory: WasmMemory
      readonly work: Work
    }
  | { readonly kind: 'detach'; readonly id: number }
  | { readonly kind: 'tidy' }
export type FromThread =
  | { readonly kind: 'started'; readonly probe: Probe }
  | { readonly kind: 'attached' }
  | { readonly kind: 'tidied' }
  | { readonly kind: 'failed'; readonly message: string }

/** The other threads of an executor. They wait in shared memory for commands, and leave that wait to get messages. */
export class Pool {
  readonly control: Int32Array
  readonly probes: readonly Probe[]
  readonly #threads: readonly Thread[]
  #busy: Promise<unknown> = Promise.resolve()
  #failure: Promise<Error> | undefined

  private constructor(threads: readonly Thread[], control: Int32Array, probes: readonly Probe[]) {
    this.#threads = threads
    this.control = control
    this.probes = probes
  }

  static async start(spawn: () => Thread, others: number, accelerator?: string): Promise<Pool> {
    // one thread alone also runs where memory cannot be shared
    const buffer = new (others > 0 ? SharedArrayBuffer : ArrayBuffer)(4 * Word.count)
    const threads = Array.from({ length: others }, spawn)
    try {
      const probes = await Promise.all(
        threads.map(async (t, i) => {
          t.post({ kind: 'start', control: buffer, thread: i + 1, threads: others + 1, accelerator })
          const reply = await t.receive()
          if (reply.kind !== 'started') throw new Error(`thread ${i + 1} did not start: ${describe(reply)}`)
          return reply.probe
        }),
      )
      return new Pool(threads, new Int32Array(buffer), probes)
    } catch (error) {
      await Promise.all(threads.map((t) => t.terminate()))
      throw error
    }
  }

  get threads(): number {
    return this.#threads.length + 1
  }

  /** Resolves when no attaching is under way: commands may be given then. */
  async settled(): Promise<void> {
    await this.#busy
  }

  attach(message: ToThread & { kind: 'attach' }): Promise<void> {
    return this.#ask(message, 'attached')
  }

  /** Has the threads give back what they no longer use, which an engine otherwise does when it likes. */
  tidy(): Promise<void> {
    return this.#ask({ kind: 'tidy' }, 'tidied')
  }

  /** Threads hear of it when they next leave their wait. */
  detach(id: number): void {
    for (const t of this.#threads) t.post({ kind: 'detach', id })
  }

  /** Sends the threads through entries of a program; the caller must walk the same entries. */
  run(work: number, list: number, from: number, to: number): void {
    const { control } = this
    control[Word.work] = work
    control[Word.list] = list
    control[Word.from] = from
    control[Word.to] = to
    this.#command(Kind.run)
  }

  /** What went wrong in another thread, after a command in which `failed` was set. */
  failure(thread: number): Promise<Error> {
    this.#failure ??= this.#threads[thread - 1]!.receive().then(
      (reply) => new Error(`thread ${thread}: ${describe(reply)}`),
    )
    return this.#failure
  }

  async close(): Promise<void> {
    await this.settled()
    // A browser lets a thread that waits go on waiting for seconds before it ends it.
    this.#command(Kind.leave)
    await Promise.all(this.#threads.map((t) => t.terminate()))
  }

  async #ask(message: ToThread, answer: FromThread['kind']): Promise<void> {
    const turn = this.#busy.then(async () => {
      this.#command(Kind.leave)
      await Promise.all(
        this.#threads.map(async (t, i) => {
          t.post(message)
          const reply = await t.receive()
          if (reply.kind !== answer) throw new Error(`thread ${i + 1} refused: ${describe(reply)}`)
        }),
      )
    })
    this.#busy = turn.catch(() => undefined)
    await turn
  }

  #command(kind: number): void {
    Atomics.store(this.control, Word.kind, kind)
    announce(this.control, Word.command)
  }
}

const describe = (reply: FromThread): string => (reply.kind === 'failed' ? reply.message : reply.kind)
