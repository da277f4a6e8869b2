import { applyInstruction, INSTRUCTIONS, type Opcode } from '@lockstep/tensor'

/**
 * Runs PTX text without a GPU: it parses what a device would be given and does what NVIDIA's PTX ISA says of each
 * instruction, thread after thread, so that wrong registers, roundings, predicates, addresses and missing barriers show.
 * It knows the instructions that this package writes and refuses all others. The arithmetic is the reference's; where
 * the standard leaves a NaN's pattern open, it gives the one that NVIDIA's devices give, which is not the canonical one.
 */
export class Interpreter {
  readonly #entries = new Map<string, Entry>()
  /** Device memory: addresses below `BASE` are nothing. */
  readonly memory: Uint8Array
  readonly #view: DataView
  /** Instructions that have been run. */
  executed = 0

  constructor(bytes: number) {
    this.memory = new Uint8Array(bytes).fill(0xcd)
    this.#view = new DataView(this.memory.buffer)
  }

  load(text: string): void {
    for (const [, name, , body] of text.matchAll(
      /\.visible \.entry (\w+)\(([^)]*)\)\n\.maxntid \d+, 1, 1\n\{\n([\s\S]*?)\n\}/g,
    ))
      this.#entries.set(name!, new Entry(name!, body!))
  }

  launch(name: string, blocks: number, threads: number, parameters: readonly number[]): void {
    const entry = this.#entries.get(name)
    if (!entry) throw new Error(`no entry ${name}`)
    for (let block = 0; block < blocks; block++) {
      const shared = new DataView(new ArrayBuffer(entry.sharedBytes))
      new Uint8Array(shared.buffer).fill(0xcd)
      const space = { global: this.#view, shared, parameters, block }
      const all = Array.from({ length: threads }, (_, i) => new Thread(entry, space, i, threads))
      let running = all
      while (running.length > 0) {
        for (const thread of running) this.executed += thread.run(entry)
        running = running.filter((t) => !t.done)
        // A block's threads meet at the same barrier, or have all ended.
        if (running.length > 0 && new Set(running.map((t) => t.pc)).size > 1)
          throw new Error(`${name}: threads wait at different barriers`)
        if (running.length > 0 && running.length < all.length)
          throw new Error(`${name}: threads have ended while others wait`)
      }
    }
  }
}

export const BASE = 1 << 16

type Space = {
  readonly global: DataView
  readonly shared: DataView
  readonly parameters: readonly number[]
  readonly block: number
}

const MOST_INSTRUCTIONS = 50_000_000

class Thread {
  readonly r: Uint32Array
  readonly f: Uint32Array
  readonly d: Float64Array
  readonly h: Uint16Array
  readonly p: Uint8Array
  readonly space: Space
  readonly id: number
  readonly threads: number
  pc = 0
  done = false
  waiting = false
  open: (() => void)[] = []
  groups: (() => void)[][] = []

  constructor(entry: Entry, space: Space, id: number, threads: number) {
    const n = entry.registers
    this.r = new Uint32Array(n.r).fill(0xdeadbeef)
    this.f = new Uint32Array(n.f).fill(0xdeadbeef)
    this.d = new Float64Array(n.d).fill(-1)
    this.h = new Uint16Array(n.h).fill(0xdead)
    this.p = new Uint8Array(n.p)
    this.space = space
    this.id = id
    this.threads = threads
  }

  /** Until the thread ends or waits at a barrier; gives how many instructions it ran. */
  run(entry: Entry): number {
    const { steps } = entry
    this.waiting = false
    let count = 0
    while (!this.done && !this.waiting) {
      const step = steps[this.pc]
      if (!step) {
        this.done = true
        break
      }
      this.pc++
      step(this)
      if (++count > MOST_INSTRUCTIONS) throw new Error(`${entry.name} does not end`)
    }
    return count
  }
}

