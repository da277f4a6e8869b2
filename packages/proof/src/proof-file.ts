import { catchFault, decodeProgram, encodeProgram, FaultError, type Result, unwrap } from '@lockstep/tensor'
import type { DisputeRecord } from './chain.ts'
import { type Claim, claimRoot } from './claim.ts'
import { digestFromHex, fromHex, type Hex, sameBytes, toHex } from './digest.ts'
import type { Outcome } from './game.ts'
import { validateTask } from './last-step.ts'
import { move } from './move-schema.ts'
import { type CommittedProgram, commitProgram } from './program-id.ts'
import { replay } from './replay.ts'
import { hex, integer, list, literal, object } from './schema.ts'
import { checkpointCount, stepItem, type TaskFields } from './task.ts'
import { rootOf, treeOf } from './tree.ts'

/** How large a proof file may be. */
export const PROOF_BYTES = 256 << 20

/**
 * What a third party needs to check a finished run: which program ran from what on what, the items at its checkpoints,
 * the digests of what came out, and, where it was disputed, every move.
 */
export type Proof = {
  readonly committed: CommittedProgram
  readonly task: TaskFields
  readonly claim: Claim
  /** Digests of the last state's tensors and of the last outputs, in the program's order. */
  readonly end?: { readonly states: readonly Hex[]; readonly outputs: readonly Hex[] }
  readonly dispute?: Omit<DisputeRecord, 'terms'> & { readonly timing: DisputeRecord['terms']['timing'] }
}

/** What a file was found to say: all of it checked but what only a chain knows, that this task and claim are on it. */
export type VerifiedProof = Proof & {
  readonly claimRoot: Hex
  /** How the dispute in the file ended. */
  readonly outcome?: Outcome
}

const digest = hex(32)
const seconds = integer(0, 2 ** 40)
const digests = list(digest, 1 << 20)
const file = object(
  {
    format: literal('lockstep-proof'),
    version: literal(1),
    program: hex({ most: 64 << 20 }),
    task: object({
      initialItem: digest,
      inputsRoot: digest,
      steps: integer(1, 2 ** 48),
      segmentLength: integer(1, 2 ** 20),
    }),
    checkpoints: digests,
  },
  {
    end: object({ states: digests, outputs: digests }),
    dispute: object(
      {
        timing: object({ clock: seconds, segmentTime: seconds, stepTime: seconds, moveTime: seconds }),
        seed: digest,
        openedAt: seconds,
        moves: list(object({ move, time: seconds }), 256),
      },
      {
        named: object({
          segment: integer(0, 2 ** 48),
          checkpoint: digest,
          checkpointPath: list(digest, 64),
          predecessor: digest,
          predecessorPath: list(digest, 64),
        }),
        timedOutAt: seconds,
      },
    ),
  },
)

/** The bytes of a proof file: JSON, version 1. */
export const exportProof = (proof: Proof): Uint8Array<ArrayBuffer> => {
  const { program: _, ...task } = proof.task
  return new TextEncoder().encode(
    JSON.stringify({
      format: 'lockstep-proof',
      version: 1,
      program: toHex(encodeProgram(proof.committed.program)),
      task,
      checkpoints: proof.claim.checkpoints.map(toHex),
      ...(proof.end ? { end: proof.end } : {}),
      ...(proof.dispute ? { dispute: proof.dispute } : {}),
    }),
  )
}

/** Reads a proof file and checks all that it says. */
export const verifyProof = (bytes: Uint8Array): Result<VerifiedProof> =>
  catchFault(() => {
    if (bytes.length > PROOF_BYTES) wrong('length', `${bytes.length} bytes`, `at most ${PROOF_BYTES} bytes`)
    const { program, task: rest, checkpoints, end, dispute } = file(parse(bytes), 'proof')
    const committed = commitProgram(unwrap(validateTask(unwrap(decodeProgram(fromHex(program)!)))))
    const task: TaskFields = { program: toHex(committed.id), ...rest }
    const claim: Claim = { checkpoints: checkpoints.map(digestFromHex) }
    const count = checkpointCount(task)
    if (checkpoints.length !== count)
      wrong('checkpoints', checkpoints.length, `${count} for ${task.steps} steps`)
    const root = toHex(claimRoot(claim))
    const proof: VerifiedProof = { committed, task, claim, claimRoot: root }
    return {
      ...proof,
      ...(end ? { end: checkEnd(proof, end) } : {}),
      ...(dispute ? { dispute, outcome: outcomeOf(proof, dispute) } : {}),
    }
  })

const parse = (bytes: Uint8Array): unknown => {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    return wrong('text', 'not JSON', 'a proof file')
  }
}

/** The tensors that came out must be those of the last checkpoint. */
const checkEnd = ({ committed, claim }: Proof, end: NonNullable<Proof['end']>): NonNullable<Proof['end']> => {
  const { header } = committed
  if (end.states.length !== header.states) wrong('end.states', end.states.length, `${header.states} tensors`)
  if (end.outputs.length !== header.outputs)
    wrong('end.outputs', end.outputs.length, `${header.outputs} tensors`)
  const root = (all: readonly Hex[]) => rootOf(treeOf(all.map(digestFromHex)))
  const item = stepItem(root(end.states), root(end.outputs))
  const last = claim.checkpoints[claim.checkpoints.length - 1]!
  if (!sameBytes(item, last)) wrong('end', toHex(item), `the last checkpoint, ${toHex(last)}`)
  return end
}

const outcomeOf = (proof: VerifiedProof, { timing, ...record }: NonNullable<Proof['dispute']>): Outcome => {
  const terms = { task: proof.task, header: proof.committed.header, timing, claim: proof.claimRoot }
  return unwrap(replay({ ...record, terms })).game.outcome
}

const wrong = (field: string, value: string | number, limit: string): never => {
  throw new FaultError({
    code: 'proof-malformed',
    field: `proof.${field}`,
    value,
    limit,
    remedy: 'The file does not prove what it says; ask its author for another.',
  })
}
