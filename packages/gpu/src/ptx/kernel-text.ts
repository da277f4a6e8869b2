/**
 * PTX text (NVIDIA, "Parallel Thread Execution ISA"): what the driver itself turns into a device's own code. Only
 * instructions whose rounding is written down are used: `.rn` forms are never contracted, and none has `.ftz`.
 */

/** Register classes, by the letters that their names begin with. */
const CLASSES = { r: '.b32', f: '.f32', d: '.b64', h: '.b16', p: '.pred' } as const
type Class = keyof typeof CLASSES

/** One entry of a module: its parameters are device addresses. */
export class PtxKernel {
  readonly name: string
  /** Threads of a block. */
  readonly threads: number
  readonly #parameters: number
  readonly #lines: string[] = []
  readonly #used: Record<Class, number> = { r: 0, f: 0, d: 0, h: 0, p: 0 }
  readonly #shared: string[] = []
  #labels = 0

  constructor(name: string, threads: number, parameters: number) {
    this.name = name
    this.threads = threads
    this.#parameters = parameters
  }

  /** A fresh register: a word, a number, an address, a half, a predicate. */
  register(of: Class): string {
    return `%${of}${this.#used[of]++}`
  }
  label(): string {
    return `L${this.#labels++}`
  }
  place(label: string): void {
    this.#lines.push(`${label}:`)
  }
  emit(instruction: string): void {
    this.#lines.push(`  ${instruction};`)
  }
  /** Emits an instruction whose first operand is a fresh register, and gives that register. */
  let(of: Class, opcode: string, ...operands: (string | number)[]): string {
    const to = this.register(of)
    this.emit(`${opcode} ${[to, ...operands].join(', ')}`)
    return to
  }
  /** The i-th parameter, as an address in global memory. */
  parameter(i: number): string {
    const generic = this.let('d', 'ld.param.u64', `[p${i}]`)
    return this.let('d', 'cvta.to.global.u64', generic)
  }
  /** The i-th parameter, as an integer of 64 bits. */
  integer(i: number): string {
    return this.let('d', 'ld.param.u64', `[p${i}]`)
  }
  /** Shared memory of the block, aligned to 16 bytes; gives the address of its first byte. */
  shared(bytes: number): string {
    const name = `s${this.#shared.length}`
    this.#shared.push(`  .shared .align 16 .b8 ${name}[${bytes}];`)
    return this.let('r', 'mov.u32', name)
  }
  text(): string {
    const parameters = Array.from({ length: this.#parameters }, (_, i) => `.param .u64 p${i}`).join(', ')
    const registers = (Object.keys(CLASSES) as Class[])
      .filter((c) => this.#used[c] > 0)
      .map((c) => `  .reg ${CLASSES[c]} %${c}<${this.#used[c]}>;`)
    return [
      `.visible .entry ${this.name}(${parameters})`,
      `.maxntid ${this.threads}, 1, 1`,
      '{',
      ...registers,
      ...this.#shared,
      ...this.#lines,
      '}',
      '',
    ].join('\n')
  }
}

/** A compute capability that text is written for; the driver takes it on every later device too. */
export type PtxTarget = 'sm_75' | 'sm_80' | 'sm_90'
const VERSIONS: { readonly [T in PtxTarget]: string } = { sm_75: '6.4', sm_80: '7.0', sm_90: '7.8' }

/** The greatest target that a device of this compute capability runs; undefined below 7.5. */
export const targetOf = (major: number, minor: number): PtxTarget | undefined => {
  const capability = 10 * major + minor
  return capability >= 90 ? 'sm_90' : capability >= 80 ? 'sm_80' : capability >= 75 ? 'sm_75' : undefined
}

export const moduleText = (target: PtxTarget, kernels: readonly PtxKernel[]): string =>
  [
    `.version ${VERSIONS[target]}`,
    `.target ${target}`,
    '.address_size 64',
    '',
    ...kernels.map((k) => k.text()),
  ].join('\n')
