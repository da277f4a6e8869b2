import { fusedMultiplyAdd } from '@lockstep/tensor'

/**
 * Runs WGSL without a GPU: it parses the text that a device would be given, checks the types of what it reads (W3C,
 * "WebGPU Shading Language"), and writes it as JavaScript in which every operation has its own rounding. It knows the
 * language that this package writes and refuses all else. What a device does with binary32 is handed in, so that a
 * device may be wrong on purpose.
 */
export type FloatOperations = {
  readonly add: (a: number, b: number) => number
  readonly sub: (a: number, b: number) => number
  readonly mul: (a: number, b: number) => number
  readonly div: (a: number, b: number) => number
  readonly sqrt: (a: number) => number
  readonly fma: (a: number, b: number, c: number) => number
}

/** IEEE 754 as it is written: rounded once to nearest, subnormals kept. */
export const IEEE: FloatOperations = {
  add: (a, b) => Math.fround(a + b),
  sub: (a, b) => Math.fround(a - b),
  mul: (a, b) => Math.fround(a * b),
  div: (a, b) => Math.fround(a / b),
  sqrt: (a) => Math.fround(Math.sqrt(a)),
  fma: (a, b, c) => Math.fround(fusedMultiplyAdd(a, b, c)),
}

/** All invocations of a workgroup, each up to the next barrier in turn. */
export type Group = (
  memory: Uint32Array,
  places: Uint32Array,
  groupX: number,
  groupY: number,
  groupsX: number,
) => void

export type Translated = {
  readonly group: Group
  /** Functions by name, on words; `places` is what they read the zero from. */
  readonly functions: Readonly<Record<string, (...args: number[]) => number>>
}

/** The text as functions. Fails with the place that is not understood. */
export const translateWgsl = (
  text: string,
  float: FloatOperations = IEEE,
  places: Uint32Array = new Uint32Array(64),
): Translated => {
  const { code, names, groupSize, shared, waits } = new Translator(text).module()
  const single = new Float32Array(1)
  const word = new Uint32Array(single.buffer)
  const toFloat = (pattern: number): number => {
    word[0] = pattern
    return single[0]!
  }
  const toWord = (value: number): number => {
    if (Number.isNaN(value)) return 0xffbadbad // any NaN may come out of a device
    single[0] = value
    return word[0]!
  }
  const outside = (at: number, length: number): never => {
    throw new RangeError(`word ${at} of ${length} is touched`)
  }
  const load = (memory: Uint32Array, at: number): number =>
    at < memory.length ? memory[at]! : outside(at, memory.length)
  const make = new Function(
    ...['F', 'toFloat', 'toWord', 'load', 'outside', 'places'],
    [
      '"use strict"; let memory = new Uint32Array(0)',
      ...shared.map(({ name }) => `let _${name}`),
      code,
      `return { ${names.map((n) => `${n}: _${n}`).join(', ')},`,
      'bind: (m, p) => { memory = m; places = p },',
      `fresh: () => { ${shared.map(({ name, made }) => `_${name} = ${made}`).join('; ')} } }`,
    ].join('\n'),
  ) as (...given: unknown[]) => Record<string, (...args: never[]) => never>
  const made = make(float, toFloat, toWord, load, outside, places)
  const { bind, fresh, main, ...functions } = made
  const run = main as unknown as (
    group: number[],
    groups: number[],
    local: number,
  ) => Iterator<void> | undefined
  return {
    functions: functions as unknown as Translated['functions'],
    group: (m, p, groupX, groupY, groupsX) => {
      bind!(m as never, p as never)
      fresh!()
      const start = (local: number): Iterator<void> | undefined =>
        run([groupX, groupY, 0], [groupsX, 1, 1], local)
      if (!waits) {
        for (let local = 0; local < groupSize; local++) start(local)
        return
      }
      const all = Array.from({ length: groupSize }, (_, local) => start(local)!)
      for (;;) {
        const ended = all.filter((invocation) => invocation.next().done === true).length
        if (ended === groupSize) return
        if (ended > 0) throw new Error('some invocations have ended while others wait at a barrier')
      }
    },
  }
}

type Type = string // u32, i32, f32, bool, int (a literal without suffix), vec2<u32>, array<u32,16>, a struct's name
type Value = { readonly code: string; readonly type: Type; readonly literal?: boolean }

