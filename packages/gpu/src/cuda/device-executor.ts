import {
  type Executor,
  encodeProgram,
  type FuseOptions,
  type Program,
  type Ref,
  type Runner,
  sha256,
  type Tensor,
  type TensorType,
} from '@lockstep/tensor'
import type { Device } from './device.ts'
import { generate } from './program.ts'
import { Roots } from './roots.ts'
import { type Loaded, Stepper } from './stepper.ts'

export type CudaOptions = {
  /** The most bytes of device memory a program may take. */
  readonly memory?: number
  /** Passes of the compiler to leave out, for comparison; none changes a bit. */
  readonly fuse?: FuseOptions
}
export type CudaRunner = Runner & {
  /** Bytes of device memory that a step's tensors take, and the least they could; scratch beside them. */
  memory(): { readonly peak: number; readonly lowerBound: number; readonly scratch: number }
  /**
   * The 32 bytes at the top of the tree over the leaves of each state tensor, in the program's order: hashed on the
   * device, so that only they come back. docs/numerics.md, "Hashing", makes a tensor's digest of one.
   */
  roots(): Uint8Array[]
}
export type CudaExecutor = Omit<Executor, 'compile'> & {
  compile(program: Program, inputs: readonly Tensor[]): Promise<CudaRunner>
}

/** The executor over a device, which it closes when it is closed. It does not prove the device: see proveDevice. */
export const executorOver = (device: Device, { memory = 2 ** 46, fuse }: CudaOptions = {}): CudaExecutor => {
  const codes = new Codes(device, fuse)
  return {
    name: `cuda ${device.name}`,
    compile: async (program, inputs) => new DeviceRunner(device, codes, program, inputs, memory),
    close: async () => {
      codes.close()
      device.close()
    },
  }
}

const KEPT = 8
type Known = Loaded & { readonly key: string; readonly unload: () => void; users: number }

/** Modules of the last few programs, by the programs' own bytes. */
class Codes {
  readonly #device: Device
  readonly #fuse: FuseOptions | undefined
  #known: Known[] = [] // the latest is the last
  #roots: Roots | undefined

  constructor(device: Device, fuse: FuseOptions | undefined) {
    this.#device = device
    this.#fuse = fuse
  }
  take(program: Program, kind: 'step' | 'trace'): Known {
    const key = `${kind} ${Buffer.from(sha256(encodeProgram(program))).toString('hex')}`
    let known = this.#known.find((k) => k.key === key)
    if (!known) {
      const code = generate(program, kind, this.#device.target, this.#fuse)
      const { entries, unload } = this.#device.module(
        code.text,
        code.entries.map((e) => e.name),
      )
      known = { key, code, entries, unload, users: 0 }
    }
    known.users++
    this.#known = [...this.#known.filter((k) => k !== known), known]
    this.#forget()
    return known
  }
  /** The device's hash, made when it is first asked for. */
  roots(): Roots {
    this.#roots ??= new Roots(this.#device)
    return this.#roots
  }
  release(known: Known): void {
    known.users--
    this.#forget()
  }
  close(): void {
    this.#roots?.close()
    for (const k of this.#known) k.unload()
    this.#known = []
  }
  #forget(): void {
    for (const k of this.#known.slice(0, -KEPT)) {
      if (k.users > 0) continue
      k.unload()
      this.#known = this.#known.filter((other) => other !== k)
    }
  }
}

class DeviceRunner implements CudaRunner {
  readonly #device: Device
  readonly #codes: Codes
  readonly #program: Program
  readonly #most: number
  #inputs: readonly Tensor[]
  readonly #code: Known
  readonly #stepper: Stepper
  #tracer: { readonly code: Known; readonly stepper: Stepper } | undefined
  /** Outputs of the last step, where it was a trace or none; otherwise the stepper has them. */
  #outputs: Tensor[] | undefined = []

  constructor(device: Device, codes: Codes, program: Program, inputs: readonly Tensor[], most: number) {
    this.#device = device
    this.#codes = codes
    this.#program = program
    this.#inputs = inputs
    this.#most = most
    this.#code = codes.take(program, 'step')
    try {
      this.#stepper = new Stepper(device, this.#code, inputs, most)
    } catch (error) {
      codes.release(this.#code)
      throw error
    }
  }

  load(state: readonly Tensor[]): void {
    this.#outputs = []
    this.#stepper.load(state)
  }
  give(inputs: readonly Tensor[]): void {
    this.#inputs = inputs
    this.#stepper.give(inputs)
    this.#tracer?.stepper.give(inputs)
  }
  async step(count = 1): Promise<void> {
    for (let i = 0; i < count; i++) this.#stepper.step()
    if (count > 0) this.#outputs = undefined
    await this.#device.done()
  }
  async trace(): Promise<Tensor[]> {
    if (!this.#tracer) {
      const code = this.#codes.take(this.#program, 'trace')
      this.#tracer = { code, stepper: new Stepper(this.#device, code, this.#inputs, this.#most) }
    }
    const { stepper } = this.#tracer
    stepper.load(this.#stepper.state())
    const tensors: Tensor[] = []
    stepper.trace((i) => {
      tensors.push(stepper.node(i))
    })
    await this.#device.done()
    this.#stepper.load(stepper.state())
    this.#outputs = stepper.outputs(this.#outputTypes())
    return tensors
  }
  state(into?: Tensor[]): Tensor[] {
    return this.#stepper.state(into)
  }
  outputs(): Tensor[] {
    return this.#outputs ?? this.#stepper.outputs(this.#outputTypes())
  }
  roots(): Uint8Array[] {
    return this.#stepper.roots(this.#codes.roots())
  }
  memory(): { readonly peak: number; readonly lowerBound: number; readonly scratch: number } {
    const { arena, bytes, scratch } = this.#code.code
    return { peak: arena.peak, lowerBound: arena.lowerBound, scratch: bytes - scratch }
  }
  close(): void {
    this.#stepper.close()
    this.#codes.release(this.#code)
    if (!this.#tracer) return
    this.#tracer.stepper.close()
    this.#codes.release(this.#tracer.code)
  }

  #outputTypes(): TensorType[] {
    const { nodes, state, inputs, outputs } = this.#program
    const of = (ref: Ref): TensorType =>
      (ref.from === 'node' ? nodes : ref.from === 'state' ? state : inputs)[ref.index]!
    return outputs.map((o) => of(o.ref))
  }
}
