import { digestFromHex, type Hex, type ProgramHeader } from '@lockstep/proof'
import type { Address, Charges, Post, Slice, Times } from '../post.ts'

/** The contracts whose events make up a history, by the names that events carry. */
export const MARKET_CONTRACTS = ['market', 'audits', 'vault', 'verifiers', 'reputation', 'disputes'] as const
export type MarketContract = (typeof MARKET_CONTRACTS)[number]

/** An event as it is decoded by its contract's ABI: short integers are numbers, long ones bigints, bytes hex. */
export type ChainEvent = {
  readonly contract: string
  readonly name: string
  /** By their names; an event without any may have an empty list. */
  readonly args: object
  readonly block: number
  readonly logIndex: number
  readonly transactionHash: Hex
  /** Of its block, in the chain's seconds. */
  readonly time: number
}

/** Where on the chain something is written down. */
export type Source = Pick<ChainEvent, 'block' | 'logIndex' | 'transactionHash' | 'time'>

export const sourceOf = ({ block, logIndex, transactionHash, time }: ChainEvent): Source => ({
  block,
  logIndex,
  transactionHash,
  time,
})

/** Reads an event's arguments. Another type than the ABI's is a bug of whoever decoded it, and is thrown. */
export class Arguments {
  readonly #of: string
  readonly #values: { readonly [name: string]: unknown }

  constructor(of: string, values: unknown) {
    this.#of = of
    if (typeof values !== 'object' || values === null) throw new TypeError(`${of} has no arguments`)
    this.#values = values as { readonly [name: string]: unknown }
  }

  number(name: string): number {
    return Number(this.amount(name))
  }
  amount(name: string): bigint {
    const value = this.#values[name]
    if (typeof value === 'bigint') return value
    return typeof value === 'number' ? BigInt(value) : this.#wrong(name, 'an integer')
  }
  flag(name: string): boolean {
    const value = this.#values[name]
    return typeof value === 'boolean' ? value : this.#wrong(name, 'true or false')
  }
  hex(name: string): Hex {
    return this.#lower(name, this.#values[name])
  }
  /** One of the names of an enumeration, by its number. */
  choice<const T extends string>(name: string, names: readonly T[]): T {
    return names[this.number(name)] ?? this.#wrong(name, `below ${names.length}`)
  }
  inner(name: string): Arguments {
    return new Arguments(`${this.#of}.${name}`, this.#values[name])
  }
  list(name: string): readonly unknown[] {
    const value = this.#values[name]
    return Array.isArray(value) ? value : this.#wrong(name, 'a list')
  }
  inners(name: string): Arguments[] {
    return this.list(name).map((value, i) => new Arguments(`${this.#of}.${name}[${i}]`, value))
  }
  hexes(name: string): Hex[] {
    return this.list(name).map((value) => this.#lower(name, value))
  }

  #lower(name: string, value: unknown): Hex {
    return typeof value === 'string' && value.startsWith('0x')
      ? (value.toLowerCase() as Hex)
      : this.#wrong(name, 'hex')
  }
  #wrong(name: string, wanted: string): never {
    throw new TypeError(`${this.#of}.${name} is ${String(this.#values[name])}, not ${wanted}`)
  }
}

export const readPost = (args: Arguments): Post => ({
  programs: args.inners('programs').map(readHeader),
  slices: args.inners('slices').map(readSlice),
  manifest: args.hex('manifest'),
  ceiling: args.amount('ceiling'),
  auditPrice: args.amount('auditPrice'),
  bond: args.amount('bond'),
  auditRate: args.number('auditRate'),
  auditors: args.number('auditors'),
  times: readTimes(args.inner('times')),
  allowed: args.hexes('allowed') as Address[],
  banned: args.hexes('banned') as Address[],
})

const readHeader = (args: Arguments): ProgramHeader => ({
  version: args.number('version'),
  nodes: args.number('nodes'),
  items: args.number('items'),
  states: args.number('states'),
  inputs: args.number('inputs'),
  outputs: args.number('outputs'),
  interfaceDigest: digestFromHex(args.hex('interfaceDigest')),
  itemsRoot: digestFromHex(args.hex('itemsRoot')),
})

const readSlice = (args: Arguments): Slice => ({
  program: args.number('program'),
  initialFrom: args.number('initialFrom'),
  group: args.number('group'),
  inputsFrom: args.list('inputsFrom').map(Number),
  initialItem: args.hex('initialItem'),
  inputsRoot: args.hex('inputsRoot'),
  steps: args.number('steps'),
  segmentLength: args.number('segmentLength'),
  work: args.amount('work'),
  time: args.number('time'),
})

const readTimes = (args: Arguments): Times => ({
  bidding: args.number('bidding'),
  inclusion: args.number('inclusion'),
  receipt: args.number('receipt'),
  audit: args.number('audit'),
  answer: args.number('answer'),
  window: args.number('window'),
  clock: args.number('clock'),
  segmentTime: args.number('segmentTime'),
  stepTime: args.number('stepTime'),
  moveTime: args.number('moveTime'),
  deadline: args.number('deadline'),
})

export const readCharges = (args: Arguments): Charges => ({
  feeShare: args.number('feeShare'),
  minimumImprovement: args.number('minimumImprovement'),
  noShowShare: args.number('noShowShare'),
  lateShare: args.number('lateShare'),
  bountyShare: args.number('bountyShare'),
  minimumStake: args.amount('minimumStake'),
  auditorSlash: args.amount('auditorSlash'),
})
