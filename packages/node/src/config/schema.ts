import type { Deployment } from '@lockstep/contracts'
import { parseAmount } from '@lockstep/market'
import { z } from 'zod'
import { EXECUTOR_CHOICES, executorChoice } from '../executors/id.ts'
import { sizeSchema } from './size.ts'

const integer = (least: number, most: number) => z.int().min(least).max(most)
const number = (least: number, most: number) => z.number().min(least).max(most)
const path = (usual: string) => z.string().min(1).max(1024).default(usual)

/** A name that is a directory's name on every system and an identifier everywhere else. */
const NAME = /^[a-z0-9][a-z0-9._-]{0,63}$/
const KEY_NAME = /^[a-z0-9][a-z0-9-]{0,31}$/

const AMOUNT = 'a decimal number of tokens such as 0.25, of at most 18 decimals'
/** An amount as a person writes it, in the token's units. */
const amount = z
  .union([z.string(), z.number().transform(String)], { error: () => AMOUNT })
  .refine((text) => parseAmount(text) !== undefined, { error: () => AMOUNT })
  .transform((text) => parseAmount(text)!)

const address = z
  .string()
  .regex(/^0x[0-9a-fA-F]{40}$/, '0x and 40 hexadecimal digits')
  .transform((text) => text.toLowerCase() as `0x${string}`)

const url = (schemes: readonly string[]) => {
  const limit = `a URL that begins with ${schemes.map((scheme) => `${scheme}://`).join(' or ')}`
  return z
    .string()
    .max(2048)
    .refine((text) => schemes.some((scheme) => text.startsWith(`${scheme}://`)) && URL.canParse(text), limit)
}

const PROTOCOLS =
  /^(\/(ip4|ip6|dns|dns4|dns6|dnsaddr|tcp|udp|p2p)\/[^/\s]{1,253}|\/(ws|wss|tls|p2p-circuit))+$/
const MULTIADDR = 'an address such as /ip4/192.0.2.7/tcp/4401 or /dns4/relay.example.org/tcp/4402/ws'
const multiaddr = z.string().max(512).regex(PROTOCOLS, MULTIADDR)
const peerAddress = multiaddr.refine(
  (text) => text.includes('/p2p/'),
  `an address that ends in /p2p/ and the peer's id`,
)

const clockTime = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'a time of day such as 22:30')
export const WEEKDAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const
export const ROLES = ['provider', 'verifier', 'relay'] as const
export type Role = (typeof ROLES)[number]

/** A market on a chain, as its deployment writes it. */
export const deploymentSchema: z.ZodType<Deployment> = z.strictObject({
  chainId: integer(1, Number.MAX_SAFE_INTEGER),
  fromBlock: integer(0, Number.MAX_SAFE_INTEGER),
  addresses: z.strictObject({
    token: address,
    vault: address,
    delegations: address,
    market: address,
    audits: address,
    verifiers: address,
    draw: address,
    reputation: address,
    disputes: address,
    swarms: address,
    faucet: address.optional(),
  }),
}) as unknown as z.ZodType<Deployment>

const isLoopback = (host: string): boolean => /^(127\.\d+\.\d+\.\d+|::1|localhost)$/.test(host)

/**
 * What a person writes to run a node. Strict: an unknown field is an error, so that a misspelt one is not ignored.
 * Everything has a default: an empty map is a provider on a local chain. template.ts says what each field means.
 */
