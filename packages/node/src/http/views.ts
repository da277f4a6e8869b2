import { JOB_STATUS, SLICE_STATUS } from '@lockstep/market'
import { getAddress, type Hex, isAddress } from 'viem'
import { z } from 'zod'
import { ROLES } from '../config/schema.ts'

/**
 * What a node tells about itself and the market, as its HTTP interface has it. One schema serves for all: the server
 * encodes with it, the client decodes with it, and openapi.json is made of it. Amounts are in the token's smallest unit:
 * bigints here, decimal strings on the wire. Times are seconds since 1970.
 */

export const amount = z
  .codec(z.string().regex(/^-?(0|[1-9]\d{0,77})$/), z.bigint(), {
    decode: (text) => BigInt(text),
    encode: (units) => units.toString(),
  })
  .meta({ description: "in the token's smallest unit, of which 10^18 are one token" })

const seconds = z.number().meta({ description: 'seconds since 1970' })
const count = z.int().min(0)
const hex = (bytes: number) =>
  z.string().regex(new RegExp(`^0x[0-9a-f]{${2 * bytes}}$`)) as unknown as z.ZodType<Hex>
const address = z
  .string()
  .regex(/^0x[0-9a-fA-F]{40}$/, '0x and 40 hexadecimal digits')
  .meta({ description: 'an account or a key' }) as unknown as z.ZodType<Hex>
const text = z.string()

/** Where on the chain something is written down. */
export const sourceSchema = z.object({
  block: count,
  logIndex: count,
  transactionHash: hex(32),
  time: seconds,
})

export const reasonSchema = z.object({
  part: text.meta({ description: 'which part of the node' }),
  code: text,
  message: text,
})

export const healthSchema = z.object({
  live: z.boolean(),
  ready: z.boolean().meta({ description: 'whether it can take on work and answer for what it has taken on' }),
  reasons: z.array(reasonSchema).meta({ description: 'why it is not ready; empty where it is' }),
})

export const statusSchema = z.object({
  name: text,
  version: text,
  roles: z.array(z.enum(ROLES)),
  account: address,
  key: address,
  started: seconds,
  peer: z.object({ id: text, addresses: z.array(text), peers: count }).nullable(),
  chain: z.object({
    id: count,
    block: count,
    behind: count.meta({ description: 'blocks that are not indexed yet' }),
  }),
  paused: z
    .object({
      by: z.enum(['owner', 'policy']),
      reason: text,
    })
    .nullable(),
  capability: z
    .object({ executor: text, unitsPerSecond: z.number(), threads: count, memory: count })
    .nullable()
    .meta({ description: 'measured; null until it is' }),
  runs: z.array(
    z.object({
      job: count,
      slice: count,
      attempt: count,
      step: count,
      steps: count,
      started: seconds,
      until: seconds.meta({ description: 'when the claim must be made' }),
    }),
  ),
  parts: z.array(
    z.object({
      name: text,
      state: z.enum(['starting', 'running', 'waiting', 'failing', 'stopping', 'stopped']),
      restarts: count,
      since: seconds,
    }),
  ),
})

const jobFields = {
  job: count,
  status: z.enum(JOB_STATUS),
  requester: address,
  posted: seconds,
  deadline: seconds,
  ceiling: amount,
  escrow: amount.meta({ description: 'what was paid in at posting' }),
  slices: count,
  settled: count,
  own: z.boolean().meta({ description: "whether this node's account posted it or works on it" }),
}
export const jobSummarySchema = z.object(jobFields)

export const sliceSchema = z.object({
  slice: count,
  status: z.enum(SLICE_STATUS),
  attempt: count,
  since: seconds,
  until: seconds.nullable(),
  work: amount.meta({ description: 'units of 10^6 scalar instructions' }),
  provider: address.nullable(),
  price: amount.nullable().meta({ description: 'for a unit of work' }),
  claim: hex(32).nullable(),
  audit: text.nullable(),
  paid: amount.nullable(),
})

export const jobSchema = z.object({
  ...jobFields,
  slices: z.array(sliceSchema),
  manifest: hex(32),
  paid: amount,
  refund: amount.nullable(),
})

export const jobsSchema = z.object({
  jobs: z.array(jobSummarySchema),
  next: count.nullable().meta({ description: 'give it as `before` for older jobs' }),
})

