import { hex32, taskFieldsSchema } from '@lockstep/client/fields'
import { writeAtomic } from '@lockstep/node/atomic-file'
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
import { readBounded } from './bounded-file.ts'

/** What a run claims: the task, and the item at every checkpoint. Everything in it may be published. */
export type ClaimFile = { readonly task: TaskFields; readonly claim: Claim; readonly root: Hex }

const MAX_CHECKPOINTS = 2 ** 20
const MAX_BYTES = 80 * MAX_CHECKPOINTS
const REMEDY = '`lockstep train RUN` makes it again.'

const schema = z.strictObject({
  format: z.literal('lockstep-claim-1'),
  root: hex32,
  task: taskFieldsSchema,
  checkpoints: z.array(hex32).max(MAX_CHECKPOINTS),
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
