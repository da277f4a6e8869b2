import { access, mkdir, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Hex } from '@lockstep/proof'
import type { LevelState, Part } from '@lockstep/swarm'
import { fail, ok, type Result } from '@lockstep/tensor'
import { z } from 'zod'
import { syncDirectory, writeAtomic } from '../atomic-file.ts'
import { readBounded } from '../bounded-file.ts'
import type { OwnGroup } from './learner.ts'

/** What a participant has done in a round that is not over: enough to submit, open and defend it after a kill. */
export type OwnRound = {
  readonly round: number
  /** The round's, as the chain had it: after a reorganisation it may be another round of that number. */
  readonly seed: Hex
  readonly seat: number
  /** Of its own tasks; empty once it has learned from them. */
  readonly groups: readonly OwnGroup[]
  /** By stage: its answers to the round's tasks, and what it has committed to. */
  readonly texts: { readonly [stage: string]: readonly string[] }
  readonly parts: { readonly [stage: string]: Part }
  /** Tokens that it generated, and milliseconds that it took. */
  readonly tokens: number
  readonly milliseconds: number
}

export type OwnState = {
  /** The last round that it has learned from: which state file is the model's. */
  readonly learned: number
  /** Of its own tasks, one for each of the manifest's families; none before the first. */
  readonly levels: readonly LevelState[]
  readonly rounds: readonly OwnRound[]
}

const hex = (bytes: number) =>
  z
    .string()
    .regex(new RegExp(`^0x[0-9a-f]{${2 * bytes}}$`))
    .transform((text) => text as Hex)
const count = z.int().min(0).max(Number.MAX_SAFE_INTEGER)
const text = z.string().max(256)
const numbers = z.array(count).max(128)

const part = z.strictObject({ root: hex(32), scores: numbers, votes: numbers, salt: hex(32) })
const group = z.strictObject({
  group: z.strictObject({
    task: z.strictObject({ family: text, seed: count, level: count }),
    prompt: text,
    rollouts: z
      .array(z.strictObject({ text: z.string().max(4096), ended: z.boolean(), score: count }))
      .max(64),
  }),
  completions: z
    .array(
      z.strictObject({
        text: z.string().max(4096),
        tokens: z.array(count).max(512),
        ended: z.boolean(),
      }),
    )
    .max(64),
})
const file = z.strictObject({
  version: z.literal(2),
  account: hex(20),
  swarm: count,
  learned: count,
  levels: z
    .array(z.strictObject({ level: count, seen: count, total: count, above: count, lost: z.boolean() }))
    .max(64),
  rounds: z
    .array(
      z.strictObject({
        ...{ round: count, seed: hex(32), seat: count, tokens: count, milliseconds: z.number().min(0) },
        groups: z.array(group).max(64),
        texts: z.record(z.string(), z.array(text).max(16)),
        parts: z.record(z.string(), part),
      }),
    )
    .max(64),
})

/** A participant's files: its own part of the rounds, and its model after each. */
export type Keep = {
  readonly load: () => Promise<Result<OwnState | undefined>>
  /** Returns when it is safe on the disk. */
  readonly save: (state: OwnState) => Promise<void>
  readonly modelFile: (round: number) => string
  readonly hasModel: (round: number) => Promise<boolean>
  /** Where the model of a round is written before it counts. */
  readonly draftFile: (round: number) => string
  /** Makes what was written there the model of the round; returns when it is safe on the disk. */
  readonly keepModel: (round: number) => Promise<void>
  /** Removes a model that nothing refers to any more. */
  readonly dropModel: (round: number) => Promise<void>
  /** Keeps the receipt of the update of a round. */
  readonly saveReceipt: (round: number, bytes: Uint8Array) => Promise<void>
  readonly metricsFile: string
}

const MAX_OWN = 2 ** 27
/** Suffix of a model that is being written. */
const DRAFT = '.draft'
const REMEDY = 'Restore the file from a copy, or leave the swarm and join it anew in another directory.'

/** @param directory Made where it is missing; it belongs to one account in one swarm */
export const openKeep = async (directory: string, account: Hex, swarm: number): Promise<Keep> => {
  await mkdir(directory, { recursive: true })
  const own = join(directory, 'participant.json')
  const model = (round: number): string => join(directory, `model-${round}.state`)
  const damaged = (value: string, limit: string): Result<never> =>
    fail({ code: 'participant-damaged', field: own, value, limit, remedy: REMEDY })
  const draft = (round: number): string => `${model(round)}.${process.pid}${DRAFT}`
  // Drafts of processes that were killed.
  for (const name of await readdir(directory))
    if (name.endsWith(DRAFT)) await rm(join(directory, name), { force: true })
  const isMissing = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'ENOENT'
  return {
    metricsFile: join(directory, 'metrics.jsonl'),
    load: async () => {
      const bytes = await readBounded(own, MAX_OWN, REMEDY).catch((error) => {
        if (isMissing(error)) return undefined
        throw error
      })
      if (bytes === undefined) return ok(undefined)
      if (!bytes.ok) return bytes
      let read: unknown
      try {
        read = JSON.parse(new TextDecoder().decode(bytes.value))
      } catch {
        return damaged('no JSON', 'JSON that `lockstep swarm join` has written')
      }
      const parsed = file.safeParse(read)
      if (!parsed.success) {
        const { path, message } = parsed.error.issues[0]!
        return damaged(`${path.join('.')}: ${message}`, 'what `lockstep swarm join` has written')
      }
      const { account: whose, swarm: of, learned, levels, rounds } = parsed.data
      if (whose !== account || of !== swarm)
        return damaged(`of ${whose} in swarm ${of}`, `of ${account} in swarm ${swarm}`)
      return ok({
        learned,
        levels,
        rounds: rounds.map((one) => ({
          ...one,
          groups: one.groups.map((g) => ({
            ...g,
            completions: g.completions.map((c) => ({ ...c, tokens: Uint32Array.from(c.tokens) })),
          })),
        })),
      })
    },
    save: ({ learned, levels, rounds }) =>
      writeAtomic(
        own,
        JSON.stringify({ version: 2, account, swarm, learned, levels, rounds }, (_, value) =>
          value instanceof Uint32Array ? [...value] : value,
        ),
      ),
    modelFile: model,
    draftFile: draft,
    hasModel: async (round) =>
      await access(model(round)).then(
        () => true,
        () => false,
      ),
    keepModel: async (round) => {
      await rename(draft(round), model(round))
      await syncDirectory(directory)
    },
    saveReceipt: (round, bytes) => writeAtomic(join(directory, `round-${round}.receipt`), bytes),
    dropModel: (round) => rm(model(round), { force: true }),
  }
}
