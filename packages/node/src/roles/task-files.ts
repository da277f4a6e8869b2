import { createWriteStream } from 'node:fs'
import { mkdir, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { decodeJobManifest, type JobManifest, type Mailbox, sliceBlobs } from '@lockstep/client'
import { taskFieldsSchema } from '@lockstep/client/fields'
import { GIVEN, rootsOf } from '@lockstep/market'
import { type BlobId, type BlobService, type BlobStore, type Peer, parseBlobId } from '@lockstep/network'
import {
  digestFromHex,
  encodeHeader,
  type ProgramHeader,
  programDigest,
  type TaskFields,
  toHex,
} from '@lockstep/proof'
import { catchFault, type Fault, FaultError, fail, ok, type Result } from '@lockstep/tensor'
import { z } from 'zod'
import type { LiveJob, LiveSlice } from '../flow/live.ts'
import { loadTask } from '../run/load-task.ts'
import { type InputFile, inputFile } from '../run/run-spec.ts'

/** What a task's files are got with. */
export type Fetching = {
  readonly peer: Peer
  readonly blobs: BlobService
  readonly blobStore: BlobStore
  readonly mailbox: Mailbox
  /** The programs of a job as they were posted. */
  readonly programs: (job: number) => Promise<readonly ProgramHeader[]>
}

/** The files of a task, checked against what the chain says of it. */
export const taskFilesSchema = z.strictObject({
  program: z.string(),
  initial: z.string(),
  inputs: z.array(inputFile),
  expect: taskFieldsSchema,
})
export type TaskFiles = {
  readonly program: string
  readonly initial: string
  readonly inputs: InputFile[]
  readonly expect: TaskFields
}

/**
 * Gets all that a slice's task is made of into a directory, and checks it against the chain's roots: what comes back is
 * the task, whoever it came from. A fault says what was not to be had.
 */
export const fetchTask = async (
  fetching: Fetching,
  job: LiveJob,
  { number, slice }: LiveSlice,
  directory: string,
  memory: number,
  signal: AbortSignal,
): Promise<Result<TaskFiles>> => {
  const expect = await expectedFields(fetching, job, number)
  if (!expect.ok) return expect
  const manifest = await manifestOf(fetching, job)
  if (!manifest.ok) return manifest
  const names = sliceBlobs(manifest.value, number, slice)
  if (!names.ok) return names
  const holders = fetching.mailbox.announcement(job.number)?.holders ?? []
  await mkdir(directory, { recursive: true })

  const get = (id: string, from: readonly string[]): Promise<Result<string>> =>
    fetchFile(fetching, id, from, `job:${job.number}`, directory, signal)
  const program = await get(names.value.program, holders)
  if (!program.ok) return program
  const stateOf = async (from: number): Promise<Result<InputFile>> => {
    const state = await fetchState(fetching, job, from, directory, signal)
    if (!state.ok) return state
    const written = await get(manifest.value.programs[job.slices[from]!.slice.program]!, holders)
    return written.ok ? ok({ path: state.value, stateOf: written.value }) : written
  }

  const initial =
    slice.initialFrom === GIVEN
      ? await get(names.value.state!, holders)
      : await fetchState(fetching, job, slice.initialFrom, directory, signal)
  if (!initial.ok) return initial
  const inputs: InputFile[] = []
  if (names.value.inputs !== undefined) {
    const file = await get(names.value.inputs, holders)
    if (!file.ok) return file
    inputs.push({ path: file.value })
  }
  for (const from of slice.inputsFrom) {
    const file = await stateOf(from)
    if (!file.ok) return file
    inputs.push(file.value)
  }
  const files = { program: program.value, initial: initial.value, inputs, expect: expect.value }
  try {
    await loadTask(
      { ...files, inputs, steps: expect.value.steps, segmentLength: expect.value.segmentLength },
      memory,
    )
  } catch (error) {
    if (error instanceof FaultError) return fail(error.fault)
    throw error
  }
  return ok(files)
}

/** What the chain says that a slice's task commits to. */
const expectedFields = async (
  { programs }: Fetching,
  job: LiveJob,
  number: number,
): Promise<Result<TaskFields>> => {
  const { slice } = job.slices[number]!
  const roots = rootsOf(slice, (from) => {
    const { status, stateRoot } = job.slices[from]!.progress
    return status === 'settled' ? digestFromHex(stateRoot) : undefined
  })
  if (roots === undefined) return fail(lacking(`slice ${number}`, 'begins with slices that have not settled'))
  const header = (await programs(job.number))[slice.program]
  if (header === undefined) return fail(lacking(`program ${slice.program}`, 'not in the post'))
  const { steps, segmentLength } = slice
  return ok({ program: toHex(programDigest(encodeHeader(header))), ...roots, steps, segmentLength })
}

/** The manifest of a job, which is known to be what the chain has the hash of. */
export const manifestOf = async (
  { mailbox }: Pick<Fetching, 'mailbox'>,
  { number }: Pick<LiveJob, 'number'>,
): Promise<Result<JobManifest>> => {
  if (mailbox.announcement(number) === undefined) await mailbox.ask(number)
  const found = mailbox.announcement(number)
  if (found === undefined) return fail(lacking(`manifest of job ${number}`, 'unknown to all peers asked'))
  return decodeJobManifest(new TextEncoder().encode(found.manifest))
}

/** The final state of a slice, as a file. Its tensors are checked by whoever loads it. */
const fetchState = async (
  fetching: Fetching,
  job: LiveJob,
  from: number,
  directory: string,
  signal: AbortSignal,
): Promise<Result<string>> => {
  const { claim } = job.slices[from]!.progress
  if (fetching.mailbox.history(claim) === undefined) await fetching.mailbox.askHistory(claim)
  const history = fetching.mailbox.history(claim)
  if (history === undefined)
    return fail(lacking(`final state of slice ${from}`, 'nobody who was asked knows where it is'))
  return fetchFile(fetching, history.state, history.holders, `job:${job.number}`, directory, signal)
}

/** A blob as a file of a directory, fetched from those said to hold it and from any peer. */
export const fetchFile = async (
  { blobs, blobStore, peer }: Pick<Fetching, 'blobs' | 'blobStore' | 'peer'>,
  text: string,
  holders: readonly string[],
  pin: string,
  directory: string,
  signal: AbortSignal,
): Promise<Result<string>> => {
  const id = parseBlobId(text)
  if (!id.ok) return id
  const pinned = catchFault(() => blobStore.pin(id.value, pin))
  if (!pinned.ok) return pinned
  if (!blobStore.has(id.value)) {
    const others = peer.peers().map((other) => other.id)
    const sources = [...new Set([...holders, ...others])].filter((source) => source !== peer.id)
    const fetched = await blobs.fetch(id.value, sources, { signal })
    if (!fetched.ok) return fetched
  }
  return writeFile(blobStore, id.value, directory)
}

const writeFile = async (store: BlobStore, id: BlobId, directory: string): Promise<Result<string>> => {
  const path = join(directory, id)
  const partial = `${path}.partial`
  try {
    await pipeline(store.stream(id), createWriteStream(partial))
    await rename(partial, path)
    return ok(path)
  } catch (error) {
    if (error instanceof FaultError) return fail(error.fault)
    throw error
  }
}

const lacking = (field: string, value: string): Fault => ({
  code: 'task-unavailable',
  field,
  value,
  limit: 'held by at least one peer that can be reached',
  remedy: 'Wait until it is, or decline the slice.',
})