type Get = (t: Thread) => number
type Set_ = (t: Thread, value: number) => void
type Step = (t: Thread) => void

class Entry {
  readonly name: string
  readonly registers: Record<'r' | 'f' | 'd' | 'h' | 'p', number> = { r: 0, f: 0, d: 0, h: 0, p: 0 }
  readonly steps: Step[] = []
  sharedBytes = 0
  readonly #sharedAt = new Map<string, number>()
  readonly #labels = new Map<string, number>()

  constructor(name: string, body: string) {
    this.name = name
    const lines = body.split('\n').map((l) => l.trim())
    const code: string[] = []
    for (const line of lines) {
      const reg = /^\.reg \.\w+ %(\w)<(\d+)>;$/.exec(line)
      const shared = /^\.shared \.align 16 \.b8 (\w+)\[(\d+)\];$/.exec(line)
      const label = /^(\w+):$/.exec(line)
      if (reg) this.registers[reg[1] as 'r'] = Number(reg[2])
      else if (shared) {
        this.#sharedAt.set(shared[1]!, this.sharedBytes)
        this.sharedBytes += Math.ceil(Number(shared[2]) / 16) * 16
      } else if (label) this.#labels.set(label[1]!, code.length)
      else if (line.endsWith(';')) code.push(line.slice(0, -1))
      else if (line !== '') throw new Error(`${name}: ${line} is not understood`)
    }
    for (const line of code) this.steps.push(this.#step(line))
  }

  #get(operand: string): Get {
    const register = /^%([rfdhp])(\d+)$/.exec(operand)
    if (register) {
      const bank = register[1] as 'r'
      const i = Number(register[2])
      if (i >= this.registers[bank]) throw new Error(`${operand} is not declared`)
      return (t) => t[bank][i]!
    }
    if (operand === '%tid.x') return (t) => t.id
    if (operand === '%ctaid.x') return (t) => t.space.block
    if (/^0f[0-9A-F]{8}$/.test(operand)) {
      const pattern = Number.parseInt(operand.slice(2), 16)
      return () => pattern
    }
    if (/^-?\d+$/.test(operand)) {
      const value = Number(operand)
      return () => value
    }
    const at = this.#sharedAt.get(operand)
    if (at !== undefined) return () => at
    throw new Error(`the operand ${operand} is not understood`)
  }

