import { runSegment } from '@lockstep/market'
import { checkpointCount, digestFromHex, type Hex, type Task, toHex } from '@lockstep/proof'
import { FaultError, type Tensor } from '@lockstep/tensor'
import { readCheckpoint } from './checkpoint-file.ts'
import type { ChildContext } from './child.ts'
import { loadTask } from './load-task.ts'
import type { AuditResult, Job } from './messages.ts'
import { openExecutor } from './open-executor.ts'
import { runFault } from './run-fault.ts'
import { openMachine, progressOf } from './run-segments.ts'

type AuditJob = Extract<Job, { readonly kind: 'audit' }>

/**
 * Executes segments again. Each begins at the nearest checkpoint before it that is there and is what the claim says,
 * or at the state that the one before it was just executed to, or at the very start.
 */
export const auditInChild = async (
  job: AuditJob,
  { memory, tell, between }: ChildContext,
): Promise<AuditResult> => {
  const { spec, claimed } = job
  const task = await loadTask(spec, memory)
  const count = checkpointCount(task)
  const wanted = [...new Set(job.segments)].sort((a, b) => a - b)
  const last = wanted.at(-1)!
  if (last >= count)
    throw runFault('run-invalid', 'segments', last, `below ${count}`, 'Name segments of the task.')
  if (claimed && claimed.length !== count)
    throw runFault('run-invalid', 'claimed', claimed.length, count, 'Hand in the whole claim.')
  const machine = await openMachine(task, () => openExecutor(spec.executor, memory))
  const progress = progressOf(task, (event) => tell({ kind: 'event', event }))
  const segments: AuditResult['segments'] = []
  const withheld: number[] = []
  let differs: AuditResult['differs']
  let reached: Start | undefined
  try {
    for (const segment of wanted) {
      let from = await nearest(task, job, segment, reached)
      while (from.segment <= segment) {
        const at = from.segment
        const end = await runSegment(machine.runner, task, at, from.state, (done) => {
          progress(at * task.segmentLength + done, machine.runner)
          return between()
        })
        const [item, tally] = [toHex(end.item), toHex(end.tally)]
        reached = { segment: at + 1, state: end.state, item }
        from = reached
        if (at === segment) segments.push({ segment, item, tally })
        else withheld.push(at)
        const said = claimed?.[at]
        if (said !== undefined && said !== item) differs ??= { segment: at, claimed: said, found: item }
        tell({ kind: 'event', event: { kind: 'segment', segment: at } })
      }
    }
  } finally {
    await machine.close()
  }
  return { segments, withheld, ...(differs && { differs }) }
}

/** The state that a segment begins with, and its item where it was executed to. */
type Start = { readonly segment: number; readonly state: readonly Tensor[]; readonly item?: Hex }

/** The last state before a segment that is there: what was just reached, or a checkpoint as the claim says. */
const nearest = async (
  task: Task,
  { claimed, checkpoints }: AuditJob,
  segment: number,
  reached: Start | undefined,
): Promise<Start> => {
  const files = new Map(checkpoints)
  for (let at = segment; at > 0; at--) {
    const [path, item] = [files.get(at - 1), claimed?.[at - 1]]
    const own = reached?.segment === at ? reached : undefined
    // A segment is judged from where the claim says that it begins, true or not.
    if (own && (own.item === item || path === undefined || item === undefined)) return own
    if (path === undefined || item === undefined) continue
    try {
      const { program } = task.committed
      const found = await readCheckpoint(path, program, digestFromHex(item))
      return { segment: at, state: found.state }
    } catch (error) {
      // What is missing, damaged or another's is withheld.
      if (!(error instanceof FaultError) && (error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
      if (own) return own
    }
  }
  return { segment: 0, state: task.initial }
}
