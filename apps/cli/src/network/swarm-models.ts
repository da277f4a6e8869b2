import { readdir, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { NetworkFile, SwarmManifest } from '@lockstep/client'
import {
  importHub,
  isLanguageModel,
  type LanguageModel,
  loadModel,
  type TrainedModel,
} from '@lockstep/models'
import {
  keptOwnLearner,
  modelBuildOf,
  parametersOfState,
  readReceipts,
  readStart,
} from '@lockstep/node/swarm'
import {
  characterCoding,
  codingDigest,
  type Families,
  families,
  familyTable,
  type MergeBuild,
  type MetaMember,
  parametersRoot,
  receiptDigest,
  receiptsTo,
  tokenizerCoding,
  type UpdateReceipt,
} from '@lockstep/swarm'
import { z } from 'zod'
import { badInput, from } from '../cli-error.ts'
import { readBounded } from '../run/bounded-file.ts'
import { homeOf } from './home.ts'
import { networkFor } from './network-source.ts'
import { readSwarmManifest, swarmFiles } from './swarm-files.ts'

const MAX_MODEL = 2 ** 32
const MAX_CONFIG = 2 ** 16
const MAX_OWN = 2 ** 27
const REMEDY =
  'Name a model.safetensors, a directory with one, or the directory that `lockstep swarm join` names as files.'

/** Models of participants, of some builds, and the receipts that lead to them, as far as they are known. */
export type SwarmModels = {
  readonly builds: readonly MergeBuild[]
  readonly members: readonly (MetaMember & { readonly updates: readonly UpdateReceipt[] })[]
}

export type SwarmModelsOptions = {
  readonly home?: string
  readonly network?: string
  readonly manifest?: string
  readonly models?: readonly string[]
}

/** A swarm's manifest, and the models that are named, or those of the home's participants and of those that were asked. */
export const swarmModelsOf = async (
  swarm: number,
  options: SwarmModelsOptions,
): Promise<{
  readonly network: NetworkFile
  readonly manifest: SwarmManifest
  readonly models: SwarmModels
}> => {
  const home = homeOf(options.home)
  const network = await networkFor(home, options.network)
  const files = swarmFiles(home, network, swarm)
  const manifest = await readSwarmManifest(options.manifest ?? files.manifest, swarm)
  const paths = options.models ?? [
    ...(await participantsIn(dirname(files.manifest))),
    ...(await participantsIn(files.asked)),
  ]
  if (paths.length === 0)
    throw badInput(
      'models-missing',
      '--models',
      'missing',
      `models of participants, as this home has none of swarm ${swarm}`,
      'Name their files or directories, or let --ask ask the participants.',
    )
  return { network, manifest, models: await readSwarmModels(paths, manifest, swarm) }
}

type Found = Pick<MetaMember, 'name' | 'round' | 'parameters'> &
  Pick<MergeBuild, 'model' | 'coding'> & {
    /** Of a participant with its own ones. */
    readonly lengths?: SwarmManifest['lengths']
    readonly updates?: readonly UpdateReceipt[]
  }

/**
 * Reads participants' models: a file that `lockstep fetch` or a run has written, a directory with such a file or with the
 * field's config.json and model.safetensors, or a participant's own directory. Bad input names the path.
 */
const readSwarmModels = async (
  paths: readonly string[],
  manifest: SwarmManifest,
  swarm: number,
): Promise<SwarmModels> => {
  const builds: MergeBuild[] = []
  const members: SwarmModels['members'][number][] = []
  for (const path of paths) {
    if (path === '')
      throw badInput('option-invalid', '--models', '', 'at least one character', 'Give it, or leave it out.')
    const found = await readOne(path, manifest, swarm)
    const { name, round, parameters, model, coding, lengths = manifest.lengths, updates = [] } = found
    const build: MergeBuild = { model, coding, ...lengths }
    if (lengths.prompt + lengths.answer > model.config.context)
      throw badInput(
        'model-unfit',
        `context of ${path}`,
        model.config.context,
        `at least the swarm's lengths together, ${lengths.prompt + lengths.answer}`,
        'Leave this model out.',
      )
    const known = builds.findIndex((one) => sameBuild(one, build))
    if (known < 0) builds.push(build)
    members.push({
      ...{ name, round, parameters, updates, receipts: updates.map(receiptDigest) },
      build: known < 0 ? builds.length - 1 : known,
    })
  }
  return { builds, members }
}

/** Directories of a home's participants in a swarm, in the order of their names. */
const participantsIn = async (directory: string): Promise<string[]> => {
  const entries = await readdir(directory, { withFileTypes: true }).catch((error) => {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    return []
  })
  const found: string[] = []
  for (const entry of entries) {
    const path = join(directory, entry.name)
    if (entry.isDirectory() && (await isThere(join(path, 'participant.json')))) found.push(path)
  }
  return found.sort()
}

const readOne = async (path: string, manifest: SwarmManifest, swarm: number): Promise<Found> => {
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT' && error.code !== 'ENOTDIR') throw Object.assign(error, { path })
    throw badInput('model-missing', '--models', `${path}, which is missing`, 'a path that is there', REMEDY)
  })
  const name = basename(path)
    .replaceAll(/[^ -~]/g, '?')
    .slice(0, 64)
  const trained = async (at: string): Promise<Found> => {
    const bytes = await weightsOf(at)
    return {
      name,
      round: 0,
      ...withCoding(
        path,
        from(at, REMEDY, () => loadModel(bytes)),
      ),
    }
  }
  if (!found.isDirectory()) return trained(path)
  const file = join(path, 'model.safetensors')
  const config = join(path, 'config.json')
  if (await isThere(join(path, 'participant.json'))) return readParticipant(path, manifest, swarm)
  if (!(await isThere(file)))
    throw badInput(
      'model-missing',
      '--models',
      `${path}, which holds no model`,
      'a directory with one',
      REMEDY,
    )
  if (!(await isThere(config))) return trained(file)
  const weights = await weightsOf(file)
  const text = new TextDecoder().decode(await readBounded(config, MAX_CONFIG, REMEDY))
  return {
    name,
    round: 0,
    ...withCoding(
      path,
      from(path, REMEDY, () => importHub(text, weights)),
    ),
  }
}

