import {
  type Digest,
  digestFromHex,
  fromHex,
  type Hex,
  parentDigest,
  rootOf,
  type TaskFields,
  toHex,
  treeOf,
  ZERO,
} from '@lockstep/proof'
import { ByteReader, ByteWriter, catchFault, type Result } from '@lockstep/tensor'
import { keccak } from '../game/words.ts'

/** Where a model stands: the root of its whole training state, and of its parameters, which are the first part of it. */
export type ModelRoots = { readonly state: Hex; readonly parameters: Hex }

/**
 * What a participant says of one update of its model, so that anybody who has the state before it and the shared groups can
 * run it again. It is signed by whoever carries it: the peer that is announced for the account, or the account.
 */
export type UpdateReceipt = {
  readonly participant: Hex // 20 bytes: the account
  readonly swarm: number
  readonly round: number // that it learned from
  readonly program: Hex // the id of the update's program
  readonly steps: number
  readonly before: ModelRoots
  readonly after: ModelRoots
  /** The root of what the last step reports. */
  readonly outputs: Hex
  /** Digests of the inputs in the program's order: see INPUT_NAMES. */
  readonly inputs: readonly Hex[]
  /** Digests of the shared groups that it learned from, in the order in which it did. */
  readonly groups: readonly Hex[]
}

/** The inputs of an update. `reference` is there where a policy is held to one. */
export const INPUT_NAMES = ['tokens', 'from', 'until', 'advantage', 'old', 'reference'] as const

export const RECEIPT_LIMITS = {
  bytes: 4096, // of an encoding
  inputs: INPUT_NAMES.length,
  groups: 64,
} as const

/** The digest of a shared group's encoding. */
export const groupDigest = (message: Uint8Array): Hex => keccak(message)

/** The root of an update's inputs, as a proof task has it. */
export const inputsRootOf = ({ inputs }: Pick<UpdateReceipt, 'inputs'>): Digest =>
  rootOf(treeOf(inputs.map(digestFromHex)))

/** The proof task that a receipt is about, in one segment. Its inputs are those that the receipt says. */
export const receiptTaskFields = (
  receipt: Pick<UpdateReceipt, 'program' | 'before' | 'inputs' | 'steps'>,
): TaskFields => ({
  program: receipt.program,
  initialItem: toHex(parentDigest(digestFromHex(receipt.before.state), ZERO)),
  inputsRoot: toHex(inputsRootOf(receipt)),
  ...{ steps: receipt.steps, segmentLength: receipt.steps },
})

/** The root of the only claim about that task which says what the receipt says. */
export const receiptClaimRoot = ({ after, outputs }: Pick<UpdateReceipt, 'after' | 'outputs'>): Hex =>
  toHex(parentDigest(digestFromHex(after.state), digestFromHex(outputs)))

const VERSION = 1
const ROOT_BYTES = 32

/** One receipt has one encoding. Version 1: big-endian, counts before lists. */
export const encodeReceipt = (receipt: UpdateReceipt): Uint8Array<ArrayBuffer> => {
  const { participant, swarm, round, program, steps, before, after, outputs, inputs, groups } = receipt
  const writer = new ByteWriter().u8(VERSION).bytes(fromHex(participant)!).u32(swarm).u32(round).u32(steps)
  for (const root of [program, before.state, before.parameters, after.state, after.parameters, outputs])
    writer.bytes(fromHex(root)!)
  for (const list of [inputs, groups]) {
    writer.u8(list.length)
    for (const digest of list) writer.bytes(fromHex(digest)!)
  }
  return writer.done()
}

/** Reads what a stranger sent. Any other bytes than an encoding within the limits are a fault that names the field. */
export const decodeReceipt = (bytes: Uint8Array): Result<UpdateReceipt> =>
  catchFault(() => {
    const reader = new ByteReader(bytes, 'update receipt')
    if (bytes.length > RECEIPT_LIMITS.bytes)
      reader.malformed('length', `${bytes.length} bytes`, `${RECEIPT_LIMITS.bytes} bytes`)
    const within = (field: string, value: number, least: number, most: number): number =>
      value >= least && value <= most ? value : reader.malformed(field, value, `${least} to ${most}`)
    const root = (): Hex => toHex(reader.bytes(ROOT_BYTES))
    const list = (field: string, least: number, most: number): readonly Hex[] =>
      reader.list(within(field, reader.u8(), least, most), root)
    within('version', reader.u8(), VERSION, VERSION)
    const participant = toHex(reader.bytes(20))
    const swarm = within('swarm', reader.u32(), 1, 2 ** 32 - 1)
    const round = within('round', reader.u32(), 1, 2 ** 32 - 1)
    const steps = within('steps', reader.u32(), 1, 2 ** 32 - 1)
    const program = root()
    const before = { state: root(), parameters: root() }
    const after = { state: root(), parameters: root() }
    const outputs = root()
    const inputs = list('inputs', RECEIPT_LIMITS.inputs - 1, RECEIPT_LIMITS.inputs)
    const groups = list('groups', 1, RECEIPT_LIMITS.groups)
    reader.end()
    return { participant, swarm, round, program, steps, before, after, outputs, inputs, groups }
  })
