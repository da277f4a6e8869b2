import { GIVEN, POST_LIMITS, type Slice } from '@lockstep/market'
import { type Fault, fail, ok, type Result } from '@lockstep/tensor'
import { z } from 'zod'
import { checkManifest } from '../manifest/parse.ts'
import { manifestSchema } from '../manifest/schema.ts'
import { blobId } from '../wire/fields.ts'

/** What a job's manifest may take: 256 slices and their blobs are a quarter of it. */
export const MAX_JOB_MANIFEST_BYTES = 2 ** 18

const FORMAT = 'lockstep-job-1'
const place = (count: number) =>
  z
    .int()
    .min(0)
    .max(count - 1)
const { programs, slices } = POST_LIMITS

/**
 * What a job is made of, beside what the contract holds. The contract holds the keccak256 of its canonical bytes, so that
 * these bind every blob: whoever gives it out can be believed, and so can whoever gives out a blob.
 */
const schema = z.strictObject({
  format: z.literal(FORMAT),
  /** What a person wrote. */
  manifest: manifestSchema,
  /** Program encodings, in the order of the post. */
  programs: z.array(blobId).min(1).max(programs),
  /** The tokenizer's file. */
  tokenizer: blobId,
  /** States to begin with, and inputs: tensors as encodeTensors writes them. */
  states: z.array(blobId).max(slices),
  inputs: z.array(blobId).max(slices),
  slices: z
    .array(
      z.strictObject({
        role: z.enum(['train', 'merge']),
        round: place(slices),
        worker: place(slices).optional(),
        state: place(slices).optional(),
        input: place(slices).optional(),
      }),
    )
    .min(1)
    .max(slices),
  /** The slices whose final states are what was wanted. */
  results: z.array(place(slices)).min(1).max(slices),
})

export type JobManifest = z.output<typeof schema>

/** The one encoding of a job's manifest. */
export const encodeJobManifest = (manifest: JobManifest): Uint8Array<ArrayBuffer> =>
  new TextEncoder().encode(JSON.stringify(schema.parse(manifest)))

const REMEDY = 'Ask somebody else for it: it is not what was posted, or is of another version.'
const malformed = (field: string, value: string | number, limit: string): Result<never> =>
  fail({ code: 'job-manifest-malformed', field, value, limit, remedy: REMEDY } satisfies Fault)

/** Reads a stranger's bytes as a job's manifest. */
export const decodeJobManifest = (bytes: Uint8Array<ArrayBufferLike>): Result<JobManifest> => {
  if (bytes.length > MAX_JOB_MANIFEST_BYTES)
    return malformed('job manifest', `${bytes.length} bytes`, `at most ${MAX_JOB_MANIFEST_BYTES}`)
  let found: unknown
  try {
    found = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    return malformed('job manifest', 'no JSON', 'canonical JSON')
  }
  const result = schema.safeParse(found)
  if (!result.success) {
    const [issue] = result.error.issues
    return malformed(
      issue!.path.join('.').slice(0, 100) || 'job manifest',
      'given',
      issue!.message.slice(0, 200),
    )
  }
  const manifest = result.data
  const checked = checkManifest(manifest.manifest)
  if (!checked.ok) return checked
  const wrong = manifest.slices.findIndex(
    ({ state = 0, input = 0 }) =>
      state >= Math.max(manifest.states.length, 1) || input >= Math.max(manifest.inputs.length, 1),
  )
  if (wrong >= 0) return malformed(`slices.${wrong}`, 'given', 'a state and an input of the list')
  const last = manifest.results.find((result) => result >= manifest.slices.length)
  if (last !== undefined) return malformed('results', last, `below ${manifest.slices.length}`)
  const canonical = encodeJobManifest(manifest)
  if (canonical.length !== bytes.length || canonical.some((byte, i) => byte !== bytes[i]))
    return malformed('job manifest', 'another spelling', 'the canonical one')
  return ok(manifest)
}

/** Where the parts of a slice are: blob ids, and none where they are other slices' states. */
export type SliceBlobs = { readonly program: string; readonly state?: string; readonly inputs?: string }

/** The blobs that a posted slice needs. A fault where the manifest does not have what the slice lacks. */
export const sliceBlobs = (
  manifest: JobManifest,
  number: number,
  slice: Pick<Slice, 'program' | 'initialFrom' | 'inputsFrom'>,
): Result<SliceBlobs> => {
  const at = `slices.${number}`
  const entry = manifest.slices[number]
  const program = manifest.programs[slice.program]
  if (entry === undefined) return malformed(at, 'missing', 'an entry for every slice of the post')
  if (program === undefined) return malformed('programs', 'missing', `program ${slice.program} of the post`)
  const state = entry.state === undefined ? undefined : manifest.states[entry.state]
  const inputs = entry.input === undefined ? undefined : manifest.inputs[entry.input]
  if ((state === undefined) !== (slice.initialFrom !== GIVEN))
    return malformed(`${at}.state`, state ?? 'missing', 'given where no slice leads to it')
  if (inputs !== undefined && slice.inputsFrom.length > 0)
    return malformed(`${at}.input`, inputs, 'none where slices are read')
  return ok({ program, ...(state && { state }), ...(inputs && { inputs }) })
}
