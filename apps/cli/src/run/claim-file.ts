import {
  type Claim,
  checkpointCount,
  claimRoot,
  digestFromHex,
  type Hex,
  type TaskFields,
  toHex,
} from '@lockstep/proof'
import { z } from 'zod'
import { badInput } from '../cli-error.ts'
import { readBounded, writeAtomic } from './atomic-file.ts'

/** What a run claims: the task, and the item at every checkpoint. Everything in it may be published. */
export type ClaimFile = { readonly task: TaskFields; readonly claim: Claim; readonly root: Hex }

const MAX_CHECKPOINTS = 2 ** 20
const MAX_BYTES = 80 * MAX_CHECKPOINTS
const REMEDY = 'The file is damaged: `lockstep train RUN` makes it again.'

const hex = z
  .string()
  .regex(/^0x[0-9a-f]{64}$/)
  .transform((text) => text as Hex)
const schema = z.strictObject({
  format: z.literal('lockstep-claim-1'),
  root: hex,
  task: z.strictObject({
    program: hex,
    initialItem: hex,
    inputsRoot: hex,
    steps: z
      .int()
      .min(1)
      .max(2 ** 40),
    segmentLength: z
      .int()
      .min(1)
      .max(2 ** 24),
  }),
  checkpoints: z.array(hex).max(MAX_CHECKPOINTS),
})

export const encodeClaim = (task: TaskFields, claim: Claim): string =>
  `${JSON.stringify(
    {
      format: 'lockstep-claim-1',
      root: toHex(claimRoot(claim)),
      task,
      checkpoints: claim.checkpoints.map(toHex),
    },
    null,
    1,
  )}\n`

/** Reads what encodeClaim wrote; its root must be that of its checkpoints. Throws CliError on anything else. */
export const decodeClaim = (content: Uint8Array, path = 'claim'): ClaimFile => {
  const damaged = (field: string, value: unknown, limit: unknown) =>
    badInput('file-damaged', `${field} of ${path}`, value, limit, REMEDY)
  if (content.length > MAX_BYTES) throw damaged('length', content.length, `at most ${MAX_BYTES} bytes`)
  let json: unknown
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(content))
  } catch {
    throw damaged('content', 'no JSON', 'a claim in JSON')
  }
  const parsed = schema.safeParse(json)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    throw damaged(issue!.path.join('.') || 'content', issue!.message, 'a claim as `train` writes it')
  }
  const { task, checkpoints, root } = parsed.data
  if (checkpoints.length !== checkpointCount(task))
    throw damaged('checkpoints', checkpoints.length, checkpointCount(task))
  const claim = { checkpoints: checkpoints.map(digestFromHex) }
  const computed = toHex(claimRoot(claim))
  if (computed !== root) throw damaged('root', root, computed)
  return { task, claim, root }
}

export const writeClaim = (path: string, task: TaskFields, claim: Claim): Promise<void> =>
  writeAtomic(path, encodeClaim(task, claim))

export const readClaim = async (path: string): Promise<ClaimFile> =>
  decodeClaim(await readBounded(path, MAX_BYTES, REMEDY), path)
