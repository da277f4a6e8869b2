import { createHash } from 'node:crypto'
import { mkdir, readFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { parseOwnModel, type SwarmManifest, withOwnModel } from '@lockstep/client'
import {
  isLanguageModel,
  type LanguageModel,
  loadModel,
  ModelError,
  type TrainedModel,
} from '@lockstep/models'
import { FaultError } from '@lockstep/tensor'
import { writeAtomic } from '../atomic-file.ts'

/** What a participant's learner is opened with. */
export type OwnLearner = {
  /** The swarm's manifest with the participant's own model in it. */
  readonly manifest: SwarmManifest
  /** The file of a trained model that it begins with. */
  readonly start?: string
}

/**
 * The model of a participant's directory: the one that it first joined with. `path` names a file of one of its own; a second
 * join may leave it out, or name the same again. Throws a FaultError, or what the system says of a file.
 */
export const openOwnLearner = async (
  directory: string,
  manifest: SwarmManifest,
  path?: string,
): Promise<OwnLearner> => {
  const kept = keptIn(directory)
  const known = await readKept(directory)
  const given = path === undefined ? undefined : await readGiven(path)
  if (known !== undefined) {
    if (given !== undefined && given.text !== known.toString())
      throw new FaultError({
        code: 'model-differs',
        field: '--model',
        value: path!,
        limit: `the model of ${directory}`,
        remedy: 'Leave it out; another model joins with another account.',
      })
    return ownLearnerOf(directory, manifest, known)
  }
  const { text, own, start } = given ?? { text: '{}\n', own: {}, start: undefined }
  const model = start === undefined ? undefined : startOf(start, own.start!).model
  const whole = withOwnModel(manifest, own, model as LanguageModel | undefined)
  await mkdir(directory, { recursive: true })
  if (start !== undefined) await writeAtomic(kept.start, start)
  await writeAtomic(kept.own, text)
  return { manifest: whole, ...(start && { start: kept.start }) }
}

/**
 * The model that a participant's directory was first joined with; the manifest's where it says nothing. Nothing is written.
 * Throws a FaultError, or what the system says of a file.
 */
export const keptOwnLearner = async (directory: string, manifest: SwarmManifest): Promise<OwnLearner> => {
  const known = await readKept(directory)
  return known === undefined ? { manifest } : ownLearnerOf(directory, manifest, known)
}

const keptIn = (directory: string) => ({
  own: join(directory, 'own-model.json'),
  start: join(directory, 'start.safetensors'),
})

const readKept = (directory: string): Promise<Buffer | undefined> =>
  readFile(keptIn(directory).own).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })

const ownLearnerOf = async (
  directory: string,
  manifest: SwarmManifest,
  known: Uint8Array,
): Promise<OwnLearner> => {
  const own = parseOwnModel(known)
  if (own.start === undefined) return { manifest: withOwnModel(manifest, own) }
  const { start } = keptIn(directory)
  const { model } = (await readStart(start))!
  return { manifest: withOwnModel(manifest, own, model as LanguageModel), start }
}

/** A file of one's own as it is kept: a start by its digest, since its file may go. */
const readGiven = async (path: string) => {
  const own = parseOwnModel(await readFile(path))
  if (own.start === undefined) return { own, text: `${JSON.stringify(own)}\n`, start: undefined }
  const start = await readFile(resolve(dirname(path), own.start))
  const digest = createHash('sha256').update(start).digest('hex')
  return { own, text: `${JSON.stringify({ ...own, start: `sha256:${digest}` })}\n`, start }
}

export const readStart = async (path: string | undefined): Promise<TrainedModel | undefined> =>
  path === undefined ? undefined : startOf(await readFile(path), path)

const startOf = (bytes: Uint8Array, path: string): TrainedModel => {
  try {
    const begun = loadModel(bytes)
    if (isLanguageModel(begun.model)) return begun
  } catch (error) {
    if (!(error instanceof ModelError)) throw error
  }
  throw new FaultError({
    code: 'start-unfit',
    field: 'start',
    value: `${path}, which is no language model`,
    limit: 'a model as `lockstep fetch` writes it',
    remedy: 'Name such a file, or leave start out.',
  })
}
