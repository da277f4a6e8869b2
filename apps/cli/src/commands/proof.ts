import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { checkpointCount } from '@lockstep/proof'
import type { Executor } from '@lockstep/tensor'
import { badInput, EXIT, type ExitCode } from '../cli-error.ts'
import { checkProof, proveSegment, readProof, writeProof } from '../run/proof-file.ts'
import { openRun } from '../run/run-directory.ts'
import { readOwnClaim } from '../run/verify-run.ts'
import { bytes, type Terminal } from '../terminal.ts'

export type ExportOptions = { readonly segment?: number; readonly out?: string }

/** Writes one segment of a run as a file that anyone can check without the run. */
export const exportProofCommand = async (
  directory: string,
  options: ExportOptions,
  terminal: Terminal,
): Promise<ExitCode> => {
  const run = await openRun(directory)
  const { file, difference } = await readOwnClaim(run)
  if (difference)
    throw badInput(
      'claim-differs',
      difference.field!,
      difference.committed,
      difference.recomputed,
      'The claim is about another task than the files: `lockstep train RUN` makes it again.',
    )
  const last = checkpointCount(file.task) - 1
  const segment = options.segment ?? last
  if (segment > last)
    throw badInput('option-invalid', '--segment', segment, `0 to ${last}`, 'Name a segment that the run has.')
  const path = options.out ?? join(directory, `segment-${segment}.proof`)
  await writeProof(path, await proveSegment(run, file, segment))
  const { size } = await stat(path)
  terminal.say(`Wrote ${path}: segment ${segment} of claim ${file.root}, ${bytes(size)}`)
  terminal.say(`Anyone checks it with: lockstep check-proof ${path} --root ${file.root}`)
  terminal.result({ proof: path, segment, root: file.root, bytes: size })
  return EXIT.ok
}

export type CheckOptions = { readonly root?: string }

/** Executes the segment of a proof again and compares all of it with the claim's root. */
export const checkProofCommand = async (
  path: string,
  options: CheckOptions,
  executor: Executor,
  terminal: Terminal,
): Promise<ExitCode> => {
  const proof = await readProof(path)
  const bar = terminal.progress('check', proof.task.segmentLength)
  const verdict = await checkProof(proof, executor, options.root, (step) => bar.update(step))
  bar.end()
  terminal.result({ proof: path, segment: proof.segment, root: options.root ?? proof.root, ...verdict })
  if (!verdict.equal) {
    terminal.say(`DIFFERENT: ${verdict.field}`)
    terminal.say(`  committed   ${verdict.committed}`)
    terminal.say(`  recomputed  ${verdict.recomputed}`)
    return EXIT.difference
  }
  const [first, end] = verdict.steps
  terminal.say(
    `Equal: segment ${proof.segment}, steps ${first} to ${end}, gives what claim ${proof.root} says.`,
  )
  if (options.root === undefined)
    terminal.say('The root is the one in the file: compare it with the one you were promised (--root).')
  return EXIT.ok
}
