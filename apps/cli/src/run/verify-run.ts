import {
  type Digest,
  digestOf,
  rootOf,
  sameBytes,
  segmentSteps,
  stepItem,
  taskFields,
  tensorsTree,
  toHex,
} from '@lockstep/proof'
import { DTYPES, type Executor, type NamedType, type Tensor } from '@lockstep/tensor'
import { badInput, CliError, EXIT } from '../cli-error.ts'
import { type Checkpoint, outputTypes, readCheckpoint } from './checkpoint-file.ts'
import { type ClaimFile, readClaim } from './claim-file.ts'
import type { Run } from './run-directory.ts'

/** Where a run first says something that its own program does not give. */
export type Difference = {
  /** `task` where the claim is about another task than the files; `segment` where re-execution gave other bits. */
  readonly kind: 'task' | 'segment'
  readonly segment?: number
  readonly steps?: readonly [first: number, last: number]
  readonly committed: string
  readonly recomputed: string
  /** The first tensor of the checkpoint that differs, where the run's files show it. */
  readonly tensor?: TensorDifference
  readonly field?: string
}

export type TensorDifference = {
  readonly name: string
  readonly element: number
  readonly committed: string
  readonly recomputed: string
}

export type VerifyResult = {
  readonly segments: readonly number[]
  readonly difference?: Difference
}

/** The claim that a run makes, where it is about the task that the run's files hold. */
export const readOwnClaim = async (
  run: Run,
): Promise<{ readonly file: ClaimFile; readonly difference?: Difference }> => {
  const file = await readClaim(run.layout.claim).catch((error) => {
    if (error.code !== 'ENOENT') throw error
    throw badInput(
      'claim-missing',
      run.layout.claim,
      'missing',
      'a finished run',
      'Finish the run with `lockstep train RUN`.',
    )
  })
  const fields = taskFields(run.training.task)
  for (const [field, value] of Object.entries(fields)) {
    const committed = file.task[field as keyof typeof fields]
    if (committed !== value)
      return {
        file,
        difference: { kind: 'task', field, committed: String(committed), recomputed: String(value) },
      }
  }
  return { file }
}

/** The same for whoever builds on the claim: one about another task than the files would cost its bond. */
export const requireOwnClaim = async (run: Run): Promise<ClaimFile> => {
  const { file, difference } = await readOwnClaim(run)
  if (difference === undefined) return file
  throw badInput(
    'claim-differs',
    `${difference.field} of ${run.layout.claim}`,
    difference.committed,
    difference.recomputed,
    'The files are no longer those that the claim was made from: bring them back, or train again into a new directory (--out).',
  )
}

/**
 * Executes segments of a run again, each from the checkpoint before it, and compares the item behind each with the
 * committed one. Ends at the first difference. With all segments equal the whole history is right, because each
 * begins where the one before it ended.
 */
export const verifyRun = async (
  run: Run,
  { claim }: ClaimFile,
  executor: Executor,
  segments: readonly number[],
  progress: (step: number, segment: number) => void = () => {},
): Promise<VerifyResult> => {
  const { task } = run.training
  const { program } = task.committed
  const runner = await executor.compile(program, task.inputs)
  const done: number[] = []
  try {
    for (const segment of segments) {
      const first = segment * task.segmentLength
      const steps = segmentSteps(task, segment)
      runner.load((await startOf(run, claim.checkpoints, segment)).state)
      for (let s = 0; s < steps; s++) {
        await runner.step()
        progress(s + 1, segment)
      }
      const reached = { step: first + steps, state: runner.state(), outputs: runner.outputs() }
      const item = itemOfCheckpoint(reached)
      const committed = claim.checkpoints[segment]!
      done.push(segment)
      if (sameBytes(item, committed)) continue
      const tensor = await firstTensor(run, reached, committed)
      const difference: Difference = {
        kind: 'segment',
        segment,
        steps: [first, first + steps - 1],
        committed: toHex(committed),
        recomputed: toHex(item),
        ...(tensor && { tensor }),
      }
      return { segments: done, difference }
    }
    return { segments: done }
  } finally {
    runner.close()
  }
}

const itemOfCheckpoint = ({ state, outputs }: Checkpoint): Digest =>
  stepItem(rootOf(tensorsTree(state)), rootOf(tensorsTree(outputs)))

/** The state before a segment: computed from the seed for the first, else the stored one, which the claim must name. */
export const startOf = async (
  { layout, training: { task } }: Run,
  checkpoints: readonly Digest[],
  segment: number,
): Promise<Checkpoint> => {
  if (segment === 0) return { step: 0, state: task.initial, outputs: [] }
  const step = segment * task.segmentLength
  const path = layout.checkpoint(step)
  const { checkpoint, item } = await readCheckpoint(path, task.committed.program, step)
  const committed = checkpoints[segment - 1]!
  if (sameBytes(item, committed)) return checkpoint
  throw new CliError(EXIT.difference, 'checkpoint-differs', {
    field: path,
    value: toHex(item),
    limit: `${toHex(committed)}, which the claim commits to`,
    remedy: 'The run does not show what it claims: do not accept it.',
  })
}

const firstTensor = async (
  { layout, training: { task } }: Run,
  reached: Checkpoint,
  committed: Digest,
): Promise<TensorDifference | undefined> => {
  const { program } = task.committed
  const stored = await readCheckpoint(layout.checkpoint(reached.step), program, reached.step).catch(
    () => undefined,
  )
  if (!stored || !sameBytes(stored.item, committed)) return undefined
  const types: NamedType[] = [...program.state, ...outputTypes(program)]
  const ours = [...reached.state, ...reached.outputs]
  const theirs = [...stored.checkpoint.state, ...stored.checkpoint.outputs]
  for (const [i, type] of types.entries()) {
    if (sameBytes(digestOf(ours[i]!), digestOf(theirs[i]!))) continue
    return firstElement(type.name, theirs[i]!, ours[i]!)
  }
  return undefined
}

const firstElement = (name: string, committed: Tensor, recomputed: Tensor): TensorDifference => {
  const width = DTYPES[recomputed.dtype].bytes
  const at = recomputed.data.findIndex((byte, i) => byte !== committed.data[i])
  const element = Math.floor(at / width)
  return {
    name,
    element,
    committed: elementText(committed, element),
    recomputed: elementText(recomputed, element),
  }
}

/** An element as its bits and, for numbers, its value. */
const elementText = ({ dtype, data }: Tensor, element: number): string => {
  const { bytes } = DTYPES[dtype]
  const word = data.slice(element * bytes, (element + 1) * bytes).reverse()
  const bits = `0x${Buffer.from(word).toString('hex')}`
  if (dtype !== 'f32') return bits
  return `${new DataView(word.buffer).getFloat32(0).toPrecision(9)} (${bits})`
}
