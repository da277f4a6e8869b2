import { type Digest, fromHex, type Hex, toHex } from '@lockstep/proof'
import { ByteReader, ByteWriter, catchFault, type Result } from '@lockstep/tensor'
import { isPrintable } from '../learn/coding.ts'
import type { Rollout, SwarmTask } from '../learn/group.ts'

/**
 * A group of answers as it is shared: text and scores, no tokens, and no prompt, which everybody knows from the task. Who
 * wrote it, with which model, in which round, comes along; a receiver believes none of it that it can compute.
 */
export type SharedGroup = {
  readonly participant: Hex // 20 bytes: the account that shares it
  readonly modelRoot: Hex // 32 bytes: the root of the parameters that wrote it
  readonly round: number
  readonly task: SwarmTask
  readonly rollouts: readonly Rollout[]
}

export const SHARE_LIMITS = {
  bytes: 8192, // of a message
  familyCharacters: 32,
  level: 15,
  rollouts: 64,
  textCharacters: 96,
} as const

const VERSION = 1

/** One group has one encoding. Version 1: big-endian, lengths before texts. */
export const encodeSharedGroup = (group: SharedGroup): Uint8Array<ArrayBuffer> => {
  const writer = new ByteWriter().u8(VERSION)
  const text = (value: string): void => {
    const bytes = new TextEncoder().encode(value)
    writer.u8(bytes.length).bytes(bytes)
  }
  writer.bytes(fromHex(group.participant)!).bytes(fromHex(group.modelRoot)!).u32(group.round)
  text(group.task.family)
  writer.u32(group.task.seed).u8(group.task.level).u8(group.rollouts.length)
  for (const rollout of group.rollouts) {
    writer.u8(rollout.score * 2 + (rollout.ended ? 1 : 0))
    text(rollout.text)
  }
  return writer.done()
}

/** Reads what a stranger sent. Any other bytes than an encoding within the limits are a fault that names the field. */
export const decodeSharedGroup = (bytes: Uint8Array): Result<SharedGroup> =>
  catchFault(() => {
    const reader = new ByteReader(bytes, 'shared group')
    if (bytes.length > SHARE_LIMITS.bytes)
      reader.malformed('length', `${bytes.length} bytes`, `${SHARE_LIMITS.bytes} bytes`)
    const text = (field: string, most: number): string => {
      const length = reader.u8()
      if (length > most) reader.malformed(field, `${length} characters`, `${most} characters`)
      const value = String.fromCharCode(...reader.bytes(length))
      if (!isPrintable(value)) reader.malformed(field, 'other characters', 'printable ASCII')
      return value
    }
    const word = (field: string, value: number, least: number, most: number): number =>
      value >= least && value <= most ? value : reader.malformed(field, value, `${least} to ${most}`)
    word('version', reader.u8(), VERSION, VERSION)
    const participant = toHex(reader.bytes(20) as Digest)
    const modelRoot = toHex(reader.bytes(32) as Digest)
    const round = reader.u32()
    const family = text('task.family', SHARE_LIMITS.familyCharacters)
    const seed = reader.u32()
    const level = word('task.level', reader.u8(), 0, SHARE_LIMITS.level)
    const count = word('rollouts', reader.u8(), 2, SHARE_LIMITS.rollouts)
    const rollouts = reader.list(count, (): Rollout => {
      const packed = word('score', reader.u8(), 0, 201)
      return {
        score: packed >> 1,
        ended: (packed & 1) === 1,
        text: text('text', SHARE_LIMITS.textCharacters),
      }
    })
    reader.end()
    return { participant, modelRoot, round, task: { family, seed, level }, rollouts }
  })
