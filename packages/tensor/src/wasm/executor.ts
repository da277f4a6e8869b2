import { workOf } from '../compile/kernel-work.ts'
import type { Executor, Runner } from '../executor.ts'
import { FaultError } from '../fault.ts'
import type { Node, Ref } from '../node.ts'
import type { Program, Tensor, TensorType } from '../program.ts'
import { type Arena, bytesOf, planArena } from './arena.ts'
import { ModuleWriter } from './emitter.ts'
import { engine, type Kernels, type WasmMemory } from './engine.ts'
import { nodeKind, nodePhases } from './node-code.ts'
import { Pool, type Thread } from './pool.ts'
import { CANARY_WORDS, canary, fmaOf, probe } from './probe.ts'
import { type Entry, runEntries, type Times, Word, type Work } from './team.ts'

export type WasmOptions = {
  /** Threads that share a step's work, the caller's included. Default 1. */
  readonly threads?: number
  /**
   * Whether `fma` is the engine's relaxed multiply-add: `auto` where every thread proves that it rounds once, `on` to
   * fail otherwise, `off` to emulate it exactly (about ten times slower).
   */
  readonly relaxed?: 'auto' | 'on' | 'off'
  /** The most bytes of memory a program may take; one that needs more is refused when it is compiled. Default 4 GiB. */
  readonly memory?: number
  /** How much work a node must be for threads to share it, in scalar instructions. */
  readonly shareFrom?: number
  /** Where threads come from: Node's worker_threads by default. */
  readonly spawn?: () => Thread
  /** Asks runners to time every kernel by this clock of milliseconds, such as `() => performance.now()`. */
  readonly profile?: { readonly now: () => number }
}
export type WasmExecutor = Omit<Executor, 'compile'> & {
  readonly threads: number
  readonly fused: boolean
  compile(program: Program, inputs: readonly Tensor[]): Promise<WasmProgramRunner>
}
export type WasmProgramRunner = Runner & {
  /** What every kernel of a step has cost since the runner was made; empty without the option `profile`. */
  profile(): readonly KernelTime[]
}

/** One kernel's share of the steps so far. */
export type KernelTime = {
  readonly label: string
  readonly kind: 'contraction' | 'fold' | 'map' | 'scatter' | 'group'
  /** The program's nodes that it computes. */
  readonly nodes: readonly number[]
  readonly calls: number
  /** Of all calls together, until the last thread has done its part. */
  readonly seconds: number
  /** Floating-point operations of one call as the nodes mean them; see KernelWork. */
  readonly flops: number
  /** Bytes of one call: what it reads, each element once, and what it writes. */
  readonly bytes: number
}

/** Threads of Node, which are loaded only where they are wanted: a browser has none. */
const nodeThreads = async (threads: number): Promise<() => Thread> => {
  if (threads > 1) return (await import('./pool-node.ts')).spawnNodeThread
  return () => {
    throw new Error('one thread needs no other')
  }
}

/** The executor that runs everywhere: WebAssembly SIMD generated from the program, with the reference's bits. */
export const createWasmExecutor = async (options: WasmOptions = {}): Promise<WasmExecutor> => {
  const {
    threads = 1,
    relaxed = 'auto',
    shareFrom = WORTH_SHARING,
    memory = MOST_PAGES * PAGE,
    profile,
  } = options
  if (!Number.isInteger(threads) || threads < 1 || threads > 256)
    throw new RangeError(`threads is ${threads}; allowed: 1 to 256`)
  const pool = await Pool.start(options.spawn ?? (await nodeThreads(threads)), threads - 1)
  const probes = [probe(), ...pool.probes]
  const refuse = async (message: string): Promise<never> => {
    await pool.close()
    throw new Error(message)
  }
  if (!probes.every((p) => p.sound))
    return refuse(
      'this engine does not compute IEEE 754 binary32: rounding or subnormals differ; use another machine',
    )
  const capable = probes.every((p) => p.fused)
  if (relaxed === 'on' && !capable)
    return refuse("this engine has no fused multiply-add; use relaxed: 'auto' to emulate it")
  const fused = capable && relaxed !== 'off'
  let runners = 0
  return {
    name: `wasm ${threads} ${fused ? 'fused' : 'exact'}`,
    threads,
    fused,
    compile: (program, inputs) =>
      compile(program, inputs, { pool, fused, shareFrom, memory, id: runners++, now: profile?.now }),
    close: () => pool.close(),
  }
}