const LEVELS: readonly (readonly string[])[] = [
  ['||'],
  ['&&'],
  ['|'],
  ['^'],
  ['&'],
  ['==', '!='],
  ['<', '>', '<=', '>='],
  ['<<', '>>'],
  ['+', '-'],
  ['*', '/', '%'],
]
const FLOAT: { readonly [op: string]: keyof FloatOperations } = {
  '+': 'add',
  '-': 'sub',
  '*': 'mul',
  '/': 'div',
}
const FIELDS = 'xyzw'

class Translator {
  readonly #tokens: readonly string[]
  #at = 0
  readonly #structs = new Map<string, { readonly name: string; readonly type: Type }[]>()
  readonly #functions = new Map<string, { readonly takes: readonly Type[]; readonly gives: Type }>()
  readonly #shared = new Map<string, Type>()
  #scopes: Map<string, Type>[] = []
  #waits = false
  #gives: Type = ''

  constructor(text: string) {
    const plain = text.replace(/\/\/.*/g, '')
    this.#tokens =
      plain.match(
        /0x[0-9a-fA-F]+u?|\d+\.\d+|\d+u?|[A-Za-z_]\w*|->|\|\||&&|[=!<>]=|<<=|>>=|<<|>>|[-+*/%&|^]=|\+\+|\S/g,
      ) ?? []
    for (const [, name, takes, gives] of plain.matchAll(/\bfn (\w+)\(([^{]*)\)(?:\s*->\s*([\w<>]+))?\s*\{/g))
      this.#functions.set(name!, {
        takes: takes!
          .split(/,(?![^<]*>)/)
          .filter((p) => p.trim() !== '')
          .map((p) => p.slice(p.lastIndexOf(':') + 1).replaceAll(/\s/g, '')),
        gives: gives ?? 'void',
      })
  }

