import { isLanguageModel, type LanguageModel, ModelError } from '@lockstep/models'
import { type Digest, type Hex, sameBytes, type TaskFields, toHex } from '@lockstep/proof'
import { catchFault, type Result } from '@lockstep/tensor'
import { keccak_256 } from '@noble/hashes/sha3.js'
import {
  byKind,
  decimal,
  type Field,
  hexOf,
  label,
  listOf,
  oneOf,
  orNull,
  record,
  whole,
  wrongField,
} from './fields.ts'
import type { Measure } from './judge.ts'
import type { Tasted } from './soup.ts'

/** How a student is trained: by AdamW with a cosine, weight decay 0.01, and all else as DEFAULT_TRAIN has it. */
export type StudentTraining = {
  readonly batch: number
  readonly steps: number
  readonly warmup: number
  readonly rate: number
}

/** How a meta-model is made of what the members have become. `build` is the result's. */
export type Method =
  /** The mean of the members of a build. */
  | { readonly kind: 'average'; readonly build: number; readonly choice: 'all' | 'greedy' }
  /** Their trimmed and elected ways from where they began: see tiesRowsProgram. */
  | {
      readonly kind: 'ties'
      readonly build: number
      readonly choice: 'all' | 'greedy'
      readonly keep: number // thousandths
      readonly scale: number // thousandths
    }
  /** A student that learns answers of all members, whatever their builds are. */
  | {
      readonly kind: 'distil'
      readonly build: number
      readonly start: 'fresh' | 'base' | 'best' // untrained, where members began, or the best member of this build
      readonly answers: 'members' | 'rounds' // written now to drawn tasks, or handed in from the swarm's rounds
      readonly keep: 'right' | 'resolved' // only what scores 100, or what the members believe
      readonly tasks: number // that all members answer; 0 for answers of rounds
      readonly train: StudentTraining
    }

/** What the method came to: who is in and why, or how many answers were taught. */
export type Made =
  | { readonly kind: 'merged'; readonly weights: readonly number[]; readonly tasted: readonly Tasted[] }
  | { readonly kind: 'taught'; readonly rows: number }

export type LineageBuild = {
  readonly model: LanguageModel
  readonly coding: { readonly name: string; readonly digest: Hex }
  readonly prompt: number
  readonly answer: number
}

export type LineageMember = {
  readonly name: string // an account, or what the member is called where there is none
  readonly build: number
  readonly round: number // after which its model is this one
  readonly modelRoot: Hex
  readonly receipts: readonly Hex[] // digests of the receipts of its updates, as far as they are known
  readonly validation: number // points
  readonly heldOut: number // points
}

export type SwarmPlace = {
  readonly chainId: number
  readonly market: Hex
  readonly number: number
  readonly manifest: Hex
}

/** Where a meta-model comes from and what it is worth: whoever has the members' models computes all of it again. */
export type Lineage = {
  readonly format: 'lockstep-lineage-1'
  readonly swarm: SwarmPlace | null // null for a swarm of no chain
  readonly builds: readonly LineageBuild[]
  readonly measure: Measure
  /** Tasks that there are: points are at most 100 for each. */
  readonly tasks: { readonly validation: number; readonly heldOut: number }
  readonly baseRoot: Hex | null
  readonly members: readonly LineageMember[]
  readonly method: Method
  readonly made: Made
  /** The merge, or the student's training, as a proof task: program, inputs, initial state. */
  readonly task: TaskFields
  readonly result: { readonly modelRoot: Hex; readonly validation: number; readonly heldOut: number }
}

export const LINEAGE_LIMITS = {
  bytes: 2 ** 20,
  builds: 16,
  members: 64,
  kinds: 64,
  tasks: 4096, // of a kind
  receipts: 256, // of a member
  rows: 2 ** 20,
} as const

const limits = LINEAGE_LIMITS
const word = whole(0, 2 ** 32 - 1)
const build = whole(0, limits.builds - 1)
const points = whole(0, 100 * limits.kinds * limits.tasks)
const counts = { validation: whole(1, limits.tasks), heldOut: whole(1, limits.tasks) }
const root = hexOf(32)
const choice = oneOf('all', 'greedy')
const flag: Field<boolean> = (value, at) =>
  typeof value === 'boolean' ? value : wrongField(at, value, 'true or false')

/** A model, whose configuration its architecture checks. */
const model: Field<LanguageModel> = (value, at) => {
  const given = record({ kind: oneOf('gpt', 'llama'), config: (one) => one })(value, at)
  if (typeof given.config !== 'object' || given.config === null)
    return wrongField(`${at}.config`, given.config, 'an object')
  try {
    const found = given as LanguageModel
    return isLanguageModel(found) ? found : wrongField(at, given.kind, 'a model of text')
  } catch (error) {
    if (!(error instanceof ModelError)) throw error
    return wrongField(`${at}.config, ${error.field}`, error.value, error.limit)
  }
}

