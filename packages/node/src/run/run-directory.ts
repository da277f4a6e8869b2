import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { taskFieldsSchema } from '@lockstep/client/fields'
import { encodeTensors } from '@lockstep/models'
import { type Task, type TaskFields, taskFields } from '@lockstep/proof'
import { FaultError } from '@lockstep/tensor'
import { syncDirectory, writeAtomic } from '../atomic-file.ts'
import { type Checkpoint, encodeCheckpoint, readCheckpoint } from './checkpoint-file.ts'
import { appendRecord, readJournal, type SegmentRecord } from './journal.ts'
import { readFileOf } from './read-file.ts'
import { runFault } from './run-fault.ts'

/** Where everything of a run is. */
export type RunLayout = {
  readonly task: string
  readonly journal: string
  readonly lock: string
  /** The final state: there when the run has ended. */
  readonly state: string
  readonly checkpoints: string
  /** The state and outputs behind a segment. */
  readonly checkpoint: (segment: number) => string
}

export const runLayout = (directory: string): RunLayout => {
  const checkpoints = join(directory, 'checkpoints')
  return {
    task: join(directory, 'task.json'),
    journal: join(directory, 'segments.jsonl'),
    lock: join(directory, 'lock'),
    state: join(directory, 'state.safetensors'),
    checkpoints,
    checkpoint: (segment) => join(checkpoints, `segment-${String(segment).padStart(6, '0')}.safetensors`),
  }
}

/** A run on disk. Only one process may write to it: see directory-lock.ts. */
export type RunDirectory = {
  readonly layout: RunLayout
  /** What is known of the segments that have run, from the first on. */
  readonly records: readonly SegmentRecord[]
  /** The checkpoint behind a segment, every byte of it checked against the record; undefined where it is not good. */
  readonly checkpoint: (segment: number) => Promise<Checkpoint | undefined>
  /** Keeps what a segment ended with: the next of `records`. */
  readonly keep: (record: SegmentRecord, checkpoint: Checkpoint) => Promise<void>
  readonly finish: (state: Checkpoint['state']) => Promise<void>
}

/** Opens the directory of a task's run, or makes it. What another task left there is a fault. */
export const openRunDirectory = async (directory: string, task: Task): Promise<RunDirectory> => {
  const { program } = task.committed
  const layout = runLayout(directory)
  await mkdir(layout.checkpoints, { recursive: true })
  await keepTask(layout.task, taskFields(task))
  const found = await readJournal(layout.journal)
  const records: SegmentRecord[] = []
  for (let next = found.get(0); next; next = found.get(records.length)) records.push(next)

  const checkpoint = async (segment: number): Promise<Checkpoint | undefined> => {
    const record = records[segment]
    if (!record) return undefined
    try {
      return await readCheckpoint(layout.checkpoint(segment), program, record.item)
    } catch (error) {
      if (error instanceof FaultError || (error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      throw error
    }
  }

  // What is not behind a good checkpoint is made again.
  while (records.length > 0 && !(await checkpoint(records.length - 1))) records.pop()

  return {
    layout,
    records,
    checkpoint,
    keep: async (record, kept) => {
      if (record.segment !== records.length)
        throw new Error(`segment ${record.segment} is not ${records.length}`)
      await writeAtomic(layout.checkpoint(record.segment), encodeCheckpoint(program, kept))
      await appendRecord(layout.journal, record)
      records.push(record)
    },
    finish: async (state) => {
      await writeAtomic(layout.state, encodeTensors(program.state, state))
      await syncDirectory(directory)
    },
  }
}

const keepTask = async (path: string, fields: TaskFields): Promise<void> => {
  const wanted = `${JSON.stringify({ format: 'lockstep-run-1', ...fields }, null, 1)}\n`
  const found = await readTask(path)
  if (found === undefined) return writeAtomic(path, wanted)
  for (const field of Object.keys(found) as (keyof TaskFields)[]) {
    if (found[field] === fields[field]) continue
    const remedy = 'The directory is of another run: name another one.'
    throw runFault('run-invalid', `${field} of ${path}`, found[field], fields[field], remedy)
  }
}

/** The task whose run a directory holds; undefined where it has none, or a damaged note of it. */
export const readTask = async (path: string): Promise<TaskFields | undefined> => {
  try {
    const { format, ...fields } = JSON.parse(new TextDecoder().decode(await readFileOf(path, 4096)))
    return format === 'lockstep-run-1' ? taskFieldsSchema.parse(fields) : undefined
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code !== undefined && code !== 'ENOENT') throw error
    return undefined
  }
}
