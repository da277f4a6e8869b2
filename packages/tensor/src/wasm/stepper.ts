import { tensorBytes } from '../estimate.ts'
import { FaultError } from '../fault.ts'
import type { Tensor, TensorType } from '../program.ts'
import type { Accelerator } from './accelerator.ts'
import { type Code, type KernelInfo, PAGE, placeOf } from './code.ts'
import { engine, type Kernels, type WasmMemory } from './engine.ts'
import type { Pool } from './pool.ts'
import { runEntries, type Times, Word } from './team.ts'

/** What a stepper needs of its executor. */
export type Host = {
  readonly pool: Pool
  readonly accelerator: Accelerator | undefined
  /** The most bytes of a memory. */
  readonly most: number
  /** A number that no other stepper of the pool has. */
  readonly newId: () => number
  readonly now: (() => number) | undefined
}

/** Code with a memory of its own: it holds a state and moves it on, step by step. */
export class Stepper {
  readonly code: Code
  readonly times: Times | undefined
  readonly #kernels: Kernels
  readonly #pool: Pool
  readonly #id: number
  #bytes: Uint8Array
  #parity = 0
  #isLoaded = true // no step has written the state yet
  #before = 0 // the last step's parity
  #broken: Error | undefined

  private constructor(code: Code, host: Host, id: number, bytes: Uint8Array, kernels: Kernels) {
    this.code = code
    this.#pool = host.pool
    this.#id = id
    this.#bytes = bytes
    this.#kernels = kernels
    const entries = code.work.entries[0]!.length
    if (host.now)
      this.times = { now: host.now, total: new Float64Array(entries), calls: new Uint32Array(entries) }
  }

  static async make(code: Code, inputs: readonly Tensor[], host: Host): Promise<Stepper> {
    const { module, work, pages } = code
    const { pool } = host
    if (pages * PAGE > host.most)
      throw new FaultError({
        code: 'program-too-large',
        field: 'memory',
        value: `${pages * PAGE} bytes`,
        limit: `${host.most} bytes`,
        remedy: 'Use smaller tensors, or allow the executor more memory.',
      })
    const memory = await takeMemory(pages, pool)
    // before anything is written: an accelerator may choose how the system backs the memory
    const imports = { e: { m: memory, ...host.accelerator?.attach(memory) } }
    new Uint32Array(memory.buffer).set(code.constants)
    const bytes = new Uint8Array(memory.buffer)
    const { exports } = new engine.Instance(module, imports)
    const id = host.newId()
    if (pool.threads > 1) await pool.attach({ kind: 'attach', id, module, memory, work })
    const stepper = new Stepper(code, host, id, bytes, exports)
    stepper.give(inputs)
    return stepper
  }

  give(inputs: readonly Tensor[]): void {
    inputs.forEach((t, i) => {
      this.#bytes.set(t.data, this.code.arena.inputs[i]!)
    })
  }

  load(state: readonly Tensor[]): void {
    this.#isLoaded = true
    state.forEach((t, i) => {
      this.#bytes.set(t.data, this.code.arena.state[this.#parity]![i]!)
    })
  }

  /** One step; `each` is called after every kernel if given, and may read what it wrote. */
  async step(each?: (kernel: KernelInfo) => void): Promise<void> {
    const { kernels, work } = this.code
    if (each)
      for (const kernel of kernels) {
        await this.#run(kernel.from, kernel.to)
        each(kernel)
      }
    else await this.#run(0, work.entries[this.#parity]!.length)
    for (const { from, to, bytes } of this.code.arena.copies[this.#parity]!) {
      const at = placeOf(this.code.arena, this.#parity, from)
      this.#bytes.copyWithin(to, at, at + bytes)
    }
    this.#isLoaded = false
    this.#before = this.#parity
    this.#parity = (this.#parity + 1) % this.code.arena.state.length
  }

  state(into?: Tensor[]): Tensor[] {
    const { program, arena } = this.code
    const places = arena.state[this.#parity]!
    if (!into) return program.state.map((type, i) => this.#read(type, places[i]!))
    into.forEach(({ data }, i) => {
      data.set(this.#bytes.subarray(places[i]!, places[i]! + data.length))
    })
    return into
  }

  /** The last step's outputs. */
  outputs(): Tensor[] {
    const { program, outputs, arena } = this.code
    return program.outputs.map(({ ref }, i) => this.#read(outputs[i]!, placeOf(arena, this.#before, ref)))
  }

  /** A node's tensor, while the step that wrote it goes on. */
  node(i: number): Tensor {
    return this.#read(this.code.program.nodes[i]!, this.code.arena.nodes[this.#parity]![i]!)
  }

  close(): void {
    if (this.#broken) return
    this.#broken = new Error('the runner is closed')
    this.#bytes = new Uint8Array(0)
    this.#pool.detach(this.#id)
  }

  async #run(from: number, to: number): Promise<void> {
    if (this.#broken) throw this.#broken
    const { work, arena } = this.code
    const { threads, control } = this.#pool
    const list = this.#parity + (this.#isLoaded ? 0 : arena.state.length)
    const entries = work.entries[list]!
    const together = threads > 1 && entries.slice(from, to).some((e) => e.grain > 0)
    if (together) this.#pool.run(this.#id, list, from, to)
    const fail = (error: unknown): void => {
      this.#broken = error instanceof Error ? error : new Error(String(error))
    }
    runEntries(work, this.#kernels, control, 0, threads, list, from, to, fail, this.times)
    const failed = Atomics.load(control, Word.failed)
    if (failed !== 0)
      this.#broken ??=
        failed > 1
          ? await this.#pool.failure(failed - 1)
          : new Error('a program of this executor failed before; create another executor')
    if (this.#broken) throw this.#broken
  }

  #read({ dtype, shape }: TensorType, at: number): Tensor {
    return { dtype, shape, data: this.#bytes.slice(at, at + tensorBytes({ dtype, shape })) }
  }
}

/**
 * A memory of so many pages, or a fault: the machine may have less than is allowed, or a browser's page. A browser has
 * room for about a hundred memories of any size, which those that are no longer used fill until they are collected.
 */
const takeMemory = async (pages: number, pool: Pool): Promise<WasmMemory> => {
  const shared = pool.threads > 1
  const take = (): WasmMemory | undefined => {
    try {
      return new engine.Memory({ initial: pages, maximum: pages, shared })
    } catch {
      return undefined
    }
  }
  let memory = take()
  if (!memory && shared) {
    await pool.tidy()
    memory = take()
  }
  if (memory) return memory
  throw new FaultError({
    code: 'program-too-large',
    field: 'memory',
    value: `${pages * PAGE} bytes`,
    limit: 'what the machine gives, which is less now',
    remedy: 'Use smaller tensors, close runners, or close programs and pages that take memory.',
  })
}