const schema: Field<Lineage> = record({
  format: oneOf('lockstep-lineage-1'),
  swarm: orNull(
    record({
      chainId: whole(1, Number.MAX_SAFE_INTEGER),
      market: hexOf(20),
      number: whole(1, Number.MAX_SAFE_INTEGER),
      manifest: root,
    }),
  ),
  builds: listOf(
    record({
      model,
      coding: record({ name: label(64), digest: root }),
      prompt: whole(2, 4096),
      answer: whole(1, 4096),
    }),
    1,
    limits.builds,
  ),
  measure: record({
    kinds: listOf(record({ family: label(32), level: whole(0, 15) }), 1, limits.kinds),
    ...counts,
    reward: oneOf('score', 'right'),
    temperature: decimal(0, 100),
    seed: word,
  }),
  tasks: record({
    validation: whole(1, limits.kinds * limits.tasks),
    heldOut: whole(1, limits.kinds * limits.tasks),
  }),
  baseRoot: orNull(root),
  members: listOf(
    record({
      ...{ name: label(64), build, round: word, modelRoot: root },
      ...{ receipts: listOf(root, 0, limits.receipts), validation: points, heldOut: points },
    }),
    1,
    limits.members,
  ),
  method: byKind({
    average: { build, choice },
    ties: { build, choice, keep: whole(1, 1000), scale: whole(1, 4000) },
    distil: {
      build,
      start: oneOf('fresh', 'base', 'best'),
      answers: oneOf('members', 'rounds'),
      keep: oneOf('right', 'resolved'),
      tasks: whole(0, limits.rows),
      train: record({
        batch: whole(1, 4096),
        steps: whole(1, 2 ** 20),
        warmup: whole(0, 2 ** 20),
        rate: decimal(0, 10),
      }),
    },
  }),
  made: byKind({
    merged: {
      weights: listOf(whole(0, 1), 1, limits.members),
      tasted: listOf(
        record({ member: whole(0, limits.members - 1), points, taken: flag }),
        0,
        limits.members,
      ),
    },
    taught: { rows: whole(1, limits.rows) },
  }),
  task: record({
    ...{ program: root, initialItem: root, inputsRoot: root },
    ...{ steps: whole(1, 2 ** 24), segmentLength: whole(1, 2 ** 24) },
  }),
  result: record({ modelRoot: root, validation: points, heldOut: points }),
})

/** The one text of a lineage: JSON with two spaces, every object's fields in the order of their names. */
export const encodeLineage = (lineage: Lineage): Uint8Array<ArrayBuffer> =>
  new TextEncoder().encode(`${JSON.stringify(sorted(lineage), null, 2)}\n`)

const sorted = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  const fields = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(fields.map(([name, one]) => [name, sorted(one)]))
}

/** Reads what encodeLineage wrote. Any other bytes, and another text of the same lineage, are a fault. */
export const decodeLineage = (bytes: Uint8Array<ArrayBufferLike>): Result<Lineage> =>
  catchFault(() => {
    if (bytes.length > limits.bytes)
      wrongField('length', `${bytes.length} bytes`, `at most ${limits.bytes} bytes`)
    const given = new TextDecoder().decode(bytes)
    let value: unknown
    try {
      value = JSON.parse(given)
    } catch {
      wrongField('text', 'no JSON', 'JSON')
    }
    const lineage = schema(value, 'lineage')
    checkPlaces(lineage)
    if (!sameBytes(encodeLineage(lineage), bytes))
      wrongField('text', 'another text of the same', 'the text that encodeLineage writes')
    return lineage
  })

/** What a lineage is called by: keccak256 of its text. */
export const lineageHash = (lineage: Lineage): Hex => toHex(keccak_256(encodeLineage(lineage)) as Digest)

/** What names a build or a member names one that is there. */
const checkPlaces = ({ builds, members, method, made }: Lineage): void => {
  const below = (at: string, value: number, count: number): void => {
    if (value >= count) wrongField(at, value, `0 to ${count - 1}`)
  }
  below('lineage.method.build', method.build, builds.length)
  for (const [m, one] of members.entries()) below(`lineage.members[${m}].build`, one.build, builds.length)
  if ((made.kind === 'taught') !== (method.kind === 'distil'))
    wrongField('lineage.made.kind', made.kind, method.kind === 'distil' ? 'taught' : 'merged')
  if (made.kind === 'taught') return
  if (made.weights.length !== members.length)
    wrongField('lineage.made.weights', made.weights.length, `a weight for each of ${members.length} members`)
  for (const [i, { member }] of made.tasted.entries())
    below(`lineage.made.tasted[${i}].member`, member, members.length)
}