const PAGE = 65536
const MOST_PAGES = 65536
/** Where the canary's words lie; below is nothing, so that a zero address is not a tensor's. */
const CANARY_AT = 64
const TABLES_AT = CANARY_AT + 4 * CANARY_WORDS.length
/** Entries cheaper than this are not worth waking others for; in the units of Phase.cost. */
const WORTH_SHARING = 400_000

type CompileOptions = {
  readonly pool: Pool
  readonly fused: boolean
  readonly shareFrom: number
  readonly memory: number
  readonly id: number
  readonly now: (() => number) | undefined
}

const compile = async (
  program: Program,
  inputs: readonly Tensor[],
  { pool, fused, shareFrom, memory: most, id, now }: CompileOptions,
): Promise<WasmProgramRunner> => {
  const writer = new ModuleWriter()
  const fma = fmaOf(writer, fused)
  const canaryName = String(writer.add(canary(fma, CANARY_AT)))
  const phases = program.nodes.map((node) => nodePhases(node, fma))

  const tableWords = phases.flat().reduce((n, p) => n + p.slots.length + 1, 0)
  const arena = planArena(program, TABLES_AT + 2 * 4 * tableWords)
  const scratchBytes = Math.ceil(Math.max(0, ...phases.flat().map((p) => p.scratch)) / 64) * 64
  const scratch = Math.ceil(arena.end / 64) * 64
  const bytes = scratch + pool.threads * scratchBytes + 64
  const pages = Math.ceil(bytes / PAGE)
  const limit = Math.min(most, MOST_PAGES * PAGE)
  if (pages * PAGE > limit)
    throw new FaultError({
      code: 'program-too-large',
      field: 'memory',
      value: `${pages * PAGE} bytes`,
      limit: `${limit} bytes`,
      remedy: 'Use smaller tensors, or allow the executor more memory.',
    })
  const limits = { initial: pages, maximum: pages, shared: pool.threads > 1 }
  const memory = new engine.Memory(limits)
  new Uint32Array(memory.buffer, CANARY_AT, CANARY_WORDS.length).set(CANARY_WORDS)

  const words = new Uint32Array(memory.buffer)
  let table = TABLES_AT
  const firstEntry: number[] = []
  const entries = [0, 1].map((parity) => {
    const list: Entry[] = []
    phases.forEach((ofNode, i) => {
      firstEntry[i] = list.length
      for (const phase of ofNode) {
        words[table / 4] = arena.nodes[parity]![i]!
        phase.slots.forEach((ref, s) => {
          words[table / 4 + 1 + s] = addressOf(arena, parity, ref)
        })
        const shared = phase.units > 1 && phase.units * phase.cost >= shareFrom
        list.push({
          kernel: String(writer.add(phase.fn)),
          units: phase.units,
          grain: shared ? Math.max(1, Math.floor(phase.units / (8 * pool.threads))) : 0,
          table,
        })
        table += 4 * (1 + phase.slots.length)
      }
    })
    firstEntry[phases.length] = list.length
    return list
  })

  const module = await engine.compile(writer.encode(limits))
  const work: Work = { canary: canaryName, entries, scratch, scratchBytes }
  const { exports } = new engine.Instance(module, { e: { m: memory } })
  if (pool.threads > 1) await pool.attach({ kind: 'attach', id, module, memory, work })
  return new WasmRunner(program, inputs, arena, memory, work, exports, firstEntry, pool, id, now)
}

const addressOf = (arena: Arena, parity: number, ref: Ref): number =>
  ref.from === 'node'
    ? arena.nodes[parity]![ref.index]!
    : ref.from === 'state'
      ? arena.state[parity]![ref.index]!
      : arena.inputs[ref.index]!

class WasmRunner implements WasmProgramRunner {
  readonly #program: Program
  readonly #arena: Arena
  readonly #work: Work
  readonly #kernels: Kernels
  readonly #firstEntry: readonly number[]
  readonly #pool: Pool
  readonly #id: number
  readonly #times: Times | undefined
  readonly #runs: { from: number; to: number }[] = [] // of needed nodes' entries
  #bytes: Uint8Array
  #parity = 0
  #stepped = false
  #broken: Error | undefined

