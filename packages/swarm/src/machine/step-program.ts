import {
  type Grid,
  index,
  map,
  type Program,
  select,
  type Tensor,
  traceProgram,
  type U,
  u32,
  view,
} from '@lockstep/tensor'
import { CODE, IMMEDIATE, MEMORY, OPCODE_BITS, OPCODES, type Operation, REQUEST } from './instruction.ts'

/**
 * One step of the word machine as a program of the tensor machine: the same bits as the interpreter. Inputs are the
 * code and the request, the state is memory and place, the output is the score that the step reports. So a run of a
 * task family is a task of the tensor machine, and whoever is wrong about one loses a dispute about it.
 */
export const wordStep = (): Program =>
  traceProgram(
    {
      state: { memory: { dtype: 'u32', shape: [MEMORY] }, place: { dtype: 'u32', shape: [1] } },
      inputs: { code: { dtype: 'u32', shape: [CODE, 2] }, request: { dtype: 'u8', shape: [REQUEST] } },
    },
    ({ memory, place }, { code, request }) => {
      const here = place.at(0)
      const instruction = map([view([2], (i) => code.at(here, i))], (word) => word, { label: 'instruction' })
      const low = only(instruction, 0)
      const high = only(instruction, 1)
      // Addresses of the words that the fields d, a and b name.
      const named = map([low, high], (l, h) => among(index(0), [l.shr(16), h, h.shr(16)]).and(MEMORY - 1), {
        shape: [3],
        label: 'named',
      })
      const words = map([view([3], (i) => memory.at(named.at(i)))], (word) => word, { label: 'words' })
      const [dWord, x, bWord] = [only(words, 0), only(words, 1), only(words, 2)]
      // The places that x + y names: in memory, in the request.
      const reached = map(
        [low, high, x, bWord],
        (l, h, xs, b) => {
          const sum = xs.add(operandY(l, h, b))
          return select(index(0), sum, sum.and(MEMORY - 1))
        },
        { shape: [2], label: 'reached' },
      )
      const loaded = view([1], () => memory.at(reached.at(0)))
      const asked = view([1], () => request.at(reached.at(1)))
      const given = map(
        [low, high, dWord, x, bWord, loaded, asked, place],
        (l, h, d, xs, b, load, ask, p) => give(l, h, xs, operandY(l, h, b), d, load, ask, p),
        { label: 'given' },
      )
      const target = map(
        [low, only(named, 0), only(reached, 0)],
        (l, d, sum) => {
          const op = l.and(OPCODE_BITS)
          const ordinary = op.sub(OPCODES.set).lt(OPCODES.ask).or(op.eq(OPCODES.call))
          return select(op.eq(OPCODES.store), sum, select(ordinary, d, u32(NOWHERE)))
        },
        { label: 'target' },
      )
      const next = map(
        [low, high, x, bWord, place],
        (l, h, xs, b, p) => follow(l, xs, operandY(l, h, b), p),
        { label: 'next' },
      )
      const score = map(
        [low, high, bWord],
        (l, h, b) => select(l.and(OPCODE_BITS).eq(OPCODES.halt), operandY(l, h, b), 0),
        { label: 'score' },
      )
      const changed = map(
        [memory, target, given],
        (word, at, value) => select(index(0).eq(at), value, word),
        { label: 'memory' },
      )
      return { state: { memory: changed, place: next }, outputs: { score } }
    },
  )

/** No address of memory. */
const NOWHERE = 0xffffffff

/** One element of a grid, as a grid of one. */
const only = (grid: Grid<'u'>, at: number): Grid<'u'> => view([1], () => grid.at(at))

/** The value with this number. */
const among = (which: U, [first, ...others]: readonly U[]): U =>
  others.reduce((chosen, value, i) => select(which.eq(i + 1), value, chosen), first!)

/** y: the field b, or the word that it names. */
const operandY = (low: U, high: U, b: U): U => select(low.and(IMMEDIATE), high.shr(16), b)

/** The word that the instruction gives; of those that give none, any. */
const give = (low: U, high: U, x: U, y: U, d: U, load: U, ask: U, place: U): U => {
  const quotient = quotientOf(x, y)
  const values: { readonly [O in Operation]?: U } = {
    set: high,
    add: x.add(y),
    sub: x.sub(y),
    mul: x.mul(y),
    mulhi: x.mulhi(y),
    div: quotient,
    rem: select(y, x.sub(quotient.mul(y)), 0),
    and: x.and(y),
    or: x.or(y),
    xor: x.xor(y),
    shl: x.shl(y),
    shr: x.shr(y),
    lt: x.lt(y),
    slt: x.slt(y),
    eq: x.eq(y),
    load,
    ask,
    store: d,
    call: place.add(1).and(CODE - 1),
  }
  const op = low.and(OPCODE_BITS)
  return Object.entries(values).reduce(
    (given, [name, value]) => select(op.eq(OPCODES[name as Operation]), value, given),
    u32(0),
  )
}

/**
 * x / y rounded down; 0 where y is 0. A quotient of binary32 numbers, taken down by 2^-21 of itself, is never too
 * large: converting, dividing and multiplying have four roundings of at most 2^-24. What it leaves of x is less than
 * y + 2^11, so the same again leaves less than 2 y, and one comparison ends it.
 */
const quotientOf = (x: U, y: U): U => {
  const divisor = y.toF32()
  const part = (of: U): U =>
    of
      .toF32()
      .div(divisor)
      .mul(1 - 2 ** -21)
      .toU32()
  const first = part(x)
  const rest = x.sub(first.mul(y))
  const second = part(rest)
  const quotient = first.add(second)
  const short = rest.sub(second.mul(y)).lt(y)
  return select(y, select(short, quotient, quotient.add(1)), 0)
}

/** The place of the next instruction. */
const follow = (low: U, x: U, y: U, place: U): U => {
  const op = low.and(OPCODE_BITS)
  const is = (name: Operation): U => op.eq(OPCODES[name])
  const behind = place.add(1)
  const branch = low.shr(16)
  const taken = select(is('zero'), y.eq(0), select(is('nonzero'), u32(0).lt(y), is('below').and(x.lt(y))))
  const goes = select(is('jump').or(is('call')), y, select(taken, branch, behind))
  return select(is('halt'), place, goes.and(CODE - 1))
}

/** The state before the first step: all zeroes, whatever the task. */
export const wordStart = (): Tensor[] => [
  { dtype: 'u32', shape: [MEMORY], data: new Uint8Array(4 * MEMORY) },
  { dtype: 'u32', shape: [1], data: new Uint8Array(4) },
]

/** A state of the machine as the state of its tensor program. */
export const wordState = (memory: Int32Array, place: number): Tensor[] => {
  const [words, at] = wordStart() as [Tensor, Tensor]
  const view = new DataView(words.data.buffer)
  for (let i = 0; i < MEMORY; i++) view.setInt32(4 * i, memory[i]!, true)
  new DataView(at.data.buffer).setUint32(0, place, true)
  return [words, at]
}

/** What a step reported, as the output of its tensor program. */
export const scoreTensor = (score: number): Tensor => {
  const data = new Uint8Array(4)
  new DataView(data.buffer).setUint32(0, score, true)
  return { dtype: 'u32', shape: [1], data }
}
