import { FaultError, type Plan, type Tensor, type TensorType, tensorBytes } from '@lockstep/tensor'
import { type DevicePlan, placeOf, planDevice } from '../kernel/index.ts'
import type { Arithmetic } from './arithmetic.ts'
import { BLOCK_USAGE, type Device } from './device.ts'
import { type GpuBuffer, type GpuEncoder, type GpuPipeline, MAP_READ, USAGE } from './gpu.ts'
import { GROUP, nodeText, PLACES } from './node-text.ts'

const STRIDE = PLACES * 4
/** Steps that may wait in the device's queue. */
const AHEAD = 8

type Piece = { readonly pipeline: GpuPipeline; readonly items: number }
type Range = { readonly at: number; readonly bytes: number }
const words = (bytes: number): number => Math.ceil(bytes / 4) * 4

/** A plan with memory on a device: it holds a state and moves it on, step by step, one command buffer a step. */
export class Stepper {
  readonly plan: DevicePlan
  readonly #device: Device
  /** By kernel; a kernel's pieces run one after another. */
  readonly #codes: readonly (readonly Piece[])[]
  readonly #memory: GpuBuffer
  readonly #places: GpuBuffer
  readonly #between: GpuBuffer | undefined
  readonly #group: unknown
  #staging: { readonly buffer: GpuBuffer; readonly bytes: number } | undefined
  #parity = 0
  #before = 0
  #closed = false

  private constructor(
    plan: DevicePlan,
    device: Device,
    codes: readonly (readonly Piece[])[],
    buffers: { memory: GpuBuffer; places: GpuBuffer; between: GpuBuffer | undefined },
    group: unknown,
  ) {
    this.plan = plan
    this.#device = device
    this.#codes = codes
    this.#memory = buffers.memory
    this.#places = buffers.places
    this.#between = buffers.between
    this.#group = group
  }

  static async make(plan: Plan, device: Device, arithmetic: Arithmetic): Promise<Stepper> {
    const planned = planDevice(plan)
    const bytes = Math.max(words(planned.arena.end), 64)
    if (bytes > device.most)
      throw new FaultError({
        code: 'program-too-large',
        field: 'memory',
        value: `${bytes} bytes`,
        limit: `${device.most} bytes, the device's largest block`,
        remedy: 'Use smaller tensors, or the WebAssembly executor.',
      })
    const codes = await Promise.all(
      planned.kernels.map((k) =>
        Promise.all(
          nodeText(k, arithmetic).map(async ({ code, items }) => ({
            pipeline: await device.pipeline(code),
            items,
          })),
        ),
      ),
    )
    const { launches, arena } = planned
    const parities = arena.state.length
    const table = new Uint32Array(Math.max(1, launches.length * parities) * PLACES)
    launches.forEach(({ places }, i) => {
      for (let parity = 0; parity < parities; parity++)
        places[parity]!.forEach((at, slot) => {
          table[(i * parities + parity) * PLACES + slot] = at / 4
        })
    })
    const largest = Math.max(0, ...arena.copies.flat().map((c) => words(c.bytes)))
    const { device: gpu } = device
    const made = await device.guarded(() => {
      const memory = gpu.createBuffer({ size: bytes, usage: BLOCK_USAGE })
      const places = gpu.createBuffer({ size: table.byteLength, usage: USAGE.uniform | USAGE.copyTarget })
      const between =
        largest > 0
          ? gpu.createBuffer({ size: largest, usage: USAGE.copySource | USAGE.copyTarget })
          : undefined
      gpu.queue.writeBuffer(places, 0, table)
      return { buffers: { memory, places, between }, group: device.bind(memory, places) }
    })
    return new Stepper(planned, device, codes, made.buffers, made.group)
  }

  give(inputs: readonly Tensor[]): void {
    this.#write(inputs, this.plan.arena.inputs)
  }

  load(state: readonly Tensor[]): void {
    this.#write(state, this.plan.arena.state[this.#parity]!)
  }