  constructor(
    program: Program,
    inputs: readonly Tensor[],
    arena: Arena,
    memory: WasmMemory,
    work: Work,
    kernels: Kernels,
    firstEntry: readonly number[],
    pool: Pool,
    id: number,
    now: (() => number) | undefined,
  ) {
    this.#program = program
    this.#arena = arena
    this.#work = work
    this.#kernels = kernels
    this.#firstEntry = firstEntry
    this.#pool = pool
    this.#id = id
    const entries = work.entries[0]!.length
    if (now) this.#times = { now, total: new Float64Array(entries), calls: new Uint32Array(entries) }
    this.#bytes = new Uint8Array(memory.buffer)
    inputs.forEach((t, i) => {
      this.#bytes.set(t.data, arena.inputs[i]!)
    })
    arena.needed.forEach((needed, i) => {
      if (!needed) return
      const [from, to] = [firstEntry[i]!, firstEntry[i + 1]!]
      const last = this.#runs.at(-1)
      if (last?.to === from) last.to = to
      else this.#runs.push({ from, to })
    })
  }

  load(state: readonly Tensor[]): void {
    this.#stepped = false
    state.forEach((t, i) => {
      this.#bytes.set(t.data, this.#arena.state[this.#parity]![i]!)
    })
  }

  async step(count = 1): Promise<void> {
    await this.#pool.settled()
    for (let i = 0; i < count; i++) {
      for (const { from, to } of this.#runs) await this.#run(from, to)
      this.#finish()
    }
  }

  async trace(): Promise<Tensor[]> {
    await this.#pool.settled()
    const tensors: Tensor[] = []
    for (const [i, node] of this.#program.nodes.entries()) {
      await this.#run(this.#firstEntry[i]!, this.#firstEntry[i + 1]!)
      tensors.push(this.#read(node, this.#arena.nodes[this.#parity]![i]!))
    }
    this.#finish()
    return tensors
  }

  state(): Tensor[] {
    return this.#program.state.map((type, i) => this.#read(type, this.#arena.state[this.#parity]![i]!))
  }

  outputs(): Tensor[] {
    if (!this.#stepped) return []
    const { nodes, state, inputs } = this.#program
    return this.#program.outputs.map(({ ref }) => {
      const type = (ref.from === 'node' ? nodes : ref.from === 'state' ? state : inputs)[ref.index]!
      return this.#read(type, addressOf(this.#arena, 1 - this.#parity, ref))
    })
  }

  profile(): KernelTime[] {
    const times = this.#times
    if (!times) return []
    const kernels: KernelTime[] = []
    this.#program.nodes.forEach((node, i) => {
      const [from, to] = [this.#firstEntry[i]!, this.#firstEntry[i + 1]!]
      const calls = times.calls[from]!
      if (calls === 0) return
      const seconds = times.total.subarray(from, to).reduce((a, b) => a + b, 0) / 1000
      const kind = nodeKind(node)
      kernels.push({
        label: labelOf(kind, node),
        kind,
        nodes: [i],
        calls,
        seconds,
        ...workOf(this.#program, node),
      })
    })
    return kernels
  }

  close(): void {
    if (this.#broken) return
    this.#broken = new Error('the runner is closed')
    this.#bytes = new Uint8Array(0)
    this.#pool.detach(this.#id)
  }

  async #run(from: number, to: number): Promise<void> {
    if (this.#broken) throw this.#broken
    const { threads, control } = this.#pool
    const entries = this.#work.entries[this.#parity]!
    const together = threads > 1 && entries.slice(from, to).some((e) => e.grain > 0)
    if (together) this.#pool.run(this.#id, this.#parity, from, to)
    const fail = (error: unknown): void => {
      this.#broken = error instanceof Error ? error : new Error(String(error))
    }
    runEntries(this.#work, this.#kernels, control, 0, threads, this.#parity, from, to, fail, this.#times)
    const failed = Atomics.load(control, Word.failed)
    if (failed !== 0)
      this.#broken ??=
        failed > 1
          ? await this.#pool.failure(failed - 1)
          : new Error('a program of this executor failed before; create another executor')
    if (this.#broken) throw this.#broken
  }

  /** The state as the step left it becomes the state. */
  #finish(): void {
    for (const { from, to, bytes } of this.#arena.copies[this.#parity]!) {
      const at = addressOf(this.#arena, this.#parity, from)
      this.#bytes.copyWithin(to, at, at + bytes)
    }
    this.#parity = 1 - this.#parity
    this.#stepped = true
  }

  #read(type: TensorType, at: number): Tensor {
    const { dtype, shape } = type
    return { dtype, shape, data: this.#bytes.slice(at, at + bytesOf(type)) }
  }
}

const labelOf = (kind: string, node: Node): string =>
  `${kind} ${node.dtype} [${node.shape}]${node.kind === 'fold' ? ` over [${node.box}]` : ''}`
