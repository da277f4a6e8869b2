import { asWritten, type FuseOptions, planProgram } from '../compile/plan.ts'
import { encodeProgram } from '../encoding/program.ts'
import type { Executor, Runner } from '../executor.ts'
import type { Program, Tensor } from '../program.ts'
import { loadAccelerator, microkernelOf } from './accelerator.ts'
import { type Code, type CodeOptions, generate, type KernelInfo, PAGE } from './code.ts'
import { Pool, type Thread } from './pool.ts'
import { probe } from './probe.ts'
import { howToHaveThreads, whyOneThread } from './sharing.ts'
import { type Host, Stepper } from './stepper.ts'

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
  /**
   * A module that every thread imports to multiply packed panels outside of WebAssembly, see Accelerator. It is proved
   * in every thread and refused where its bits differ.
   */
  readonly accelerator?: { readonly url: string }
  /** Passes of the compiler to leave out, for comparison. All are on by default; none changes a bit. */
  readonly fuse?: FuseOptions
  /** Where threads come from: Node's worker_threads or a browser's workers by default. */
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
  /** Bytes of memory that a step's tensors take, and the least they could; scratch of all threads beside them. */
  memory(): { readonly peak: number; readonly lowerBound: number; readonly scratch: number }
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

/** Threads of this platform, which are loaded only where they are wanted; package.json says which module has them. */
const threadsHere = async (threads: number): Promise<() => Thread> => {
  if (threads > 1) return (await import('#pool-threads')).spawnThread
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
    accelerator: acceleratorOption,
  } = options
  if (!Number.isInteger(threads) || threads < 1 || threads > 256)
    throw new RangeError(`threads is ${threads}; allowed: 1 to 256`)
  const one = threads > 1 ? whyOneThread() : undefined
  if (one !== undefined)
    throw new RangeError(
      `threads is ${threads}; allowed: 1, because ${one}; ${howToHaveThreads()}, or use threads: 1`,
    )
  const url = acceleratorOption?.url
  const accelerator = url === undefined ? undefined : await loadAccelerator(url)
  const pool = await Pool.start(options.spawn ?? (await threadsHere(threads)), threads - 1, url)
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
  let steppers = 0
  const host: Host = {
    pool,
    accelerator,
    most: Math.min(memory, MOST_PAGES * PAGE),
    newId: () => steppers++,
    now: profile?.now,
  }
  const code = { fused, threads, shareFrom, imported: accelerator && microkernelOf(accelerator) }
  const codes = new CodeCache(code, options.fuse)
  return {
    name: `wasm ${threads} ${fused ? 'fused' : 'exact'}${accelerator ? ' accelerated' : ''}`,
    threads,
    fused,
    compile: (program, inputs) => WasmRunner.make(program, inputs, codes, host),
    close: () => pool.close(),
  }
}

const MOST_PAGES = 65536
/** Entries cheaper than this are not worth waking others for; in the units of Phase.cost. */
const WORTH_SHARING = 400_000

type Known = { readonly kind: 'step' | 'trace'; readonly program: Program; readonly code: Promise<Code> }

/** The last few programs' code, by the programs' own bytes. */
class CodeCache {
  readonly #options: CodeOptions
  readonly #fuse: FuseOptions | undefined
  #known: readonly Known[] = [] // the latest is the last

  constructor(options: CodeOptions, fuse: FuseOptions | undefined) {
    this.#options = options
    this.#fuse = fuse
  }

  step(program: Program): Promise<Code> {
    return this.#get('step', program, () =>
      generate(program, planProgram(program, this.#fuse), this.#options),
    )
  }
  /** Code that leaves every node's tensor to be seen. */
  trace(program: Program): Promise<Code> {
    return this.#get('trace', program, () => generate(program, asWritten(program), this.#options))
  }

  #get(kind: Known['kind'], program: Program, make: () => Promise<Code>): Promise<Code> {
    const known = this.#known.find((k) => k.kind === kind && isSame(k.program, program))
    const latest = known ?? { kind, program, code: make() }
    this.#known = [...this.#known.filter((k) => k !== known), latest].slice(-KEPT)
    return latest.code
  }
}
const KEPT = 8