/**
 * The model of a participant's directory after the last round that it has learned from: its own kind where it joined with one,
 * and the manifest's otherwise.
 */
const readParticipant = async (path: string, manifest: SwarmManifest, swarm: number): Promise<Found> => {
  const { account, learned } = await readWhose(path)
  const { manifest: terms, start } = await keptOwnLearner(path, manifest)
  const { model, coding } = modelBuildOf(terms, familiesOf(manifest), await readStart(start))
  const file = join(path, `model-${learned}.state`)
  const bytes = await weightsOf(file)
  const parameters = from(file, REMEDY, () => parametersOfState(model, bytes, REMEDY))
  const told = { name: account, round: learned, modelRoot: parametersRoot(parameters) }
  const updates = receiptsTo(told, swarm, await readReceipts(path))
  return { name: account, round: learned, model, coding, parameters, lengths: terms.lengths, updates }
}

/** Whose a participant's directory is, and the round that it has learned from. */
const readWhose = async (path: string): Promise<z.infer<typeof participant>> => {
  const own = join(path, 'participant.json')
  const kept = participant.safeParse(jsonOf(await readBounded(own, MAX_OWN, REMEDY)))
  if (!kept.success)
    throw badInput('file-damaged', own, 'something else', 'what `lockstep swarm join` has written', REMEDY)
  return kept.data
}

/** The accounts of a home's participants in a swarm. */
export const accountsIn = async (directory: string): Promise<Set<string>> => {
  const accounts = new Set<string>()
  for (const path of await participantsIn(directory)) accounts.add((await readWhose(path)).account)
  return accounts
}

const participant = z.object({
  account: z.string().regex(/^0x[0-9a-f]{40}$/),
  learned: z
    .int()
    .min(0)
    .max(2 ** 31),
})

export const familiesOf = (manifest: SwarmManifest): Families =>
  familyTable(families.filter(({ name }) => manifest.families.some((one) => one.family === name)))

const jsonOf = (bytes: Uint8Array): unknown => {
  try {
    return JSON.parse(new TextDecoder().decode(bytes))
  } catch {
    return undefined
  }
}

const weightsOf = (file: string): Promise<Uint8Array<ArrayBuffer>> => readBounded(file, MAX_MODEL, REMEDY)

/** A trained model with how it writes: by its own tokenizer, or character by character. */
const withCoding = (
  path: string,
  { model, parameters, tokenizer }: TrainedModel,
): Pick<Found, 'model' | 'coding' | 'parameters'> => {
  if (!isLanguageModel(model))
    throw badInput('model-unfit', `model of ${path}`, model.kind, 'a model of text', 'Leave it out.')
  const coding = tokenizer === undefined ? characterCoding : tokenizerCoding('bpe', tokenizer)
  if (model.config.vocab !== coding.vocab)
    throw badInput(
      'model-unfit',
      `vocab of ${path}`,
      model.config.vocab,
      `${coding.vocab}, what its ${tokenizer === undefined ? 'characters' : 'tokenizer'} and an end come to`,
      'Leave it out.',
    )
  return { model, parameters, coding }
}

const sameBuild = (a: MergeBuild, b: MergeBuild): boolean =>
  a.coding.name === b.coding.name &&
  codingDigest(a.coding) === codingDigest(b.coding) &&
  a.prompt === b.prompt &&
  a.answer === b.answer &&
  saved(a.model) === saved(b.model)
const saved = ({ kind, config }: LanguageModel): string =>
  JSON.stringify([kind, Object.entries(config).sort(([a], [b]) => (a < b ? -1 : 1))])

const isThere = async (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  )
