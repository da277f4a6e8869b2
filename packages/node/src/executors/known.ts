import { dirname } from 'node:path'
import { hex32 } from '@lockstep/client/fields'
import { z } from 'zod'
import { readBounded } from '../bounded-file.ts'
import { makePrivateDirectory, writePrivate } from '../keys/private-file.ts'
import { executorId } from './id.ts'
import { executorInfo } from './machine.ts'
import { provenSchema } from './probe.ts'

/** An executor that was proven, or found wanting, and what that is valid for. */
export const knownExecutor = z.strictObject({
  ...executorInfo.shape,
  ...provenSchema.shape,
  fingerprint: z.string().max(64),
})
export type KnownExecutor = z.infer<typeof knownExecutor>

/** How fast an executor is at a program; `processor` is whatever computes without a device. */
export const knownSpeed = z.strictObject({
  program: hex32,
  on: z.union([executorId, z.literal('processor')]),
  fingerprint: z.string().max(64),
  unitsPerSecond: z.number().min(0),
})
export type KnownSpeed = z.infer<typeof knownSpeed>

const MOST_EXECUTORS = 64
export const MOST_SPEEDS = 1024
const MOST_FILE_BYTES = 2 ** 20

const knowledge = z.strictObject({
  executors: z.array(knownExecutor).max(MOST_EXECUTORS),
  speeds: z.array(knownSpeed).max(MOST_SPEEDS),
})
export type Knowledge = z.infer<typeof knowledge>

/** What an earlier start has left; a file that is missing or damaged says nothing. */
export const readKnowledge = async (file: string): Promise<Knowledge> => {
  const nothing = { executors: [], speeds: [] }
  const bytes = await readBounded(file, MOST_FILE_BYTES, '').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined
    throw error
  })
  if (!bytes?.ok) return nothing
  try {
    return knowledge.parse(JSON.parse(new TextDecoder().decode(bytes.value)))
  } catch {
    return nothing
  }
}

export const writeKnowledge = async (file: string, known: Knowledge): Promise<void> => {
  await makePrivateDirectory(dirname(file))
  await writePrivate(file, `${JSON.stringify(known, null, 2)}\n`, { replace: true })
}
