import { GIVEN, POST_LIMITS, type Slice } from '@lockstep/market'
import {
  averageProgram,
  encodeTensors,
  initialState,
  type LanguageModel,
  padState,
  padTensors,
  shardCorpus,
  splitCorpus,
  type Tokenizer,
  type TrainConfig,
  trainProgram,
} from '@lockstep/models'
import {
  type CommittedProgram,
  commitProgram,
  type Hex,
  initialItem,
  rootOf,
  tensorsTree,
  toHex,
  validateTask,
  ZERO_HEX,
} from '@lockstep/proof'
import {
  encodeProgram,
  estimateProgram,
  FaultError,
  type Program,
  type Tensor,
  unwrap,
} from '@lockstep/tensor'
import { keccak_256 } from '@noble/hashes/sha3.js'
import { modelOf } from '../manifest/model-schema.ts'
import { stepsPerRound } from '../manifest/parse.ts'
import type { Manifest, MarketTerms } from '../manifest/schema.ts'
import { encodeJobManifest, type JobManifest } from './job-manifest.ts'
import { type SliceShape, shapeOf } from './shape.ts'
import { tokenizerFor } from './training.ts'

/** What a plan is made with, beside the manifest and its text. */
export type PlanOptions = {
  /** Names bytes: see packages/network, `hashBlob`. */
  readonly blobId: (bytes: Uint8Array) => string
  /** Scalar instructions a second that a usual provider does, as measured here. */
  readonly throughput: number
}

/** A job before it is posted: everything but the chain's own numbers. */
export type Plan = {
  readonly manifest: Manifest & { readonly market: MarketTerms }
  readonly model: LanguageModel
  readonly train: TrainConfig
  readonly tokenizer: Tokenizer
  readonly heldOut: Tensor
  readonly programs: readonly CommittedProgram[]
  readonly shape: readonly SliceShape[]
  readonly slices: readonly Slice[]
  /** The slices whose final states are what was wanted. */
  readonly results: readonly number[]
  readonly job: JobManifest
  /** The job manifest's canonical bytes, and what the chain holds of them. */
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly manifestHash: Hex
  /** What has to be published, by blob id. */
  readonly blobs: ReadonlyMap<string, Uint8Array<ArrayBuffer>>
}

/** A merge runs twice and gives the same state: the first step's output is what only its execution yields. */
const MERGE_STEPS = 2

/** How much slower than this machine a provider may be, and what seconds a slice is given. */
const SLACK = 10
const LEAST_TIME = 120
const MOST_TIME = 30 * 86_400

