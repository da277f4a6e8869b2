import {
  type DisputeRecord,
  digestFromHex,
  executorTrace,
  type Move,
  nextMove,
  replay,
  type Task,
  taskFields,
} from '@lockstep/proof'
import { FaultError, type Tensor, unwrap } from '@lockstep/tensor'
import { readCheckpoint } from './checkpoint-file.ts'
import type { ChildContext } from './child.ts'
import { loadTask } from './load-task.ts'
import type { Job, RecordOnWire } from './messages.ts'
import { openExecutor } from './open-executor.ts'
import { runFault } from './run-fault.ts'

type MovesJob = Extract<Job, { readonly kind: 'moves' }>

/** Answers what to play in disputes about one claim, until it is stopped. */
export const movesInChild = async (
  job: MovesJob,
  { memory, answer }: ChildContext,
): Promise<Record<string, never>> => {
  const task = await loadTask(job.spec, memory)
  const executor = await openExecutor(job.spec.executor, memory)
  const { committed } = task
  const claim = { checkpoints: job.claim.map(digestFromHex) }
  const state = (checkpoint: number) => stateBehind(task, job, checkpoint)
  const source = await executorTrace({ task, executor, claim, state })
  const own = taskFields(task)
  try {
    await answer((record): Promise<Move | undefined> => {
      for (const field of Object.keys(own) as (keyof typeof own)[]) {
        const disputed = record.terms.task[field]
        if (disputed === own[field]) continue
        const remedy = 'The dispute is about another task: name the files of that one.'
        throw runFault('run-invalid', `${field} of the task`, own[field], disputed, remedy)
      }
      const replayed = unwrap(replay(completed(record, task)))
      return nextMove({ side: job.side, committed, source }, replayed)
    })
  } finally {
    source.close()
    await executor.close()
  }
  return {}
}

/** The program's header is in the files: it is not sent along with every question. */
const completed = ({ terms, ...record }: RecordOnWire, { committed }: Task): DisputeRecord =>
  ({ ...record, terms: { ...terms, header: committed.header } }) as DisputeRecord

/** The state behind a checkpoint where its file is there and is what the claim says; else it is run to again. */
const stateBehind = async (
  { committed }: Task,
  { claim, checkpoints }: MovesJob,
  checkpoint: number,
): Promise<readonly Tensor[] | undefined> => {
  const path = checkpoints.find(([segment]) => segment === checkpoint)?.[1]
  const item = claim[checkpoint]
  if (path === undefined || item === undefined) return undefined
  try {
    return (await readCheckpoint(path, committed.program, digestFromHex(item))).state
  } catch (error) {
    if (error instanceof FaultError || (error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
