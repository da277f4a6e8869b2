import { checkpointCount, pathOf, rootOf, type Task, tensorsTree, toHex, treeOf } from '@lockstep/proof'
import type { ChildContext } from './child.ts'
import { withLock } from './directory-lock.ts'
import { loadTask } from './load-task.ts'
import type { Job, RunResult } from './messages.ts'
import { openExecutor } from './open-executor.ts'
import { type RunDirectory, runLayout } from './run-directory.ts'
import { runFault } from './run-fault.ts'
import { runSegments } from './run-segments.ts'

export const runInChild = async (
  { spec }: Extract<Job, { readonly kind: 'run' }>,
  { memory, tell, between }: ChildContext,
): Promise<RunResult> => {
  const task = await loadTask(spec, memory)
  return withLock(runLayout(spec.directory).lock, async () => {
    const run = await runSegments({
      task,
      directory: spec.directory,
      openExecutor: () => openExecutor(spec.executor, memory),
      selfAudit: spec.selfAudit,
      tell: (event) => tell({ kind: 'event', event }),
      between,
    })
    return resultOf(task, run)
  })
}

const resultOf = async (task: Task, { records, checkpoint, layout }: RunDirectory): Promise<RunResult> => {
  const last = checkpointCount(task) - 1
  const end = await checkpoint(last)
  if (!end)
    throw runFault('run-disk', layout.checkpoint(last), 'damaged', 'a disk that keeps it', 'Run it again.')
  const tree = treeOf(records.map(({ item }) => item))
  const audited = records.filter(({ audit }) => audit !== undefined)
  return {
    checkpoints: records.map(({ item }) => toHex(item)),
    root: toHex(rootOf(tree)),
    stateRoot: toHex(rootOf(tensorsTree(end.state))),
    outputsRoot: toHex(rootOf(tensorsTree(end.outputs))),
    path: pathOf(tree, last, 0, tree.height).map(toHex),
    tallies: records.map(({ tally }) => toHex(tally)),
    state: layout.state,
    audited: audited.map(({ segment }) => segment),
    repaired: audited.filter(({ audit }) => audit === 'repaired').map(({ segment }) => segment),
  }
}