export const accountSchema = z.object({
  account: address,
  credit: amount,
  stake: amount,
  locked: amount,
  unbonding: amount,
  discount: count.meta({ description: 'of 10,000, for its reputation' }),
  reputation: z.object({
    score: amount,
    completed: count,
    late: count,
    failed: count,
    declined: count,
    slashed: count,
  }),
  keys: z.array(z.object({ key: address, scopes: z.array(text), expiry: seconds, revoked: z.boolean() })),
})

export const earningsSchema = z.object({
  account: address,
  from: seconds,
  to: seconds,
  made: amount.meta({ description: 'paid out to its credit' }),
  lost: amount.meta({ description: 'slashed' }),
  expected: amount.meta({ description: 'for claims that are not settled yet' }),
  atRisk: amount.meta({ description: 'stake that is locked for them' }),
  entries: z.array(
    z.object({
      job: count.nullable().meta({ description: 'null where it is about none, such as a missed draw' }),
      slice: count.nullable(),
      kind: z.enum(['provided', 'audited', 'bounty', 'slashed', 'refund']),
      amount,
      source: sourceSchema,
    }),
  ),
})

export const explanationSchema = z.object({
  subject: text,
  lines: z.array(
    z.object({
      text: text.meta({ description: 'one step of the arithmetic' }),
      amount: amount.nullable(),
      sources: z.array(sourceSchema).meta({ description: 'the events that it rests on' }),
    }),
  ),
})

/** What others need to join: the same as the file that `lockstep up` writes. */
export const networkSchema = z.object({
  format: z.literal('lockstep-network-1'),
  chainId: count,
  fromBlock: count,
  rpc: text,
  addresses: z.record(z.string(), address),
  bootstrap: z.array(text),
})

export const faultSchema = z.object({
  error: z.object({ code: text, field: text, value: text, limit: text, remedy: text }),
})

export type Health = z.output<typeof healthSchema>
export type NodeStatus = z.output<typeof statusSchema>
export type JobView = z.output<typeof jobSchema>
export type JobsView = z.output<typeof jobsSchema>
export type AccountView = z.output<typeof accountSchema>
export type EarningsView = z.output<typeof earningsSchema>
export type NetworkView = z.output<typeof networkSchema>
export type Explanation = z.output<typeof explanationSchema>

// What is asked for. Texts come from a URL, so numbers are texts first.
const number = (least: number, most: number) =>
  z
    .string()
    .regex(/^\d{1,16}$/, `an integer from ${least} to ${most}`)
    .transform(Number)
    .refine((n) => n >= least && n <= most, `an integer from ${least} to ${most}`)
    .meta({ type: 'integer', minimum: least, maximum: most, pattern: undefined })
const someAddress = z
  .string()
  .refine((given) => isAddress(given, { strict: false }), '0x and 40 hexadecimal digits')
  .transform((given) => getAddress(given))

export const jobParams = z.strictObject({ job: number(1, Number.MAX_SAFE_INTEGER) })
export const accountParams = z.strictObject({ account: someAddress })
export const jobsQuery = z.strictObject({
  status: z.enum(JOB_STATUS).optional(),
  own: z
    .enum(['true', 'false'])
    .transform((given) => given === 'true')
    .optional(),
  before: number(1, Number.MAX_SAFE_INTEGER).optional(),
  limit: number(1, 200).default(50),
})
export const earningsQuery = z.strictObject({
  account: someAddress.optional(),
  from: number(0, 1e11).optional(),
  to: number(0, 1e11).optional(),
})
export const pauseBody = z.strictObject({ reason: z.string().min(1).max(200).default('by hand') })
export const pausedSchema = z.object({ paused: z.boolean() })

/** Where the answers come from. Undefined is: there is none of that number. */
export type NodeViews = {
  health(): Promise<Health>
  status(): Promise<NodeStatus>
  jobs(query: z.output<typeof jobsQuery>): Promise<JobsView>
  job(job: number): Promise<JobView | undefined>
  account(account: Hex): Promise<AccountView | undefined>
  earnings(query: z.output<typeof earningsQuery>): Promise<EarningsView>
  explainJob(job: number): Promise<Explanation | undefined>
  explainAccount(account: Hex): Promise<Explanation | undefined>
  network(): Promise<NetworkView>
  /** No new work until `resume`; what has begun goes on. */
  pause(reason: string): Promise<void>
  resume(): Promise<void>
}
