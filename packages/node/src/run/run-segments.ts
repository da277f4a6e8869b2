import { createHash } from 'node:crypto'
import { runSegment, type SegmentResult, stepThrough } from '@lockstep/market'
import { f32Values } from '@lockstep/models'
import { checkpointCount, sameBytes, type Task, toHex } from '@lockstep/proof'
import type { Executor, Runner, Tensor } from '@lockstep/tensor'
import { createBeside } from '../rooting/beside.ts'
import { openRooting } from '../rooting/open-rooting.ts'
import type { Checkpoint } from './checkpoint-file.ts'
import { openRunDirectory, type RunDirectory } from './run-directory.ts'
import { runFault } from './run-fault.ts'
import type { SelfAudit } from './run-spec.ts'

/** What a run tells while it goes on. */
export type RunEvent =
  /** Segments that an earlier start had run already. */
  | { readonly kind: 'resumed'; readonly segments: number }
  /** Steps that have run, and the loss that the last one reported, where it reports one that is a number. */
  | { readonly kind: 'progress'; readonly step: number; readonly loss?: number | undefined }
  | { readonly kind: 'segment'; readonly segment: number }
  /** A segment was executed again: `repaired` where its first execution was wrong, `outvoted` where the second was. */
  | { readonly kind: 'audited'; readonly segment: number; readonly found: 'equal' | 'repaired' | 'outvoted' }

export type SegmentsOptions = {
  readonly task: Task
  readonly directory: string
  readonly openExecutor: () => Promise<Executor>
  readonly selfAudit?: SelfAudit | undefined
  readonly tell: (event: RunEvent) => void
  /** Called between two steps: waits while the run is paused, throws where it must stop. */
  readonly between: () => Promise<void>
}

/** An executor with a runner of the task. */
type Machine = { readonly runner: Runner; readonly close: () => Promise<void> }

/** Runs a task to its end, from the last good checkpoint of the directory on. */
export const runSegments = async (options: SegmentsOptions): Promise<RunDirectory> => {
  const { task, tell, selfAudit } = options
  const run = await openRunDirectory(options.directory, task)
  const machines = new Set<Machine>()
  const open = async (): Promise<Machine> => {
    const machine = await openMachine(task, options.openExecutor)
    machines.add(machine)
    return machine
  }
  const shut = async (machine: Machine): Promise<void> => {
    machines.delete(machine)
    await machine.close()
  }
  const rooting = openRooting(task.committed.program)
  // A checkpoint is rooted and written while the next segment runs; what goes wrong with it ends the run.
  const keeping = createBeside()
  const between = async (): Promise<void> => {
    keeping.check()
    await options.between()
  }
  const keep = async (
    segment: number,
    kept: Executed | Promise<Executed>,
    audit?: 'equal' | 'repaired',
  ): Promise<void> => {
    const { item, tally, checkpoint } = await kept
    await run.keep({ segment, item, tally, ...(audit && { audit }) }, checkpoint)
    tell({ kind: 'segment', segment })
  }
  try {
    const segments = checkpointCount(task)
    if (run.records.length > 0) tell({ kind: 'resumed', segments: run.records.length })
    let state = await stateBefore(run, task, run.records.length)
    let first: Machine | undefined
    let second: Machine | undefined
    for (let segment = run.records.length; segment < segments; segment++) {
      first ??= await open()
      const told = progressOf(task, tell)
      const tally = await stepThrough(first.runner, task, segment, state, (done) => {
        told(segment * task.segmentLength + done, first!.runner)
        return between()
      })
      await keeping.ended()
      const { roots, ...checkpoint } = await rooting.take(first.runner)
      state = checkpoint.state
      const executed = roots.then(({ item }) => ({ item, tally: tally(item), checkpoint }))
      if (!selfAudit || !isAudited(selfAudit, segment)) {
        keeping.begin(() => keep(segment, executed))
        continue
      }
      let kept: Executed = await executed
      second ??= await open()
      // Read again where it can be: what is in memory may be what is wrong.
      const start = await stateBefore(run, task, segment)
      const again = await execute(second.runner, segment, start, task, between)
      let audit: 'equal' | 'repaired' = 'equal'
      if (!same(kept, again)) {
        const third = await open()
        const vote = await execute(third.runner, segment, start, task, between)
        if (!same(vote, kept) && !same(vote, again)) throw unsound(segment, [kept, again, vote])
        // Whoever was wrong may hold a wrong bit still: it is given up.
        audit = same(vote, kept) ? 'equal' : 'repaired'
        await shut(audit === 'repaired' ? first : second)
        if (audit === 'repaired') first = second
        second = third
        kept = vote
        tell({ kind: 'audited', segment, found: audit === 'equal' ? 'outvoted' : audit })
      } else tell({ kind: 'audited', segment, found: 'equal' })
      await keep(segment, kept, audit)
      state = kept.checkpoint.state
    }
    await keeping.ended()
    await run.finish(state)
    return run
  } finally {
    // Nothing is written to a directory that may be another's by then.
    await keeping.settled()
    await rooting.close()
    for (const machine of machines) await machine.close()
  }
}

