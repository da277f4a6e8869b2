import { access } from 'node:fs/promises'
import { checkpointCount, type Hex, type TaskFields, toHex } from '@lockstep/proof'
import { readJournal } from './journal.ts'
import { readTask, runLayout } from './run-directory.ts'

/** What a run directory says of its segments, whether the run has ended or not. */
export type RunSummary = {
  readonly task: TaskFields
  /** Items and tallies of the segments that have run, from the first on. */
  readonly items: readonly Hex[]
  readonly tallies: readonly Hex[]
  readonly isComplete: boolean
  /** The checkpoints behind them, as far as their files are there. */
  readonly checkpoints: ReadonlyMap<number, string>
}

/** Reads a run directory without running anything; undefined where there is no run. */
export const readRunDirectory = async (directory: string): Promise<RunSummary | undefined> => {
  const layout = runLayout(directory)
  const task = await readTask(layout.task)
  if (!task) return undefined
  const records = await readJournal(layout.journal)
  const items: Hex[] = []
  const tallies: Hex[] = []
  const checkpoints = new Map<number, string>()
  for (let record = records.get(0); record; record = records.get(items.length)) {
    const path = layout.checkpoint(record.segment)
    if (await isThere(path)) checkpoints.set(record.segment, path)
    items.push(toHex(record.item))
    tallies.push(toHex(record.tally))
  }
  return { task, items, tallies, checkpoints, isComplete: items.length === checkpointCount(task) }
}

const isThere = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  )