  #set(operand: string): Set_ {
    const register = /^%([rfdhp])(\d+)$/.exec(operand)
    if (!register) throw new Error(`${operand} is not a register`)
    const bank = register[1] as 'r'
    const i = Number(register[2])
    return (t, value) => {
      t[bank][i] = value
    }
  }

  #address(operand: string): Get {
    const match = /^\[(%\w\d+)(?:\+(-?\d+))?\]$/.exec(operand)
    if (!match) throw new Error(`the address ${operand} is not understood`)
    const base = this.#get(match[1]!)
    const offset = Number(match[2] ?? 0)
    return (t) => base(t) + offset
  }

  #step(line: string): Step {
    const guarded = /^@(!?)(%p\d+) (.*)$/.exec(line)
    if (guarded) {
      const holds = this.#get(guarded[2]!)
      const wanted = guarded[1] === '!' ? 0 : 1
      const inner = this.#step(guarded[3]!)
      return (t) => {
        if (holds(t) === wanted) inner(t)
      }
    }
    const space = line.indexOf(' ')
    const opcode = space < 0 ? line : line.slice(0, space)
    const rest = space < 0 ? '' : line.slice(space + 1)
    const operands = (rest.match(/\{[^}]*\}|[^,\s]+/g) ?? []) as string[]
    try {
      return this.#instruction(opcode, operands)
    } catch (error) {
      throw new Error(`${this.name}: ${line}: ${(error as Error).message}`)
    }
  }

  #instruction(opcode: string, operands: readonly string[]): Step {
    if (opcode === 'ret')
      return (t) => {
        t.done = true
      }
    if (opcode === 'bar.sync')
      return (t) => {
        t.waiting = true
      }
    if (opcode === 'bra') {
      const labels = this.#labels
      const name = operands[0]!
      const to = labels.get(name)
      if (to === undefined) throw new Error(`no label ${name}`)
      return (t) => {
        t.pc = to
      }
    }
    if (opcode === 'ld.param.u64') {
      const set = this.#set(operands[0]!)
      const i = Number(/^\[p(\d+)\]$/.exec(operands[1]!)![1])
      return (t) => set(t, t.space.parameters[i]!)
    }
    const memory = /^(ld|st)\.(global|shared)(?:\.v4)?\.(f32|u32|u16|b16|u8)$/.exec(opcode)
    if (memory) return this.#memory(memory[1]!, memory[2] as 'global', memory[3]!, operands)
    if (opcode.startsWith('cp.async')) return this.#copy(opcode, operands)
    const set = this.#set(operands[0]!)
    const gets = operands.slice(1).map((o) => this.#get(o))
    const [a, b, c] = gets as [Get, Get, Get]
    const two = MEANINGS2[opcode]
    if (two) return (t) => set(t, two(a(t), b(t)))
    const one = MEANINGS1[opcode]
    if (one) return (t) => set(t, one(a(t)))
    const three = MEANINGS3[opcode]
    if (three) return (t) => set(t, three(a(t), b(t), c(t)))
    throw new Error('the instruction is not understood')
  }

  #memory(what: string, where: 'global' | 'shared', width: string, operands: readonly string[]): Step {
    const bytes = width === 'u8' ? 1 : width.endsWith('16') ? 2 : 4
    const [list, place] = what === 'ld' ? [operands[0]!, operands[1]!] : [operands[1]!, operands[0]!]
    const parts = list.startsWith('{') ? list.slice(1, -1).split(', ') : [list]
    const address = this.#address(place)
    const check = (t: Thread, at: number): DataView => {
      const view = t.space[where]
      if (!(at >= (where === 'global' ? BASE : 0)) || at + bytes * parts.length > view.byteLength)
        throw new Error(`${this.name}: ${what} ${where} at ${at} is out of bounds`)
      if (at % (bytes * parts.length) !== 0)
        throw new Error(`${this.name}: ${what} ${where} at ${at} is not aligned`)
      return view
    }
    if (what === 'ld') {
      const sets = parts.map((p) => this.#set(p))
      return (t) => {
        const at = address(t)
        const view = check(t, at)
        for (let i = 0; i < sets.length; i++) {
          const p = at + i * bytes
          sets[i]!(
            t,
            bytes === 4 ? view.getUint32(p, true) : bytes === 2 ? view.getUint16(p, true) : view.getUint8(p),
          )
        }
      }
    }
    const gets = parts.map((p) => this.#get(p))
    return (t) => {
      const at = address(t)
      const view = check(t, at)
      for (let i = 0; i < gets.length; i++) {
        const p = at + i * bytes
        const value = gets[i]!(t)
        if (bytes === 4) view.setUint32(p, value, true)
        else if (bytes === 2) view.setUint16(p, value & 0xffff, true)
        else view.setUint8(p, value & 0xff)
      }
    }
  }

  /** A copy lands when its group is waited for, and not before: the latest moment that the ISA allows. */
  #copy(opcode: string, operands: readonly string[]): Step {
    if (opcode === 'cp.async.commit_group')
      return (t) => {
        t.groups.push(t.open)
        t.open = []
      }
    if (opcode === 'cp.async.wait_group') {
      const left = Number(operands[0])
      return (t) => {
        while (t.groups.length > left) for (const land of t.groups.shift()!) land()
      }
    }
    if (!/^cp\.async\.c[ag]\.shared\.global$/.test(opcode)) throw new Error('the copy is not understood')
    const to = this.#address(operands[0]!)
    const from = this.#address(operands[1]!)
    const bytes = Number(operands[2])
    const size = operands[3] === undefined ? () => bytes : this.#get(operands[3])
    if (opcode.includes('.cg.') && bytes !== 16) throw new Error('.cg copies 16 bytes')
    return (t) => {
      const [target, source, taken] = [to(t), from(t), size(t)]
      if (target % bytes !== 0 || (taken > 0 && source % bytes !== 0))
        throw new Error(`${this.name}: copy is not aligned`)
      if (taken > 0 && (source < BASE || source + taken > t.space.global.byteLength))
        throw new Error(`${this.name}: copy from ${source} is out of bounds`)
      t.open.push(() => {
        for (let i = 0; i < bytes; i++)
          t.space.shared.setUint8(target + i, i < taken ? t.space.global.getUint8(source + i) : 0)
      })
    }
  }
}

