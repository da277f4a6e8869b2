import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { loadModel } from '@lockstep/models'
import { writeAtomic } from '@lockstep/node/atomic-file'
import {
  checkpointCount,
  digestOf,
  exportProof,
  PROOF_BYTES,
  taskFields,
  toHex,
  type VerifiedProof,
  verifyProof,
} from '@lockstep/proof'
import { type Executor, unwrap } from '@lockstep/tensor'
import { badInput, EXIT, type ExitCode, from } from '../cli-error.ts'
import { readBounded } from '../run/bounded-file.ts'
import { readCheckpoint } from '../run/checkpoint-file.ts'
import type { ClaimFile } from '../run/claim-file.ts'
import { openRun, type Run } from '../run/run-directory.ts'
import { checkProof, decodeProof, MAX_PROOF_BYTES, proveSegment, writeProof } from '../run/segment-proof.ts'
import { requireOwnClaim } from '../run/verify-run.ts'
import { bytes, type Terminal } from '../terminal.ts'

export type ExportOptions = { readonly segment?: number; readonly out?: string }

const REMEDY = 'Ask for the file again: `lockstep export-proof RUN` makes it.'
const MODEL_REMEDY = 'Name a model.safetensors that `lockstep train` wrote.'

/**
 * Writes what a third party checks without the run: by default the program, the claim and the digests of what came out;
 * with a segment, that segment with all that is needed to execute it again.
 */
export const exportProofCommand = async (
  directory: string,
  { segment, out }: ExportOptions,
  terminal: Terminal,
): Promise<ExitCode> => {
  const run = await openRun(directory)
  const file = await requireOwnClaim(run)
  const last = checkpointCount(file.task) - 1
  if (segment !== undefined && segment > last)
    throw badInput('option-invalid', '--segment', segment, `0 to ${last}`, 'Name a segment that the run has.')
  const path = out ?? join(directory, segment === undefined ? 'run.proof' : `segment-${segment}.proof`)
  if (segment === undefined) await writeAtomic(path, await proveRun(run, file))
  else await writeProof(path, await proveSegment(run, file, segment))
  const { size } = await stat(path)
  const what = segment === undefined ? 'the whole run' : `segment ${segment}`
  terminal.say(`Wrote ${path}: ${what} of claim ${file.root}, ${bytes(size)}`)
  const model = segment === undefined ? ` --model ${run.layout.model}` : ''
  terminal.say(`Anyone checks it with: lockstep check-proof ${path} --root ${file.root}${model}`)
  terminal.result({ proof: path, segment, root: file.root, bytes: size })
  return EXIT.ok
}

const proveRun = async ({ layout, training: { task } }: Run, { claim }: ClaimFile): Promise<Uint8Array> => {
  const { committed } = task
  const { checkpoint } = await readCheckpoint(layout.checkpoint(task.steps), committed.program, task.steps)
  const digests = (tensors: typeof checkpoint.state) => tensors.map((tensor) => toHex(digestOf(tensor)))
  const end = { states: digests(checkpoint.state), outputs: digests(checkpoint.outputs) }
  return exportProof({ committed, task: taskFields(task), claim, end })
}

export type CheckOptions = { readonly root?: string; readonly model?: string }

/** Checks a proof of a run, or executes the segment of one again, and compares it with the claim's root. */
export const checkProofCommand = async (
  path: string,
  options: CheckOptions,
  executor: Executor,
  terminal: Terminal,
): Promise<ExitCode> => {
  const content = await readBounded(path, MAX_PROOF_BYTES, REMEDY)
  if (content[0] === '{'.charCodeAt(0)) return checkRun(path, content, options, terminal)
  if (options.model !== undefined)
    throw badInput(
      'option-invalid',
      '--model',
      options.model,
      'with a proof of a whole run',
      'Leave it out, or check the file that `lockstep export-proof RUN` writes without --segment.',
    )
  const proof = decodeProof(content, path)
  const bar = terminal.progress('check', proof.task.segmentLength)
  const verdict = await checkProof(proof, executor, options.root, (step) => bar.update(step))
  bar.end()
  terminal.result({ proof: path, segment: proof.segment, root: options.root ?? proof.root, ...verdict })
  if (!verdict.equal) return different(verdict.field, verdict.committed, verdict.recomputed, terminal)
  const [first, end] = verdict.steps
  terminal.say(
    `Equal: segment ${proof.segment}, steps ${first} to ${end}, gives what claim ${proof.root} says.`,
  )
  remindOfRoot(options, terminal)
  return EXIT.ok
}

const checkRun = async (
  path: string,
  content: Uint8Array,
  { root, model }: CheckOptions,
  terminal: Terminal,
): Promise<ExitCode> => {
  if (content.length > PROOF_BYTES)
    throw badInput('file-too-large', path, `${content.length} bytes`, `at most ${PROOF_BYTES} bytes`, REMEDY)
  const proof = from(path, REMEDY, () => unwrap(verifyProof(content)))
  const { claimRoot, task } = proof
  const wrong =
    root !== undefined && root !== claimRoot
      ? { field: 'the claim', committed: root, recomputed: claimRoot }
      : model === undefined
        ? undefined
        : await wrongTensor(proof, model)
  terminal.result({ proof: path, root: root ?? claimRoot, equal: wrong === undefined, ...wrong })
  if (wrong) return different(wrong.field, wrong.committed, wrong.recomputed, terminal)
  terminal.say(
    `Consistent: program ${task.program}, ${task.steps} steps, ${proof.claim.checkpoints.length} checkpoints under claim ${claimRoot}`,
  )
  if (model !== undefined) terminal.say(`${model} is what that claim ends with.`)
  terminal.say('That the steps are right is shown by executing them: verify RUN, or proofs of segments.')
  remindOfRoot({ ...(root && { root }) }, terminal)
  return EXIT.ok
}

/** The first parameter of a model that is not the one the run ended with. */
const wrongTensor = async ({ end, committed }: VerifiedProof, path: string) => {
  const content = await readBounded(path, MAX_PROOF_BYTES, MODEL_REMEDY)
  const { parameters } = from(path, MODEL_REMEDY, () => loadModel(content))
  for (const [i, parameter] of parameters.entries()) {
    const digest = toHex(digestOf(parameter))
    const claimed = end?.states[i] ?? 'nothing'
    if (digest !== claimed)
      return {
        field: `${committed.program.state[i]?.name ?? `parameter ${i}`} of ${path}`,
        committed: claimed,
        recomputed: digest,
      }
  }
  return undefined
}

const different = (field: string, committed: string, recomputed: string, terminal: Terminal): ExitCode => {
  terminal.say(`DIFFERENT: ${field}`)
  terminal.say(`  committed   ${committed}`)
  terminal.say(`  recomputed  ${recomputed}`)
  return EXIT.difference
}

const remindOfRoot = ({ root }: CheckOptions, terminal: Terminal): void => {
  if (root === undefined)
    terminal.say('The root is the one in the file: compare it with the one you were promised (--root).')
}
