import type { ProtocolDefinition } from '@lockstep/network'
import { z } from 'zod'
import { address } from './fields.ts'

/** Asks a relay of a local or test network for tokens and coins, so that a newcomer needs neither. */
export type DripRequest = { readonly to: readonly `0x${string}`[] }
export type DripResponse = { readonly given: readonly `0x${string}`[] }

export const faucetProtocol: ProtocolDefinition<DripRequest, DripResponse> = {
  name: 'faucet',
  version: 1,
  request: z.strictObject({ to: z.array(address).min(1).max(4) }),
  response: z.strictObject({ given: z.array(address).max(4) }),
  maxRequestBytes: 512,
  maxResponseBytes: 512,
  timeoutMs: 60_000,
  rate: { perSecond: 0.1, burst: 5 },
  concurrency: 4,
}