/** Programs' encodings, made when a second program is asked for: a process often has only one. */
const ENCODED = new WeakMap<Program, Uint8Array>()
const encoded = (program: Program): Uint8Array => {
  let bytes = ENCODED.get(program)
  if (!bytes) {
    bytes = encodeProgram(program)
    ENCODED.set(program, bytes)
  }
  return bytes
}
const isSame = (a: Program, b: Program): boolean => {
  if (a === b) return true
  if (a.nodes.length !== b.nodes.length) return false
  const [x, y] = [encoded(a), encoded(b)]
  return x.length === y.length && x.every((byte, i) => byte === y[i])
}

class WasmRunner implements WasmProgramRunner {
  readonly #program: Program
  #inputs: readonly Tensor[]
  readonly #codes: CodeCache
  readonly #host: Host
  readonly #stepper: Stepper
  #tracer: Stepper | undefined
  /** Outputs of the last step, where it was a trace; otherwise the stepper has them. */
  #outputs: Tensor[] | undefined = []

  private constructor(
    program: Program,
    inputs: readonly Tensor[],
    codes: CodeCache,
    host: Host,
    stepper: Stepper,
  ) {
    this.#program = program
    this.#inputs = inputs
    this.#codes = codes
    this.#host = host
    this.#stepper = stepper
  }

  static async make(
    program: Program,
    inputs: readonly Tensor[],
    codes: CodeCache,
    host: Host,
  ): Promise<WasmRunner> {
    const stepper = await Stepper.make(await codes.step(program), inputs, host)
    return new WasmRunner(program, inputs, codes, host, stepper)
  }

  load(state: readonly Tensor[]): void {
    this.#outputs = []
    this.#stepper.load(state)
  }

  give(inputs: readonly Tensor[]): void {
    this.#inputs = inputs
    this.#stepper.give(inputs)
    this.#tracer?.give(inputs)
  }

  async step(count = 1): Promise<void> {
    await this.#host.pool.settled()
    for (let i = 0; i < count; i++) await this.#stepper.step()
    if (count > 0) this.#outputs = undefined
  }

  async trace(): Promise<Tensor[]> {
    const host = { ...this.#host, now: undefined } // a trace is no part of the profile
    this.#tracer ??= await Stepper.make(await this.#codes.trace(this.#program), this.#inputs, host)
    const tracer = this.#tracer
    await this.#host.pool.settled()
    tracer.load(this.#stepper.state())
    const tensors: Tensor[] = []
    await tracer.step(({ members }) => {
      for (const i of members) tensors.push(tracer.node(i))
    })
    this.#stepper.load(tracer.state())
    this.#outputs = tracer.outputs()
    return tensors
  }

  state(into?: Tensor[]): Tensor[] {
    return this.#stepper.state(into)
  }

  outputs(): Tensor[] {
    return this.#outputs ?? this.#stepper.outputs()
  }

  profile(): KernelTime[] {
    const { times, code } = this.#stepper
    if (!times) return []
    return code.kernels.flatMap(({ from, to, members: _, ...kernel }: KernelInfo): KernelTime[] => {
      const calls = times.calls[from]!
      const seconds = times.total.subarray(from, to).reduce((a, b) => a + b, 0) / 1000
      return calls === 0 ? [] : [{ ...kernel, calls, seconds }]
    })
  }

  memory(): { readonly peak: number; readonly lowerBound: number; readonly scratch: number } {
    const { arena, scratchBytes, sharedBytes } = this.#stepper.code
    const scratch = scratchBytes * this.#host.pool.threads + sharedBytes
    return { peak: arena.peak, lowerBound: arena.lowerBound, scratch }
  }

  close(): void {
    this.#stepper.close()
    this.#tracer?.close()
  }
}
