import type { Deployment, MarketAddresses } from '@lockstep/contracts'
import { type Fault, fail, ok, type Result } from '@lockstep/tensor'
import { z } from 'zod'
import { address } from './wire/fields.ts'

/** A network: a market on a chain, and where its peers are. This is what a newcomer needs, and all of it is public. */
export type NetworkFile = Deployment & {
  /** Where the chain answers. */
  readonly rpc: string
  /** Addresses of peers, with /p2p/ID, to begin with. */
  readonly bootstrap: readonly string[]
}

const FORMAT = 'lockstep-network-1'
export const MAX_NETWORK_FILE_BYTES = 65_536

export const networkFileSchema = z.strictObject({
  format: z.literal(FORMAT),
  chainId: z.int().min(1),
  fromBlock: z.int().min(0),
  rpc: z
    .string()
    .max(2048)
    .refine(
      (text) => /^https?:\/\//.test(text) && URL.canParse(text),
      'a URL that begins with http:// or https://',
    ),
  addresses: z.strictObject({
    market: address,
    audits: address,
    vault: address,
    verifiers: address,
    delegations: address,
    draw: address,
    reputation: address,
    disputes: address,
    swarms: address,
    token: address,
    faucet: address.optional(),
  }),
  bootstrap: z.array(z.string().max(512)).max(64),
})

export const encodeNetworkFile = (network: NetworkFile): string =>
  `${JSON.stringify(
    {
      format: FORMAT,
      ...network,
      addresses: Object.fromEntries(
        Object.entries(network.addresses).map(([name, at]) => [name, at.toLowerCase()]),
      ),
    },
    null,
    2,
  )}\n`

/** Reads a stranger's bytes as a network. */
export const decodeNetworkFile = (bytes: Uint8Array, from = 'network'): Result<NetworkFile> => {
  if (bytes.length > MAX_NETWORK_FILE_BYTES)
    return fail(malformed(from, `${bytes.length} bytes`, `at most ${MAX_NETWORK_FILE_BYTES}`))
  let found: unknown
  try {
    found = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    return fail(malformed(from, 'no JSON', 'a network as `lockstep up` writes it'))
  }
  const parsed = networkFileSchema.safeParse(found, { reportInput: true })
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    return fail(
      malformed(
        `${issue!.path.join('.') || 'content'} of ${from}`,
        issue!.input === undefined ? 'missing' : shown(issue!.input),
        issue!.message.slice(0, 200),
      ),
    )
  }
  const { format: _, addresses, ...network } = parsed.data
  const { faucet, ...rest } = addresses
  const kept: MarketAddresses = { ...rest, ...(faucet !== undefined && { faucet }) }
  return ok({ ...network, addresses: kept })
}

/** A stranger's file: what is shown of it is short and has no control characters. */
const shown = (value: unknown): string => {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value))
  return text.slice(0, 100).replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, ' ') || 'empty'
}

const malformed = (field: string, value: string, limit: string): Fault => ({
  code: 'network-malformed',
  field,
  value,
  limit,
  remedy: 'Ask whoever runs the network for its file, or join by an address.',
})