  /** Steps, then the given tensors' bytes. With `each`, one step, and every node's output before them. */
  async step(count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      const last = i === count - 1 || i % AHEAD === AHEAD - 1
      const submit = (): void => {
        this.#check()
        const encoder = this.#device.device.createCommandEncoder()
        this.#encode(encoder, 0, this.plan.launches.length)
        this.#finish(encoder)
        this.#device.device.queue.submit([encoder.finish()])
      }
      if (last) await this.#device.guarded(submit)
      else submit()
      this.#advance()
      if (last && i < count - 1) await this.#read([{ at: 0, bytes: 4 }])
    }
  }

  /** One step that gives every node's output as it is written. */
  async trace(): Promise<Tensor[]> {
    const { launches, program, arena } = this.plan
    const parity = this.#parity
    const tensors: Tensor[] = []
    let from = 0
    while (from < launches.length) {
      let to = from
      let bytes = 0
      const ranges: Range[] = []
      do {
        const range = { at: arena.nodes[parity]![to]!, bytes: tensorBytes(program.nodes[to]!) }
        ranges.push(range)
        bytes += words(range.bytes)
        to++
      } while (to < launches.length && bytes < TRACED)
      const first = from
      const parts = await this.#read(ranges, (encoder, k) => this.#encode(encoder, first + k, first + k + 1))
      for (const [k, data] of parts.entries()) {
        const { dtype, shape } = program.nodes[first + k]!
        tensors.push({ dtype, shape, data })
      }
      from = to
    }
    await this.#device.guarded(() => {
      const encoder = this.#device.device.createCommandEncoder()
      this.#finish(encoder)
      this.#device.device.queue.submit([encoder.finish()])
    })
    this.#advance()
    return tensors
  }

  /** Copies of the state as it stands and of the last step's outputs. */
  async results(outputs: readonly TensorType[]): Promise<{ state: Tensor[]; outputs: Tensor[] }> {
    const { program, arena } = this.plan
    const places = arena.state[this.#parity]!
    const ranges = [
      ...program.state.map((t, i) => ({ at: places[i]!, bytes: tensorBytes(t) })),
      ...outputs.map((t, i) => ({
        at: placeOf(arena, this.#before, program.outputs[i]!.ref),
        bytes: tensorBytes(t),
      })),
    ]
    const parts = await this.#read(ranges)
    const tensor = ({ dtype, shape }: TensorType, data: Uint8Array): Tensor => ({ dtype, shape, data })
    const states = program.state.length
    return {
      state: program.state.map((t, i) => tensor(t, parts[i]!)),
      outputs: outputs.map((t, i) => tensor(t, parts[states + i]!)),
    }
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    for (const buffer of [this.#memory, this.#places, this.#between, this.#staging?.buffer]) buffer?.destroy()
  }

  #check(): void {
    if (this.#closed) throw new Error('the runner is closed')
    this.#device.check()
  }

  #advance(): void {
    this.#before = this.#parity
    this.#parity = (this.#parity + 1) % this.plan.arena.state.length
  }

  #write(tensors: readonly Tensor[], places: readonly number[]): void {
    this.#check()
    tensors.forEach(({ data }, i) => {
      const whole = words(data.length) === data.length ? data : new Uint8Array(words(data.length))
      if (whole !== data) whole.set(data)
      this.#device.device.queue.writeBuffer(this.#memory, places[i]!, whole)
    })
  }

  #encode(encoder: GpuEncoder, from: number, to: number): void {
    const { launches, arena } = this.plan
    const pass = encoder.beginComputePass()
    for (let i = from; i < to; i++) {
      const { kernel } = launches[i]!
      for (const { pipeline, items } of this.#codes[kernel]!) {
        if (items === 0) continue
        pass.setPipeline(pipeline)
        pass.setBindGroup(0, this.#group, [(i * arena.state.length + this.#parity) * STRIDE])
        pass.dispatchWorkgroups(...this.#device.grid(Math.ceil(items / GROUP)))
      }
    }
    pass.end()
  }

  /** The copies at a step's end; no buffer may be copied to itself. */
  #finish(encoder: GpuEncoder): void {
    const { arena } = this.plan
    for (const { from, to, bytes } of arena.copies[this.#parity]!) {
      const at = placeOf(arena, this.#parity, from)
      encoder.copyBufferToBuffer(this.#memory, at, this.#between!, 0, words(bytes))
      encoder.copyBufferToBuffer(this.#between!, 0, this.#memory, to, words(bytes))
    }
  }

  /** Bytes of memory, each range copied when `before` has encoded what comes before it. */
  async #read(
    ranges: readonly Range[],
    before?: (encoder: GpuEncoder, range: number) => void,
  ): Promise<Uint8Array[]> {
    this.#check()
    const total = ranges.reduce((n, r) => n + words(r.bytes), 0)
    const { device } = this.#device
    if (!this.#staging || this.#staging.bytes < total) {
      this.#staging?.buffer.destroy()
      const bytes = Math.max(total, 256)
      this.#staging = {
        buffer: device.createBuffer({ size: bytes, usage: USAGE.mapRead | USAGE.copyTarget }),
        bytes,
      }
    }
    const { buffer } = this.#staging
    await this.#device.guarded(() => {
      const encoder = device.createCommandEncoder()
      let at = 0
      ranges.forEach((range, i) => {
        before?.(encoder, i)
        encoder.copyBufferToBuffer(this.#memory, range.at, buffer, at, words(range.bytes))
        at += words(range.bytes)
      })
      device.queue.submit([encoder.finish()])
    })
    await buffer.mapAsync(MAP_READ)
    const mapped = new Uint8Array(buffer.getMappedRange())
    let at = 0
    const parts = ranges.map(({ bytes }) => {
      const part = mapped.slice(at, at + bytes)
      at += words(bytes)
      return part
    })
    buffer.unmap()
    return parts
  }
}

/** About how many bytes of a trace are brought back at once. */
const TRACED = 64 * 1024 * 1024