/** What a manifest with a market part and its text stand for. Throws a FaultError or a ModelError where they do not fit. */
export const planJob = (manifest: Manifest, text: Uint8Array, options: PlanOptions): Plan => {
  const { market, training, data, segments } = manifest
  if (market === undefined)
    throw wrong('market', 'missing', 'what the job pays, such as market: {workers: 3}')
  const cut = text.length - Math.floor(text.length * data.heldOut)
  const tokenizer = tokenizerFor(manifest, text.subarray(0, cut))
  const { context } = manifest.model
  const { train: corpus, heldOut } = splitCorpus(text, tokenizer, context + 1, data.heldOut)
  const model = modelOf(manifest.model, tokenizer.vocabSize)
  const workers = market.mode === 'train' ? market.workers : 1
  const tokens = corpus.shape[0]!
  if (tokens < workers * (context + 1))
    throw wrong(
      'market.workers',
      workers,
      `at most ${Math.floor(tokens / (context + 1))}, for ${tokens} tokens`,
    )
  const shards = shardCorpus(corpus, workers)

  const programs = new Numbered<CommittedProgram>()
  const states = new Numbered<Tensor[]>()
  const blobs = new Map<string, Uint8Array<ArrayBuffer>>()
  const publish = (bytes: Uint8Array<ArrayBuffer>): string => {
    const id = options.blobId(bytes)
    blobs.set(id, bytes)
    return id
  }
  const { seed: _, ...schedule } = training
  const trainingOf = (worker: number): number => {
    const { seed: __, ...changes } = market.sweep[worker] ?? {}
    const config = { ...schedule, ...(changes as Partial<TrainConfig>) } // no field is there and undefined
    const type = { tokens: shards[0]!.shape[0]!, dtype: corpus.dtype as 'u8' | 'u32' }
    return programs.number(`train ${JSON.stringify(changes)}`, () =>
      committed(padState(trainProgram(model, config, type))),
    )
  }
  const mergeProgram = (): number =>
    programs.number('merge', () =>
      committed(averageProgram(programs.all[trainingOf(0)]!.program.state, workers)),
    )
  const startState = (worker: number): number => {
    const seed = market.sweep[worker]?.seed ?? training.seed
    return states.number(String(seed), () => padTensors(initialState(model, seed, schedule)))
  }

  const steps = stepsPerRound(training, market)
  const { slices: shape, results } = shapeOf(market)
  const made = shape.map((one) => {
    const program = one.role === 'merge' ? mergeProgram() : trainingOf(one.worker)
    const { program: of } = programs.all[program]!
    const isFirst = one.initialFrom === GIVEN
    const state = isFirst && one.role === 'train' ? startState(one.worker) : undefined
    const input = one.role === 'merge' ? undefined : market.mode === 'train' ? one.worker : 0
    const count = one.role === 'merge' ? MERGE_STEPS : steps
    const work = workOf(of, count)
    const slice: Slice = {
      program,
      initialFrom: one.initialFrom,
      group: one.role === 'train' ? one.group : 0,
      inputsFrom: one.role === 'merge' ? one.inputsFrom : [],
      initialItem: state === undefined ? ZERO_HEX : toHex(initialItem(states.all[state]!)),
      inputsRoot: input === undefined ? ZERO_HEX : toHex(rootOf(tensorsTree([shards[input]!]))),
      steps: count,
      segmentLength: one.role === 'merge' ? MERGE_STEPS : Math.min(segments.every, count),
      work,
      time: market.times.run ?? timeFor(work, options.throughput),
    }
    return { slice, entry: { role: one.role, round: one.round, ...workerOf(one), state, input } }
  })
  if (programs.all.length > POST_LIMITS.programs)
    throw wrong(
      'market.sweep',
      `${programs.all.length} programs`,
      `at most ${POST_LIMITS.programs}; seeds share one`,
    )

  const [first] = programs.all
  const job: JobManifest = {
    format: 'lockstep-job-1',
    manifest: portable(manifest),
    programs: programs.all.map(({ program }) => publish(encodeProgram(program))),
    tokenizer: publish(new TextEncoder().encode(tokenizer.save())),
    states: states.all.map((state) => publish(encodeTensors(first!.program.state, state))),
    inputs: shards.map((shard) => publish(encodeTensors(first!.program.inputs, [shard]))),
    slices: made.map(({ entry: { state, input, ...entry } }) => ({
      ...entry,
      ...(state === undefined ? {} : { state }),
      ...(input === undefined ? {} : { input }),
    })),
    results: [...results],
  }
  const bytes = encodeJobManifest(job)
  return {
    manifest: { ...manifest, market },
    model,
    train: schedule,
    tokenizer,
    heldOut,
    programs: programs.all,
    shape,
    slices: made.map(({ slice }) => slice),
    results,
    job,
    bytes,
    manifestHash: toHex(keccak_256(bytes)),
    blobs,
  }
}

/** A slice's work: in units of 10^6 scalar instructions, rounded up, at least 1. */
export const workOf = (program: Program, steps: number): bigint => {
  const instructions = BigInt(estimateProgram(program).work) * BigInt(steps)
  const units = (instructions + 999_999n) / 1_000_000n
  return units > 0n ? units : 1n
}

const timeFor = (work: bigint, throughput: number): number =>
  Math.min(MOST_TIME, Math.max(LEAST_TIME, Math.ceil((SLACK * Number(work) * 1e6) / throughput)))

const committed = (program: Program): CommittedProgram => commitProgram(unwrap(validateTask(program)))

const workerOf = (one: SliceShape): { readonly worker?: number } =>
  one.role === 'train' ? { worker: one.worker } : {}

/** Paths are nobody's business. */
const portable = (manifest: Manifest): Manifest => ({
  ...manifest,
  data: { ...manifest.data, text: manifest.data.text.split(/[\\/]/).at(-1) || 'text' },
})

const wrong = (field: string, value: string | number, limit: string): FaultError =>
  new FaultError({ code: 'job-invalid', field, value, limit, remedy: 'Change the manifest.' })

/** Things made once each, in the order in which they were first asked for. */
class Numbered<T> {
  readonly all: T[] = []
  readonly #numbers = new Map<string, number>()

  number(name: string, make: () => T): number {
    const known = this.#numbers.get(name)
    if (known !== undefined) return known
    const number = this.all.push(make()) - 1
    this.#numbers.set(name, number)
    return number
  }
}