export const openMachine = async (task: Task, openExecutor: () => Promise<Executor>): Promise<Machine> => {
  const executor = await openExecutor()
  try {
    const runner = await executor.compile(task.committed.program, task.inputs)
    return {
      runner,
      close: async () => {
        runner.close()
        await executor.close()
      },
    }
  } catch (error) {
    await executor.close()
    throw error
  }
}

const stateBefore = async (run: RunDirectory, task: Task, segment: number): Promise<readonly Tensor[]> => {
  if (segment === 0) return task.initial
  const found = await run.checkpoint(segment - 1)
  if (found) return found.state
  const path = run.layout.checkpoint(segment - 1)
  throw runFault('run-disk', path, 'damaged since it was written', 'a disk that keeps it', 'Run it again.')
}

type Executed = Pick<SegmentResult, 'item' | 'tally'> & { readonly checkpoint: Checkpoint }

/** One segment from this state, with the bytes behind it. */
const execute = async (
  runner: Runner,
  segment: number,
  state: readonly Tensor[],
  task: Task,
  between: () => Promise<void>,
): Promise<Executed> => {
  const { item, tally, state: reached } = await runSegment(runner, task, segment, state, between)
  return { item, tally, checkpoint: { state: reached, outputs: runner.outputs() } }
}

const same = (a: Executed, b: Executed): boolean => sameBytes(a.item, b.item) && sameBytes(a.tally, b.tally)

const unsound = (segment: number, executed: readonly Executed[]) =>
  runFault(
    'run-unsound',
    `segment ${segment}`,
    executed.map(({ item }) => toHex(item)).join(', '),
    'two equal executions of three',
    'This machine computes wrong: test its memory and cooling before it runs anything for others.',
  )

/** Segments are chosen by a secret, so that a fault of the machine is found wherever it likes to be. */
export const isAudited = ({ share, seed }: SelfAudit, segment: number): boolean => {
  const hash = createHash('sha256').update(seed).update(String(segment)).digest()
  return hash.readUIntBE(0, 6) < share * 2 ** 48
}

const PROGRESS_MS = 100

export const progressOf = (
  { committed: { program }, steps }: Task,
  tell: SegmentsOptions['tell'],
): ((step: number, runner: Runner) => void) => {
  const loss = program.outputs.findIndex(({ name }) => name === 'loss')
  let last = Number.NEGATIVE_INFINITY
  return (step: number, runner: Runner): void => {
    const now = performance.now()
    if (now - last < PROGRESS_MS && step < steps) return
    last = now
    const value = loss < 0 ? undefined : scalarOf(runner.outputs()[loss])
    tell({ kind: 'progress', step, ...(value !== undefined && { loss: value }) })
  }
}

/** The number in a tensor of one f32; undefined for any other, and where it has left the numbers. */
const scalarOf = (tensor: Tensor | undefined): number | undefined => {
  if (tensor?.dtype !== 'f32' || tensor.data.length !== 4) return undefined
  const [value] = f32Values(tensor)
  return Number.isFinite(value) ? value : undefined
}
