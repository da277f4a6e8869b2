import { readdir, stat, statfs } from 'node:fs/promises'
import { basename, dirname, isAbsolute, join } from 'node:path'
import {
  canonicalManifest,
  MAX_MANIFEST_BYTES,
  type Manifest,
  parseManifest,
  planOf,
  type Training,
  type TrainingPlan,
  trainingOf,
} from '@lockstep/client/plan'
import { loadTokenizer } from '@lockstep/models'
import { writeAtomic } from '@lockstep/node/atomic-file'
import { checkpointCount, digestOf, toHex } from '@lockstep/proof'
import {
  decodeProgram,
  encodeProgram,
  estimateProgram,
  sameShape,
  type Tensor,
  unwrap,
} from '@lockstep/tensor'
import { badEnvironment, badInput, from } from '../cli-error.ts'
import { bytes } from '../terminal.ts'
import { readBounded } from './bounded-file.ts'
import { type Layout, layoutOf } from './layout.ts'
import { makeDirectory } from './make-directory.ts'
import { decodeNamed, writeTensors } from './tensor-file.ts'

/** A run on disk: its manifest, the training that it stands for, and where its files are. */
export type Run = { readonly layout: Layout; readonly manifest: Manifest; readonly training: Training }

const MAX_TEXT_BYTES = 2 ** 31
const MAX_PROGRAM_BYTES = 2 ** 27
const REMEDY = 'Once it is removed, `lockstep train MANIFEST` writes it again and keeps the checkpoints.'

export const readManifest = async (path: string): Promise<Manifest> =>
  parseManifest(await readBounded(path, MAX_MANIFEST_BYTES, 'Name a manifest: a YAML or JSON file.'))

/** The text that a manifest names, seen from the manifest's own directory. */
export const readText = (manifestPath: string, { data }: Manifest): Promise<Uint8Array> =>
  readBounded(
    isAbsolute(data.text) ? data.text : join(dirname(manifestPath), data.text),
    MAX_TEXT_BYTES,
    'Name another text file in the manifest.',
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
  await makeDirectory(layout.checkpoints).catch((error) => {
    throw Object.assign(error, { path: directory })
  })
  const { program } = training.task.committed
  await keep(layout.manifest, new TextEncoder().encode(canonicalManifest(kept)))
  await keep(layout.program, encodeProgram(program))
  await keep(layout.tokenizer, new TextEncoder().encode(training.tokenizer.save()))
  await requireSpace(layout, training)
  const { task, heldOut } = training
  if (!(await holdsSame(layout.inputs, program.inputs[0]!.name, task.inputs[0]!)))
    await writeTokens(layout.inputs, program.inputs[0]!.name, task.inputs[0]!)
  if (!(await holdsSame(layout.heldOut, HELD_OUT, heldOut)))
    await writeTokens(layout.heldOut, HELD_OUT, heldOut)
  return { layout, manifest: kept, training }
}

const HELD_OUT = 'held-out'

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

const holdsSame = async (path: string, name: string, wanted: Tensor): Promise<boolean> => {
  const found = await readTokens(path, name).catch(missing) // what is damaged is written again from the text
  if (found === undefined) return false
  const { dtype, shape, data } = found
  if (dtype === wanted.dtype && sameShape(shape, wanted.shape) && Buffer.compare(data, wanted.data) === 0)
    return true
  throw badInput(
    'run-differs',
    `${name} in ${path}`,
    'of another text',
    'that of the same text',
    'Choose another directory with --out; nothing was changed.',
  )
}

/** Every file of a run that is read before anything runs, checked against each other. */
export const openRun = async (directory: string): Promise<Run> => {
  const layout = layoutOf(directory)
  const written = await readBounded(layout.manifest, MAX_MANIFEST_BYTES, REMEDY).catch((error) => {
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
  const manifest = from(layout.manifest, REMEDY, () => parseManifest(written))
  const saved = await readBounded(layout.tokenizer, 2 ** 21, REMEDY)
  const tokenizer = from(layout.tokenizer, REMEDY, () => loadTokenizer(new TextDecoder().decode(saved)))
  const inputs = await readTokens(layout.inputs, 'corpus')
  const heldOut = await readTokens(layout.heldOut, HELD_OUT)
  const plan = planOf(manifest, tokenizer, inputs, heldOut)
  const found = await readBounded(layout.program, MAX_PROGRAM_BYTES, REMEDY)
  from(layout.program, REMEDY, () => unwrap(decodeProgram(found)))
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

const FORMAT = 'lockstep-tokens-1'

/** A text as tokens, with their digest: a flipped bit would otherwise make another task of the run. */
const writeTokens = (path: string, name: string, tokens: Tensor): Promise<void> =>
  writeTensors(path, [[name, tokens]], { format: FORMAT, digest: toHex(digestOf(tokens)) })

/** The one tensor of a file of tokens, as the tokenizer of its run would store it. */
const readTokens = async (path: string, name: string): Promise<Tensor> => {
  const content = await readBounded(path, 5 * MAX_TEXT_BYTES, REMEDY)
  const { tensors, metadata } = decodeNamed(path, content, REMEDY)
  const tensor = tensors.get(name)
  if (!tensor) throw badInput('tensor-missing', `${name} in ${path}`, 'missing', 'tokens', REMEDY)
  const { dtype, shape } = tensor
  if (dtype !== 'u8' && dtype !== 'u32')
    throw badInput('wrong-dtype', `${name} in ${path}`, dtype, 'u8 or u32', REMEDY)
  if (shape.length !== 1)
    throw badInput('wrong-shape', `${name} in ${path}`, `[${shape}]`, 'one dimension', REMEDY)
  const digest = toHex(digestOf(tensor))
  if (metadata.get('digest') !== digest)
    throw badInput('file-damaged', `digest of ${path}`, digest, metadata.get('digest') ?? 'given', REMEDY)
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
