import type { Hex } from '@lockstep/proof'
import { z } from 'zod'

/** 32 bytes, in lower case. */
export const hex32 = z
  .string()
  .regex(/^0x[0-9a-f]{64}$/)
  .transform((text) => text as Hex)

export const address = z
  .string()
  .regex(/^0x[0-9a-f]{40}$/)
  .transform((text) => text as Hex)

/** The 65 bytes of an ECDSA signature, or what a contract account takes in its place. */
export const signature = z
  .string()
  .regex(/^0x(?:[0-9a-f]{2}){1,1024}$/)
  .transform((text) => text as Hex)

/** A whole number below 2^bits as a decimal text: JSON has no such numbers. */
export const whole = (bits: number) =>
  z
    .string()
    // Ends here where it is no number: BigInt would throw on it.
    .regex(/^(?:0|[1-9][0-9]{0,77})$/, { abort: true })
    .refine((text) => BigInt(text) < 2n ** BigInt(bits), { message: `is 2^${bits} or more` })

export const jobNumber = z.int().min(1).max(Number.MAX_SAFE_INTEGER)
export const sliceNumber = z.int().min(0).max(255)
export const attemptNumber = z.int().min(1).max(255)
export const peerId = z.string().min(32).max(128)
/** The text form of a blob's id, as packages/network writes it: a root and a length. */
export const blobId = z
  .string()
  .regex(/^[0-9a-f]{64}-(0|[1-9][0-9]{0,10})$/, 'a blob id: 64 hex digits, -, a length')

/** What a task commits to. */
export const taskFieldsSchema = z.strictObject({
  program: hex32,
  initialItem: hex32,
  inputsRoot: hex32,
  steps: z
    .int()
    .min(1)
    .max(2 ** 40),
  segmentLength: z
    .int()
    .min(1)
    .max(2 ** 24),
})