  module(): {
    code: string
    names: string[]
    groupSize: number
    shared: { name: string; made: string }[]
    waits: boolean
  } {
    const shared: { name: string; made: string }[] = []
    const parts: string[] = []
    const names: string[] = []
    let groupSize = 0
    while (this.#at < this.#tokens.length) {
      const token = this.#next()
      if (token === '@') {
        const name = this.#next()
        if (this.#peek() !== '(') continue
        const inside = this.#inParentheses()
        if (name === 'workgroup_size') groupSize = Number(inside[0])
      } else if (token === 'var') {
        this.#expect('<')
        const space = this.#next()
        if (space === 'workgroup') {
          this.#expect('>')
          const name = this.#next()
          this.#expect(':')
          const type = this.#type()
          const [made, rubbish] = [this.#made(type), type.startsWith('array<f32') ? 'NaN' : '0xcdcdcdcd']
          shared.push({ name, made: `${made}.fill(${rubbish})` })
          this.#shared.set(name, type)
          this.#expect(';')
        } else while (this.#next() !== ';');
      } else if (token === 'struct') {
        const name = this.#next()
        this.#expect('{')
        const fields: { name: string; type: Type }[] = []
        while (this.#peek() !== '}') {
          const field = this.#next()
          this.#expect(':')
          fields.push({ name: field, type: this.#type() })
          if (this.#peek() === ',') this.#next()
        }
        this.#expect('}')
        this.#structs.set(name, fields)
      } else if (token === 'fn') {
        const name = this.#next()
        names.push(name)
        parts.push(this.#function(name))
      } else this.#wrong(token)
    }
    return { code: parts.join('\n'), names, groupSize, shared, waits: this.#waits }
  }

  #wrong(what: string): never {
    throw new Error(
      `WGSL: ${what} is not understood at "${this.#tokens.slice(Math.max(0, this.#at - 12), this.#at + 6).join(' ')}"`,
    )
  }
  #peek(): string {
    return this.#tokens[this.#at] ?? ''
  }
  #next(): string {
    return this.#tokens[this.#at++] ?? this.#wrong('the end')
  }
  #expect(token: string): void {
    if (this.#next() !== token) this.#wrong(`what is not ${token}`)
  }
  #inParentheses(): string[] {
    this.#expect('(')
    const inside: string[] = []
    while (this.#peek() !== ')') inside.push(this.#next())
    this.#expect(')')
    return inside
  }

  #type(): Type {
    const name = this.#next()
    if (this.#peek() !== '<') return name
    this.#next()
    const of: string[] = [this.#type()]
    while (this.#peek() === ',') {
      this.#next()
      of.push(this.#next())
    }
    this.#expect('>')
    return `${name}<${of.join(',')}>`
  }

  #function(name: string): string {
    const scope = new Map<string, Type>()
    this.#scopes = [scope]
    this.#expect('(')
    const names: string[] = []
    while (this.#peek() !== ')') {
      while (this.#peek() === '@') {
        this.#next()
        this.#next()
        this.#inParentheses()
      }
      const parameter = this.#next()
      this.#expect(':')
      scope.set(parameter, this.#type())
      names.push(`_${parameter}`)
      if (this.#peek() === ',') this.#next()
    }
    this.#expect(')')
    this.#gives = 'void'
    if (this.#peek() === '->') {
      this.#next()
      this.#gives = this.#type()
    }
    const before = this.#waits
    this.#waits = false
    const body = this.#block()
    // Only the entry point waits: a call that did would have to be waited for.
    if (this.#waits && name !== 'main') this.#wrong('a barrier in a function')
    const star = this.#waits ? '*' : ''
    this.#waits ||= before
    return `function${star} _${name}(${names.join(', ')}) ${body}`
  }

  #block(): string {
    this.#expect('{')
    this.#scopes.push(new Map())
    const lines: string[] = []
    while (this.#peek() !== '}') lines.push(this.#statement())
    this.#expect('}')
    this.#scopes.pop()
    return `{\n${lines.join('\n')}\n}`
  }

  /** A fresh array of a type. */
  #made(type: Type): string {
    const [, of, length] = /^array<(u32|f32),(\d+)>$/.exec(type) ?? this.#wrong(type)
    return `new ${of === 'u32' ? 'Uint32Array' : 'Float32Array'}(${length})`
  }
  #declare(name: string, type: Type): void {
    const scope = this.#scopes.at(-1)!
    if (scope.has(name)) this.#wrong(`a second ${name}`)
    scope.set(name, type)
  }
  #typeOf(name: string): Type {
    for (let i = this.#scopes.length - 1; i >= 0; i--) {
      const type = this.#scopes[i]!.get(name)
      if (type) return type
    }
    return this.#shared.get(name) ?? this.#wrong(`the name ${name}`)
  }

  #statement(): string {
    const token = this.#peek()
    if (token === '{') return this.#block()
    if (token === 'return') {
      this.#next()
      if (this.#peek() === ';') {
        this.#next()
        return 'return'
      }
      const value = this.#as(this.#expression(), this.#gives)
      this.#expect(';')
      return `return ${value}`
    }
    if (token === 'if') {
      this.#next()
      this.#expect('(')
      const test = this.#as(this.#expression(), 'bool')
      this.#expect(')')
      const then = this.#block()
      if (this.#peek() !== 'else') return `if (${test}) ${then}`
      this.#next()
      return `if (${test}) ${then} else ${this.#peek() === 'if' ? this.#statement() : this.#block()}`
    }
    if (token === 'for') {
      this.#next()
      this.#expect('(')
      this.#scopes.push(new Map())
      const first = this.#simple()
      this.#expect(';')
      const test = this.#as(this.#expression(), 'bool')
      this.#expect(';')
      const after = this.#simple()
      this.#expect(')')
      const body = this.#block()
      this.#scopes.pop()
      return `for (${first}; ${test}; ${after}) ${body}`
    }
    if (token === 'workgroupBarrier') {
      this.#next()
      this.#inParentheses()
      this.#expect(';')
      this.#waits = true
      return 'yield'
    }
    const simple = this.#simple()
    this.#expect(';')
    return simple
  }

  /** A declaration or an assignment, without its semicolon. */
  #simple(): string {
    const token = this.#next()
    if (token === 'let' || token === 'var') {
      const name = this.#next()
      let type: Type | undefined
      if (this.#peek() === ':') {
        this.#next()
        type = this.#type()
      }
      if (this.#peek() !== '=') {
        if (!type) this.#wrong('a variable without a type')
        this.#declare(name, type)
        return `let _${name} = ${type.startsWith('array') ? this.#made(type) : 0}`
      }
      this.#next()
      const value = this.#expression()
      type ??= value.type === 'int' ? 'i32' : value.type
      const code = this.#as(value, type)
      this.#declare(name, type)
      return `${token === 'let' ? 'const' : 'let'} _${name} = ${code}`
    }
    let place: Value = { code: `_${token}`, type: token === 'memory' ? 'memory' : this.#typeOf(token) }
    if (this.#peek() === '[') {
      this.#next()
      const index = this.#as(this.#expression(), 'u32')
      this.#expect(']')
      place =
        place.type === 'memory'
          ? {
              code: `memory[${index} < memory.length ? ${index} : outside(${index}, memory.length)]`,
              type: 'u32',
            }
          : {
              code: `${place.code}[${index}]`,
              type: /^array<(\w+),/.exec(place.type)?.[1] ?? this.#wrong(place.type),
            }
    }
    const operator = this.#next()
    if (operator === '++') return `${place.code} = ${this.#two('+', place, { code: '1', type: 'int' }).code}`
    if (operator === '=') return `${place.code} = ${this.#as(this.#expression(), place.type)}`
    const op = operator.slice(0, -1)
    if (!operator.endsWith('=') || !LEVELS.flat().includes(op)) this.#wrong(operator)
    return `${place.code} = ${this.#two(op, place, this.#expression()).code}`
  }

  /** A value where a type is asked for: only a literal without suffix is of several. */
  #as(value: Value, type: Type): string {
    if (value.type === type) return value.code
    if (value.type === 'int' && type === 'u32' && !value.code.includes('-')) return value.code
    if (value.type === 'int' && type === 'i32') return value.code
    return this.#wrong(`${value.type} where ${type} is asked for`)
  }

  #expression(level = 0): Value {
    if (level === LEVELS.length) return this.#unary()
    let left = this.#expression(level + 1)
    while (LEVELS[level]!.includes(this.#peek()))
      left = this.#two(this.#next(), left, this.#expression(level + 1))
    return left
  }

  #two(op: string, a: Value, b: Value): Value {
    if (op === '&&' || op === '||')
      return { code: `(${this.#as(a, 'bool')} ${op} ${this.#as(b, 'bool')})`, type: 'bool' }
    const type = a.type === 'int' ? b.type : a.type
    const shift = op === '<<' || op === '>>'
    const x = this.#as(a, type)
    const y = this.#as(b, shift ? 'u32' : type)
    if (op === '==' && type === 'vec2<u32>')
      return { code: `[${x}[0] === ${y}[0], ${x}[1] === ${y}[1]]`, type: 'vec2<bool>' }
    if (LEVELS[5]!.includes(op) || LEVELS[6]!.includes(op)) {
      if (!['u32', 'i32', 'f32', 'int', 'bool'].includes(type)) this.#wrong(`${op} of ${type}`)
      return { code: `(${x} ${op.replace(/^([=!])=$/, '$1==')} ${y})`, type: 'bool' }
    }
    if (type === 'f32') {
      const name = FLOAT[op] ?? this.#wrong(`${op} of f32`)
      return { code: `F.${name}(${x}, ${y})`, type }
    }
    const whole = (code: string): Value => ({
      code: type === 'u32' ? `(${code} >>> 0)` : `(${code} | 0)`,
      type,
    })
    if (!['u32', 'i32', 'int'].includes(type)) return this.#wrong(`${op} of ${type}`)
    if (op === '*') return whole(`Math.imul(${x}, ${y})`)
    if (op === '>>' && type === 'u32') return { code: `(${x} >>> ${y})`, type }
    return whole(`(${x} ${op} ${y})`)
  }

  #unary(): Value {
    const token = this.#peek()
    if (token === '!') {
      this.#next()
      return { code: `!${this.#as(this.#unary(), 'bool')}`, type: 'bool' }
    }
    if (token === '-') {
      this.#next()
      const { code, type } = this.#unary()
      if (type !== 'i32' && type !== 'int') this.#wrong(`- of ${type}`)
      return { code: `(-${code} | 0)`, type }
    }
    if (token === '~') {
      this.#next()
      return { code: `(~${this.#as(this.#unary(), 'u32')} >>> 0)`, type: 'u32' }
    }
    let value = this.#primary()
    for (;;) {
      if (this.#peek() === '.') {
        this.#next()
        value = this.#member(value, this.#next())
      } else if (this.#peek() === '[') {
        this.#next()
        const index = this.#as(this.#expression(), 'u32')
        this.#expect(']')
        if (value.type === 'memory') value = { code: `load(memory, ${index})`, type: 'u32' }
        else if (value.type === 'places') value = { code: `${index}`, type: 'place' }
        else
          value = {
            code: `${value.code}[${index}]`,
            type: /^array<(\w+),/.exec(value.type)?.[1] ?? this.#wrong(value.type),
          }
      } else return value
    }
  }

  #member(value: Value, name: string): Value {
    const i = FIELDS.indexOf(name)
    if (value.type === 'place') return { code: `places[4 * ${value.code} + ${i}]`, type: 'u32' }
    const vector = /^vec([23])<(\w+)>$/.exec(value.type)
    if (vector && i >= 0 && i < Number(vector[1])) return { code: `${value.code}[${i}]`, type: vector[2]! }
    const field = this.#structs.get(value.type)?.find((f) => f.name === name)
    return field
      ? { code: `${value.code}.${name}`, type: field.type }
      : this.#wrong(`.${name} of ${value.type}`)
  }

  #primary(): Value {
    const token = this.#next()
    if (token === '(') {
      const { code, type } = this.#expression()
      this.#expect(')')
      return { code: `(${code})`, type }
    }
    if (/^\d+\.\d+$/.test(token)) return { code: token, type: 'f32' }
    if (/^(0x[0-9a-fA-F]+|\d+)u$/.test(token)) return { code: token.slice(0, -1), type: 'u32' }
    if (/^(0x[0-9a-fA-F]+|\d+)$/.test(token)) return { code: token, type: 'int' }
    if (token === 'true' || token === 'false') return { code: token, type: 'bool' }
    if (token === 'memory' || token === 'places') return { code: token, type: token }
    let name = token
    if (['bitcast', 'vec2'].includes(token)) {
      this.#at--
      name = this.#type()
    }
    if (this.#peek() !== '(') return { code: `_${name}`, type: this.#typeOf(name) }
    this.#next()
    const args: Value[] = []
    while (this.#peek() !== ')') {
      args.push(this.#expression())
      if (this.#peek() === ',') this.#next()
    }
    this.#expect(')')
    return this.#call(name, args)
  }

  #call(name: string, args: readonly Value[]): Value {
    const declared = this.#functions.get(name)
    if (declared) {
      if (declared.takes.length !== args.length) this.#wrong(`${args.length} arguments of ${name}`)
      return {
        code: `_${name}(${args.map((a, i) => this.#as(a, declared.takes[i]!)).join(', ')})`,
        type: declared.gives,
      }
    }
    const struct = this.#structs.get(name)
    if (struct)
      return {
        code: `({ ${struct.map((f, i) => `${f.name}: ${this.#as(args[i]!, f.type)}`).join(', ')} })`,
        type: name,
      }
    const [a, b, c] = args as [Value, Value, Value]
    switch (`${name}/${args.length}`) {
      case 'select/3': {
        const type = a.type === 'int' ? b.type : a.type
        return { code: `(${this.#as(c, 'bool')} ? ${this.#as(b, type)} : ${this.#as(a, type)})`, type }
      }
      case 'min/2':
        return { code: `Math.min(${this.#as(a, 'u32')}, ${this.#as(b, 'u32')})`, type: 'u32' }
      case 'countLeadingZeros/1':
        return { code: `Math.clz32(${this.#as(a, 'u32')})`, type: 'u32' }
      case 'all/1':
        return { code: `${this.#as(a, 'vec2<bool>')}.every((x) => x)`, type: 'bool' }
      case 'sqrt/1':
        return { code: `F.sqrt(${this.#as(a, 'f32')})`, type: 'f32' }
      case 'fma/3':
        return { code: `F.fma(${args.map((x) => this.#as(x, 'f32')).join(', ')})`, type: 'f32' }
      case 'vec2<u32>/2':
        return { code: `[${this.#as(a, 'u32')}, ${this.#as(b, 'u32')}]`, type: name }
      case 'u32/1':
        return {
          code: a.type === 'bool' ? `(${a.code} ? 1 : 0)` : `(${this.#as(a, 'i32')} >>> 0)`,
          type: 'u32',
        }
      case 'i32/1':
        return { code: `(${this.#as(a, 'u32')} | 0)`, type: 'i32' }
      case 'bitcast<f32>/1':
        return { code: `toFloat(${this.#as(a, 'u32')})`, type: 'f32' }
      case 'bitcast<i32>/1':
        return { code: `(${this.#as(a, 'u32')} | 0)`, type: 'i32' }
      case 'bitcast<u32>/1':
        return { code: a.type === 'f32' ? `toWord(${a.code})` : `(${this.#as(a, 'i32')} >>> 0)`, type: 'u32' }
      default:
        return this.#wrong(`${name} of ${args.length}`)
    }
  }
}
