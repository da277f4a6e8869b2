import {
  asWritten,
  type Executor,
  type FuseOptions,
  type Program,
  planProgram,
  type Runner,
  type Tensor,
  type TensorType,
  typeOf,
} from '@lockstep/tensor'
import type { Arithmetic } from './arithmetic.ts'
import { Device } from './device.ts'
import type { Gpu } from './gpu.ts'
import { type Proof, proveDevice } from './prove.ts'
import { Stepper } from './stepper.ts'

export type WebGpuOptions = {
  /** An implementation of WebGPU; by default the browser's own. */
  readonly gpu?: Gpu
  /** How operations are computed; a device that does not prove these ways is refused. By default the fastest that it proves. */
  readonly arithmetic?: Arithmetic
  /** Passes of the compiler to leave out, for comparison. Cache groups are never made. */
  readonly fuse?: Omit<FuseOptions, 'group'>
}
export type WebGpuExecutor = Executor & { readonly proof: Proof }

/** Programs on a GPU through WebGPU, with the reference's bits. */
export const createWebGpuExecutor = async (options: WebGpuOptions = {}): Promise<WebGpuExecutor> => {
  const device = await Device.open(options.gpu)
  const proof = await proveDevice(device, options.arithmetic).catch((error: unknown) => {
    device.close()
    throw error
  })
  const { arithmetic } = proof
  const fuse: FuseOptions = { ...options.fuse, group: false }
  return {
    name: device.name,
    proof,
    compile: async (program, inputs) => {
      const stepper = await Stepper.make(planProgram(program, fuse), device, arithmetic)
      const trace = (): Promise<Stepper> => Stepper.make(asWritten(program), device, arithmetic)
      return new WebGpuRunner(program, inputs, stepper, trace)
    },
    close: async () => device.close(),
  }
}

/** State and outputs come back at the end of every call, because whoever asks for them does not wait. */
class WebGpuRunner implements Runner {
  readonly #outputTypes: readonly TensorType[]
  readonly #stepper: Stepper
  readonly #makeTracer: () => Promise<Stepper>
  #tracer: Stepper | undefined
  #inputs: readonly Tensor[]
  #state: readonly Tensor[] = []
  #outputs: readonly Tensor[] = []

  constructor(
    program: Program,
    inputs: readonly Tensor[],
    stepper: Stepper,
    makeTracer: () => Promise<Stepper>,
  ) {
    this.#outputTypes = program.outputs.map(({ ref }) => typeOf(program, ref))
    this.#inputs = inputs
    this.#stepper = stepper
    this.#makeTracer = makeTracer
    stepper.give(inputs)
  }

  load(state: readonly Tensor[]): void {
    this.#state = state.map(copyOf)
    this.#outputs = []
    this.#stepper.load(state)
  }

  give(inputs: readonly Tensor[]): void {
    this.#inputs = inputs
    this.#stepper.give(inputs)
    this.#tracer?.give(inputs)
  }

  async step(count = 1): Promise<void> {
    if (count === 0) return
    await this.#stepper.step(count)
    await this.#fetch(this.#stepper)
  }

  async trace(): Promise<Tensor[]> {
    if (!this.#tracer) {
      this.#tracer = await this.#makeTracer()
      this.#tracer.give(this.#inputs)
    }
    this.#tracer.load(this.#state)
    const nodes = await this.#tracer.trace()
    await this.#fetch(this.#tracer)
    this.#stepper.load(this.#state)
    return nodes
  }

  state(into?: Tensor[]): Tensor[] {
    if (!into) return this.#state.map(copyOf)
    into.forEach(({ data }, i) => {
      data.set(this.#state[i]!.data)
    })
    return into
  }

  outputs(): Tensor[] {
    return this.#outputs.map(copyOf)
  }

  close(): void {
    this.#stepper.close()
    this.#tracer?.close()
  }

  async #fetch(stepper: Stepper): Promise<void> {
    const { state, outputs } = await stepper.results(this.#outputTypes)
    this.#state = state
    this.#outputs = outputs
  }
}

const copyOf = (t: Tensor): Tensor => ({ ...t, data: t.data.slice() })
