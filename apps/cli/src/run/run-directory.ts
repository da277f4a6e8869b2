import { mkdir, readdir, stat, statfs } from 'node:fs/promises'
import { basename, dirname, isAbsolute, join } from 'node:path'
import { loadTokenizer } from '@lockstep/models'
import { checkpointCount, type Task } from '@lockstep/proof'
import { decodeProgram, encodeProgram, estimateProgram, sameShape, type Tensor } from '@lockstep/tensor'
import { badEnvironment, badInput } from '../cli-error.ts'
import { canonicalManifest, MAX_MANIFEST_BYTES, parseManifest } from '../manifest/parse.ts'
import type { Manifest } from '../manifest/schema.ts'
import { bytes } from '../terminal.ts'
import { readBounded, writeAtomic } from './atomic-file.ts'
import { readCheckpoint, writeCheckpoint } from './checkpoint-file.ts'
import { type Layout, layoutOf } from './layout.ts'
import { decodeNamed, namedTensors, writeTensors } from './tensor-file.ts'
import { planOf, type Training, type TrainingPlan, trainingOf } from './training-task.ts'

/** A run on disk: its manifest, the training that it stands for, and where its files are. */
export type Run = { readonly layout: Layout; readonly manifest: Manifest; readonly training: Training }

const MAX_TEXT_BYTES = 2 ** 31
const MAX_PROGRAM_BYTES = 2 ** 27
const REMEDY =
  'The file is damaged or belongs to another run: train again from the manifest into a new directory (--out).'

export const readManifest = async (path: string): Promise<Manifest> =>
  parseManifest(await readBounded(path, MAX_MANIFEST_BYTES, 'Name a manifest: a YAML or JSON file.'))

/** The text that a manifest names, seen from the manifest's own directory. */
export const readText = (manifestPath: string, { data }: Manifest): Promise<Uint8Array> =>
  readBounded(
    isAbsolute(data.text) ? data.text : join(dirname(manifestPath), data.text),
    MAX_TEXT_BYTES,
    'Use a shorter text.',
  )

/** What a text is called in the copy that a run keeps: runs are handed to others, and paths are nobody's business. */
const portable = (manifest: Manifest): Manifest => ({
  ...manifest,
  data: { ...manifest.data, text: basename(manifest.data.text) },
})

/** Makes a run directory, or finds that this one already holds the same run. Nothing is ever overwritten by another's. */
export const createRun = async (directory: string, manifest: Manifest, training: Training): Promise<Run> => {
  const layout = layoutOf(directory)
  const kept = portable(manifest)
  await mkdir(layout.checkpoints, { recursive: true }).catch((error) => {
    throw Object.assign(error, { path: directory })
  })
  const { program } = training.task.committed
  await keep(layout.manifest, new TextEncoder().encode(canonicalManifest(kept)))
  await keep(layout.program, encodeProgram(program))
  await keep(layout.tokenizer, new TextEncoder().encode(training.tokenizer.save()))
  await requireSpace(layout, training)
  const { task, heldOut } = training
  if (!(await holdsSame(layout.inputs, program.inputs, task.inputs)))
    await writeTensors(layout.inputs, namedTensors(program.inputs, task.inputs), {
      format: 'lockstep-inputs-1',
    })
  if (!(await holdsSame(layout.heldOut, [HELD_OUT], [heldOut])))
    await writeTensors(layout.heldOut, [[HELD_OUT.name, heldOut]], { format: 'lockstep-inputs-1' })
  if (!(await readCheckpoint(layout.checkpoint(0), program, 0).catch(missing)))
    await writeCheckpoint(layout.checkpoint(0), program, { step: 0, state: task.initial, outputs: [] })
  return { layout, manifest: kept, training }
}

const HELD_OUT = { name: 'held-out' }

/** A missing or damaged file counts as none; any other trouble is the caller's. */
const missing = (error: unknown): undefined => {
  const { code, exit } = error as { code?: string; exit?: number }
  if (code !== 'ENOENT' && exit !== 2) throw error
  return undefined
}

/** Writes a file of a run unless it is there; content of another run is an error. */
const keep = async (path: string, content: Uint8Array): Promise<void> => {
  const found = await readBounded(path, Math.max(content.length, MAX_MANIFEST_BYTES), REMEDY).catch(missing)
  if (found === undefined) return writeAtomic(path, content)
  if (Buffer.compare(found, content) === 0) return
  throw badInput(
    'run-differs',
    path,
    'of another run',
    'that of the same manifest and text',
    'Choose another directory with --out, or another name in the manifest; nothing was changed.',
  )
}

