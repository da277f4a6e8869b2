import { DTYPES, FaultError, size, type Tensor, type TensorType } from '@lockstep/tensor'
import { placeOf } from '../kernel/index.ts'
import type { Device, Entry, Sequence } from './device.ts'
import type { Code } from './program.ts'
import type { Roots } from './roots.ts'

/** Code as a device has loaded it. */
export type Loaded = { readonly code: Code; readonly entries: readonly Entry[] }

/** Code with device memory of its own: it holds a state and moves it on, step by step. */
export class Stepper {
  readonly #device: Device
  readonly #loaded: Loaded
  readonly #memory: number
  /** A step of each parity, recorded when it is first run. */
  readonly #sequences: (Sequence | undefined)[] = []
  #parity = 0
  #before = 0 // the last step's parity
  #closed = false

  constructor(device: Device, loaded: Loaded, inputs: readonly Tensor[], most: number) {
    const { bytes } = loaded.code
    if (bytes > most)
      throw new FaultError({
        code: 'program-too-large',
        field: 'memory',
        value: `${bytes} bytes`,
        limit: `${most} bytes`,
        remedy: 'Use smaller tensors, or a device with more memory.',
      })
    this.#device = device
    this.#loaded = loaded
    this.#memory = device.allocate(bytes)
    this.give(inputs)
  }

  give(inputs: readonly Tensor[]): void {
    this.#open()
    inputs.forEach((t, i) => {
      this.#device.upload(this.#memory + this.#loaded.code.arena.inputs[i]!, t.data)
    })
  }
  load(state: readonly Tensor[]): void {
    this.#open()
    state.forEach((t, i) => {
      this.#device.upload(this.#memory + this.#loaded.code.arena.state[this.#parity]![i]!, t.data)
    })
  }

  /** Asks for one step: the recorded sequence is replayed. */
  step(): void {
    this.#open()
    const parity = this.#parity
    this.#sequences[parity] ??= this.#device.record(() => this.#ask(parity))
    this.#device.replay(this.#sequences[parity]!)
    this.#moved()
  }
  /** One step, launch by launch; `each` is called after every node and may read what it wrote. */
  trace(each: (node: number) => void): void {
    this.#open()
    this.#ask(this.#parity, each)
    this.#moved()
  }

  state(into?: Tensor[]): Tensor[] {
    const { program, arena } = this.#loaded.code
    const places = arena.state[this.#parity]!
    if (!into) return program.state.map((type, i) => this.#read(type, places[i]!))
    into.forEach(({ data }, i) => {
      this.#device.download(this.#memory + places[i]!, data as Uint8Array)
    })
    return into
  }
  /** The last step's outputs; those of the program that was asked for have these types. */
  outputs(types: readonly TensorType[]): Tensor[] {
    const { program, arena } = this.#loaded.code
    return program.outputs.map(({ ref }, i) => this.#read(types[i]!, placeOf(arena, this.#before, ref)))
  }
  /** A node's tensor, while the trace that wrote it goes on. */
  node(i: number): Tensor {
    const { program, arena } = this.#loaded.code
    return this.#read(program.nodes[i]!, arena.nodes[this.#parity]![i]!)
  }
  /** The root of the tree over the leaves of each state tensor, hashed where they lie. */
  roots(hash: Roots): Uint8Array[] {
    this.#open()
    const { program, arena } = this.#loaded.code
    return program.state.map(({ dtype, shape }, i) =>
      hash.of(this.#memory + arena.state[this.#parity]![i]!, size(shape) * DTYPES[dtype].bytes),
    )
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    for (const sequence of this.#sequences) if (sequence) this.#device.drop(sequence)
    this.#device.free(this.#memory)
  }

  #open(): void {
    if (this.#closed) throw new Error('the runner is closed')
  }
  #moved(): void {
    this.#before = this.#parity
    this.#parity = (this.#parity + 1) % this.#loaded.code.arena.state.length
  }
  #ask(parity: number, each?: (node: number) => void): void {
    const { code, entries } = this.#loaded
    const { arena } = code
    code.nodes.forEach((calls, node) => {
      for (const { entry, blocks, places } of calls) {
        const parameters = places[parity]!.map((at) => this.#memory + at)
        this.#device.launch(entries[entry]!, blocks, code.entries[entry]!.threads, parameters)
      }
      each?.(node)
    })
    for (const { from, to, bytes } of arena.copies[parity]!)
      this.#device.copy(this.#memory + placeOf(arena, parity, from), this.#memory + to, bytes)
  }
  #read({ dtype, shape }: TensorType, at: number): Tensor {
    const data = new Uint8Array(size(shape) * DTYPES[dtype].bytes)
    this.#device.download(this.#memory + at, data)
    return { dtype, shape, data }
  }
}