export const configSchema = z.strictObject({
  name: z.string().regex(NAME, 'lower-case letters, digits, dots, dashes; at most 64').default('node'),
  roles: z
    .array(z.enum(ROLES))
    .min(1)
    .max(ROLES.length)
    .refine((roles) => new Set(roles).size === roles.length, 'each role once')
    .default(['provider']),
  directory: path('.'),
  store: z
    .string()
    .min(1)
    .max(2048)
    .refine(
      (text) => !/^[a-z]+:\/\//.test(text) || (/^postgres(ql)?:\/\//.test(text) && URL.canParse(text)),
      'a file, or a URL that begins with postgres://',
    )
    .default('store.sqlite'),
  chain: z
    .strictObject({
      rpc: url(['http', 'https']).default('http://127.0.0.1:8545'),
      deployment: z
        .union([z.string().min(1).max(1024), deploymentSchema], {
          error: ({ input }) =>
            typeof input === 'object' && input !== null
              ? 'a map of chainId, fromBlock and addresses, an address for each contract'
              : 'a file, or a map of chainId, fromBlock and addresses',
        })
        .default('deployment.json'),
      confirmations: integer(0, 1024).default(2),
    })
    .prefault({}),
  keys: z
    .strictObject({
      directory: path('keys'),
      node: z.string().regex(KEY_NAME, 'lower-case letters, digits, dashes; at most 32').default('node'),
      passphraseFile: z.string().min(1).max(1024).optional(),
    })
    .prefault({}),
  account: z
    .strictObject({
      directory: path('accounts'),
      name: z.string().regex(KEY_NAME, 'lower-case letters, digits, dashes; at most 32').optional(),
      stake: amount.prefault('5000'),
      seat: amount.prefault('1000'),
    })
    .prefault({}),
  network: z
    .strictObject({
      listen: z.array(multiaddr).max(32).default(['/ip4/0.0.0.0/tcp/4401', '/ip4/0.0.0.0/tcp/4402/ws']),
      announce: z.array(multiaddr).max(32).default([]),
      bootstrap: z.array(peerAddress).max(64).default([]),
      mdns: z.boolean().default(false),
    })
    .prefault({}),
  policy: z
    .strictObject({
      price: z
        .strictObject({
          floor: amount.prefault('0.0001'),
          hourly: amount.prefault('0'),
          margin: number(0, 100).default(0),
          strategy: z.enum(['undercut', 'fixed']).default('undercut'),
          open: number(0.0001, 1).default(0.9),
          step: number(0, 0.5).default(0.02),
        })
        .prefault({}),
      caps: z
        .strictObject({
          runs: integer(1, 64).default(1),
          cores: integer(1, 256).optional(),
          memory: sizeSchema.prefault('4 GiB'),
          disk: sizeSchema.prefault('20 GiB'),
          hours: z
            .array(
              z.strictObject({
                from: clockTime,
                to: clockTime,
                days: z.array(z.enum(WEEKDAYS)).min(1).max(7).optional(),
              }),
            )
            .max(32)
            .default([]),
        })
        .prefault({}),
      pause: z
        .strictObject({
          battery: z.boolean().default(true),
          ownerInput: integer(0, 86_400).default(0),
          ownerLoad: number(0, 256).default(0),
          runs: z.boolean().default(false),
        })
        .prefault({}),
      slack: number(1, 100).default(3),
    })
    .prefault({}),
  executor: z
    .union(
      [
        executorChoice,
        z.strictObject({
          module: z.string().min(1).max(1024),
          options: z.record(z.string().max(64), z.json()).default({}),
        }),
      ],
      { error: () => `${EXECUTOR_CHOICES}; or a map of module and options` },
    )
    .optional(),
  selfAudit: number(0, 1).default(0.1),
  faucet: z.boolean().default(false),
  http: z
    .strictObject({
      host: z
        .string()
        .max(253)
        .regex(/^[0-9a-zA-Z.:-]+$/, 'an address or a host name')
        .default('127.0.0.1'),
      port: integer(0, 65_535).default(4400),
      names: z
        .array(
          z
            .string()
            .max(253)
            .regex(/^[0-9a-zA-Z.-]+$/, 'a host name without port'),
        )
        .max(16)
        .default([]),
      open: z.boolean().default(false),
      tokenFile: path('http.token'),
    })
    .refine(({ host, names }) => isLoopback(host) || names.length > 0, {
      path: ['names'],
      error: 'at least one name by which others call this host, where http.host is not loopback',
    })
    .prefault({}),
  log: z
    .strictObject({
      level: z.enum(['debug', 'info', 'warn', 'error']).default('info'),
      format: z.enum(['line', 'json']).default('line'),
      size: sizeSchema.prefault('16 MiB'),
      files: integer(1, 100).default(4),
    })
    .prefault({}),
})

export type NodeConfig = z.output<typeof configSchema>
export type Policy = NodeConfig['policy']