const isNaNPattern = (x: number): boolean => (x & 0x7fffffff) > 0x7f800000
/** NVIDIA's devices give this NaN. */
const theirs = (x: number): number => (isNaNPattern(x) ? 0x7fffffff : x)
const apply =
  (op: Exclude<Opcode, 'index'>) =>
  (a: number, b = 0, c = 0): number =>
    INSTRUCTIONS[op].gives === 'f' ? theirs(applyInstruction(op, a, b, c)) : applyInstruction(op, a, b, c)
const word =
  (op: Exclude<Opcode, 'index'>) =>
  (a: number, b = 0): number =>
    applyInstruction(op, a >>> 0, b >>> 0)
const i32 = (x: number): number => x | 0
const truth = (b: boolean): number => (b ? 1 : 0)
/** What is kept of an address or a wide integer: all of it, as it stays below 2^53 here. */
const wide = (x: number): number => {
  if (!Number.isSafeInteger(x)) throw new Error(`${x} is too wide`)
  return x
}

const MEANINGS1: Record<string, (a: number) => number> = {
  'mov.b32': (a) => a,
  'mov.b16': (a) => a,
  'mov.u32': (a) => a,
  'mov.f32': (a) => a,
  'mov.u64': (a) => a,
  'cvta.to.global.u64': (a) => a,
  'neg.f32': (a) => (a ^ 0x80000000) >>> 0,
  'abs.f32': (a) => a & 0x7fffffff,
  'sqrt.rn.f32': apply('fsqrt'),
  'cvt.rzi.s32.f32': apply('f2i'),
  'cvt.rzi.u32.f32': apply('f2u'),
  'cvt.rn.f32.s32': apply('i2f'),
  'cvt.rn.f32.u32': apply('u2f'),
  'cvt.rn.f16.f32': (a) => (isNaNPattern(a) ? 0x7fff : halfOf(applyInstruction('f16', a))),
  'cvt.f32.f16': (h) => theirs(singleOf(h)),
  'cvt.u32.u16': (h) => h,
  'cvt.u64.u32': (a) => a,
  'cvt.s64.s32': i32,
  'cvt.u32.u64': (a) => Number(BigInt.asUintN(32, BigInt(a))),
  'not.pred': (a) => 1 - a,
}
const MEANINGS2: Record<string, (a: number, b: number) => number> = {
  'add.rn.f32': apply('fadd'),
  'sub.rn.f32': apply('fsub'),
  'mul.rn.f32': apply('fmul'),
  'div.rn.f32': apply('fdiv'),
  'add.u32': word('uadd'),
  'add.s32': word('uadd'),
  'sub.u32': word('usub'),
  'mul.lo.u32': word('umul'),
  'mul.hi.u32': word('umulhi'),
  'mul.wide.u32': (a, b) => wide(a * b),
  'add.s64': (a, b) => wide(a + b),
  'div.u32': (a, b) => Math.floor(a / b),
  'min.u32': (a, b) => Math.min(a >>> 0, b >>> 0),
  'min.s32': (a, b) => Math.min(i32(a), i32(b)) >>> 0,
  'max.s32': (a, b) => Math.max(i32(a), i32(b)) >>> 0,
  'and.b32': word('and'),
  'or.b32': word('or'),
  'xor.b32': word('xor'),
  // A count above 31 shifts everything out.
  'shl.b32': (a, b) => (b > 31 ? 0 : (a << b) >>> 0),
  'shr.u32': (a, b) => (b > 31 ? 0 : a >>> b),
  'shr.s32': (a, b) => ((a | 0) >> Math.min(b, 31)) >>> 0,
  'and.pred': (a, b) => a & b,
  'or.pred': (a, b) => a | b,
  'setp.nan.f32': (a, b) => truth(isNaNPattern(a) || isNaNPattern(b)),
  'setp.lt.f32': apply('flt'),
  'setp.le.f32': apply('fle'),
  'setp.eq.f32': apply('feq'),
  'setp.eq.u32': (a, b) => truth(a >>> 0 === b >>> 0),
  'setp.ne.u32': (a, b) => truth(a >>> 0 !== b >>> 0),
  'setp.lt.u32': (a, b) => truth(a >>> 0 < b >>> 0),
  'setp.le.u32': (a, b) => truth(a >>> 0 <= b >>> 0),
  'setp.ge.u32': (a, b) => truth(a >>> 0 >= b >>> 0),
  'setp.lt.s32': (a, b) => truth(i32(a) < i32(b)),
  'setp.ge.s32': (a, b) => truth(i32(a) >= i32(b)),
  'setp.eq.s64': (a, b) => truth(a === b),
  'setp.lt.s64': (a, b) => truth(a < b),
  'setp.ge.s64': (a, b) => truth(a >= b),
}
const MEANINGS3: Record<string, (a: number, b: number, c: number) => number> = {
  'fma.rn.f32': apply('fma'),
  'mad.lo.u32': (a, b, c) => (Math.imul(a, b) + c) >>> 0,
  'mad.lo.s64': (a, b, c) => wide(a * b + c),
  'selp.b32': (a, b, p) => (p ? a : b) >>> 0,
  'selp.u32': (a, b, p) => (p ? a : b) >>> 0,
  'selp.f32': (a, b, p) => (p ? a : b),
  // The 64 bits of high and low (b, a) shifted right; the low word of them.
  'shf.r.wrap.b32': (a, b, c) => {
    const n = c & 31
    return n === 0 ? a : ((a >>> n) | (b << (32 - n))) >>> 0
  },
  'prmt.b32': (a, b, c) => {
    const bytes = [a, a >>> 8, a >>> 16, a >>> 24, b, b >>> 8, b >>> 16, b >>> 24].map((x) => x & 255)
    const pick = (i: number): number => bytes[(c >>> (4 * i)) & 7]!
    return (pick(0) | (pick(1) << 8) | (pick(2) << 16) | (pick(3) << 24)) >>> 0
  },
}

/** A binary32 that is a binary16, as its 16 bits; and back. */
const halfOf = (pattern: number): number => {
  for (let low = 0, high = 0x7c00; ; ) {
    const middle = (low + high) >> 1
    const m = singleOf(middle)
    const magnitude = pattern & 0x7fffffff
    if (m === magnitude) return ((pattern >>> 16) & 0x8000) | middle
    if (low >= high) throw new Error('not a binary16')
    if (m < magnitude) low = middle + 1
    else high = middle - 1
  }
}
const single = new Float32Array(1)
const singleBits = new Uint32Array(single.buffer)
const singleOf = (half: number): number => {
  const exponent = (half >>> 10) & 31
  const fraction = half & 1023
  if (exponent === 31) return (((half & 0x8000) << 16) | 0x7f800000 | (fraction << 13)) >>> 0
  single[0] = exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15)
  return (singleBits[0]! | ((half & 0x8000) << 16)) >>> 0
}
