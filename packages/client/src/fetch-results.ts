import type { MarketChain } from '@lockstep/contracts'
import { decodeTensors, loadTokenizer, type Tokenizer } from '@lockstep/models'
import { type BlobService, type BlobStore, type Peer, parseBlobId } from '@lockstep/network'
import { type Hex, rootOf, tensorsTree, toHex } from '@lockstep/proof'
import { type Fault, fail, ok, type Result } from '@lockstep/tensor'
import type { Mailbox } from './mailbox/mailbox.ts'
import { modelOf } from './manifest/model-schema.ts'
import { decodeJobManifest, type JobManifest } from './plan/job-manifest.ts'
import { modelFromState } from './plan/model-from-state.ts'
import { programFrom } from './plan/slice-task.ts'

/** A model that a job was posted for. */
export type FetchedModel = {
  readonly slice: number
  /** The root of the state that was settled on the chain: the model was checked against it. */
  readonly stateRoot: Hex
  /** A safetensors file with its tokenizer. */
  readonly model: Uint8Array<ArrayBuffer>
}

export type FetchResults = {
  readonly chain: MarketChain
  readonly mailbox: Mailbox
  readonly blobs: BlobService
  readonly store: BlobStore
  readonly peer: Peer
  readonly job: number
  readonly signal: AbortSignal
}

/** Gets what a job was posted for, from whoever has it, and checks it against what was settled. */
export const fetchResults = async (options: FetchResults): Promise<Result<readonly FetchedModel[]>> => {
  const { chain, mailbox, job } = options
  const manifest = await manifestOf(mailbox, job)
  if (!manifest.ok) return manifest
  const tokenizer = await fetchTokenizer(options, manifest.value)
  if (!tokenizer.ok) return tokenizer
  const models: FetchedModel[] = []
  for (const slice of manifest.value.results) {
    const { status, claim, stateRoot } = await chain.read.progress(job, slice)
    if (status !== 'settled') return fail(unsettled(job, slice, status))
    if (mailbox.history(claim) === undefined) await mailbox.askHistory(claim)
    const history = mailbox.history(claim)
    if (history === undefined) return fail(unavailable(`the final state of slice ${slice}`))
    const bytes = await fetchBlob(options, history.state, history.holders)
    if (!bytes.ok) return bytes
    const number = (await chain.read.slice(job, slice)).program
    const encoded = await fetchBlob(options, manifest.value.programs[number]!, holdersOf(mailbox, job))
    if (!encoded.ok) return encoded
    const program = programFrom(encoded.value, await chain.read.program(job, number))
    if (!program.ok) return program
    const state = decodeTensors(bytes.value, program.value.program.state)
    if (!state.ok) return state
    const root = toHex(rootOf(tensorsTree(state.value)))
    if (root !== stateRoot) return fail(differs(slice, root, stateRoot))
    const { training, model: terms } = manifest.value.manifest
    const { seed: _, ...train } = training
    const of = modelOf(terms, tokenizer.value.vocabSize)
    const model = modelFromState({ model: of, train, tokenizer: tokenizer.value }, state.value)
    models.push({ slice, stateRoot, model })
  }
  return ok(models)
}

/** A job's manifest, as the chain binds it, from whoever has it. */
export const manifestOf = async (mailbox: Mailbox, job: number): Promise<Result<JobManifest>> => {
  if (mailbox.announcement(job) === undefined) await mailbox.ask(job)
  const found = mailbox.announcement(job)
  if (found === undefined) return fail(unavailable(`the manifest of job ${job}`))
  return decodeJobManifest(new TextEncoder().encode(found.manifest))
}

const holdersOf = (mailbox: Mailbox, job: number): readonly string[] =>
  mailbox.announcement(job)?.holders ?? []

const fetchTokenizer = async (options: FetchResults, manifest: JobManifest): Promise<Result<Tokenizer>> => {
  const bytes = await fetchBlob(options, manifest.tokenizer, holdersOf(options.mailbox, options.job))
  if (!bytes.ok) return bytes
  return ok(loadTokenizer(new TextDecoder().decode(bytes.value)))
}

const fetchBlob = async (
  { blobs, store, peer, signal }: FetchResults,
  text: string,
  holders: readonly string[],
): Promise<Result<Uint8Array<ArrayBuffer>>> => {
  const id = parseBlobId(text)
  if (!id.ok) return id
  const sources = [...new Set([...holders, ...peer.peers().map((other) => other.id)])]
  if (!store.has(id.value)) {
    const fetched = await blobs.fetch(
      id.value,
      sources.filter((source) => source !== peer.id),
      { signal },
    )
    if (!fetched.ok) return fetched
  }
  const chunks: Uint8Array[] = []
  for await (const chunk of store.stream(id.value)) chunks.push(chunk)
  return ok(new Uint8Array(Buffer.concat(chunks)))
}

const unsettled = (job: number, slice: number, status: string): Fault => ({
  code: 'job-unsettled',
  field: `slice ${slice} of job ${job}`,
  value: status,
  limit: 'settled',
  remedy: 'Wait until the job has settled: `lockstep watch` says how far it is.',
})

const unavailable = (what: string): Fault => ({
  code: 'result-unavailable',
  field: what,
  value: 'held by nobody who was asked',
  limit: 'held by at least one peer that can be reached',
  remedy: 'Try again when more peers are up.',
})

const differs = (slice: number, found: Hex, settled: Hex): Fault => ({
  code: 'state-differs',
  field: `final state of slice ${slice}`,
  value: found,
  limit: settled,
  remedy: 'Somebody gave out another state: fetch again.',
})