const holdsSame = async (
  path: string,
  types: readonly { readonly name: string }[],
  tensors: Task['inputs'],
): Promise<boolean> => {
  const limit = tensors.reduce((n, { data }) => n + data.length, 2 ** 24)
  const content = await readBounded(path, limit, REMEDY).catch(missing)
  if (content === undefined) return false
  let found: ReturnType<typeof decodeNamed>['tensors']
  try {
    found = decodeNamed(path, content, REMEDY).tensors
  } catch (error) {
    missing(error)
    return false // damaged: written again from the text
  }
  return types.every(({ name }, i) => {
    const tensor = found.get(name)
    const wanted = tensors[i]!
    const same =
      tensor !== undefined &&
      tensor.dtype === wanted.dtype &&
      sameShape(tensor.shape, wanted.shape) &&
      Buffer.compare(tensor.data, wanted.data) === 0
    if (!same && tensor !== undefined)
      throw badInput(
        'run-differs',
        `${name} in ${path}`,
        'of another text',
        'that of the same text',
        'Choose another directory with --out; nothing was changed.',
      )
    return same
  })
}

/** Every file of a run that is read before anything runs, checked against each other. */
export const openRun = async (directory: string): Promise<Run> => {
  const layout = layoutOf(directory)
  const manifest = await readManifest(layout.manifest).catch((error) => {
    if (error.code === 'ENOENT')
      throw badInput(
        'run-missing',
        directory,
        'no run directory',
        'a directory made by `lockstep train`',
        'Name the run directory, such as runs/my-model.',
      )
    throw error
  })
  const tokenizer = loadTokenizer(
    new TextDecoder().decode(await readBounded(layout.tokenizer, 2 ** 21, REMEDY)),
  )
  const inputs = await readTokens(layout.inputs, 'corpus')
  const heldOut = await readTokens(layout.heldOut, HELD_OUT.name)
  const plan = planOf(manifest, tokenizer, inputs, heldOut)
  const found = await readBounded(layout.program, MAX_PROGRAM_BYTES, REMEDY)
  const decoded = decodeProgram(found)
  if (!decoded.ok) {
    const { field, value, limit } = decoded.fault
    throw badInput('file-damaged', `${field} of ${layout.program}`, value, limit, REMEDY)
  }
  if (Buffer.compare(encodeProgram(plan.program), found) !== 0)
    throw badInput(
      'program-differs',
      layout.program,
      'another program',
      'the program that its manifest stands for',
      REMEDY,
    )
  return { layout, manifest, training: trainingOf(plan) }
}

/** The one tensor of a file of tokens, as the tokenizer of its run would store it. */
const readTokens = async (path: string, name: string): Promise<Tensor> => {
  const { tensors } = decodeNamed(path, await readBounded(path, 5 * MAX_TEXT_BYTES, REMEDY), REMEDY)
  const tensor = tensors.get(name)
  if (!tensor) throw badInput('tensor-missing', `${name} in ${path}`, 'missing', 'tokens', REMEDY)
  const { dtype, shape } = tensor
  if (dtype !== 'u8' && dtype !== 'u32')
    throw badInput('wrong-dtype', `${name} in ${path}`, dtype, 'u8 or u32', REMEDY)
  if (shape.length !== 1)
    throw badInput('wrong-shape', `${name} in ${path}`, `[${shape}]`, 'one dimension', REMEDY)
  return tensor
}

/** Bytes that a run's files take when it is complete. */
export const runBytes = (plan: TrainingPlan): number => {
  const { state, inputs } = estimateProgram(plan.program)
  return 2 * inputs + (checkpointCount(plan) + 2) * (state + 65536)
}

/** Says that the disk is too small before the first step instead of after the last that fits. */
const requireSpace = async ({ directory, checkpoints }: Layout, plan: TrainingPlan): Promise<void> => {
  const { bavail, bsize } = await statfs(directory)
  const free = bavail * bsize
  const files = await readdir(checkpoints)
  const sizes = await Promise.all(files.map(async (name) => (await stat(join(checkpoints, name))).size))
  const needed = runBytes(plan) - sizes.reduce((a, b) => a + b, 0)
  if (free < needed)
    throw badEnvironment(
      'disk-full',
      `free space at ${directory}`,
      bytes(free),
      `at least ${bytes(needed)}`,
      'Free some space, choose another disk with --out, or take fewer checkpoints (segments.every).',
    )
}
