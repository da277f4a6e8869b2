import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Client, type NetworkFile, openClient } from '@lockstep/client'
import {
  type Connection,
  connect,
  type Deployment,
  deployMarket,
  LOCAL_CHAIN,
  LOCAL_RULES,
  type LocalChain,
  startLocalChain,
} from '@lockstep/contracts'
import { unwrap } from '@lockstep/tensor'
import type { Address } from 'viem'
import { configSchema } from '../src/config/schema.ts'
import { dripFrom, prepareAccount } from '../src/daemon/prepare-account.ts'
import { type LockstepNode, startNode } from '../src/daemon/start-node.ts'
import type { ExecutorChoice } from '../src/executors/id.ts'
import { Secret } from '../src/keys/secret.ts'
import { createLog } from '../src/log.ts'
import type { ExecutorSpec } from '../src/run/run-spec.ts'

/** The first account of every local chain: its key is public, and worth nothing anywhere else. */
const DEPLOYER = '0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80'

export type Street = {
  readonly chain: LocalChain
  readonly deployment: Deployment
  readonly connection: Connection
  readonly network: () => NetworkFile
  readonly add: (name: string, roles: readonly string[], options?: AddOptions) => Promise<Member>
  /** The accounts of all members with this role. */
  readonly accounts: (role: string) => readonly Address[]
  readonly client: () => Promise<Client>
  readonly close: () => Promise<void>
}
export type AddOptions = {
  readonly executor?: Pick<ExecutorSpec, 'module' | 'options'>
  readonly floor?: string
  readonly level?: 'debug' | 'info' | 'warn' | 'error'
  /** What its config says of the executor, and of what runs may take. */
  readonly computes?: ExecutorChoice
  readonly caps?: { readonly [cap: string]: string | number }
  /** Where its log goes; left out, to stderr. */
  readonly terminal?: { readonly write: (text: string) => unknown }
}
export type Member = {
  readonly node: LockstepNode
  readonly account: Secret
  readonly key: Secret
  readonly directory: string
  readonly roles: readonly string[]
}

/** A local chain with a market, and nodes that join it: all real, in one process. */
export const openStreet = async (): Promise<Street> => {
  const directory = await mkdtemp(join(tmpdir(), 'lockstep-street-'))
  const chain = await startLocalChain()
  const connection = await connect({
    url: chain.url,
    chainId: LOCAL_CHAIN.id,
    account: { privateKey: DEPLOYER },
  })
  const deployment = await deployMarket(connection, LOCAL_RULES)
  const drip = dripFrom(connection, deployment.addresses.faucet!)
  const members: Member[] = []
  const clients: Client[] = []
  const bootstrap = (): string[] =>
    members.slice(0, 2).flatMap(({ node }) => node.peer.addresses().slice(0, 1))

  const network = (): NetworkFile => ({ ...deployment, rpc: chain.url, bootstrap: bootstrap() })
  return {
    ...{ chain, deployment, connection, network },
    add: async (
      name,
      roles,
      { executor, floor = '0.0001', level = 'warn', computes, caps, terminal = process.stderr } = {},
    ) => {
      const account = Secret.generate()
      const key = Secret.generate()
      unwrap(
        await prepareAccount({
          ...{ rpc: chain.url, deployment, account, key, drip },
          scopes: ['provide', 'verify'],
          stake: roles.includes('provider') ? 5_000n * 10n ** 18n : 0n,
          seat: roles.includes('verifier') ? 1_000n * 10n ** 18n : 0n,
        }),
      )
      const config = configSchema.parse({
        name,
        roles,
        chain: { rpc: chain.url, confirmations: 0, deployment },
        network: { listen: ['/ip4/127.0.0.1/tcp/0'], bootstrap: bootstrap() },
        policy: {
          price: { floor },
          caps: { cores: 1, memory: '1 GiB', disk: '1 GiB', ...caps },
          pause: { battery: false },
        },
        faucet: roles.includes('relay'),
        ...(computes !== undefined && { executor: computes }),
      })
      const node = unwrap(
        await startNode({
          config,
          directory: join(directory, name),
          deployment,
          account: account.address,
          key,
          log: createLog({ level, format: 'line', terminal, fields: { node: name } }),
          ...(executor && { executor }),
        }),
      )
      const member = { node, account, key, directory: join(directory, name), roles }
      members.push(member)
      return member
    },
    accounts: (role) =>
      members.filter(({ roles }) => roles.includes(role)).map(({ account }) => account.address),
    client: async () => {
      const account = Secret.generate()
      unwrap(await drip([account.address]))
      const client = await openClient({ network: network(), account: account.account() })
      clients.push(client)
      return client
    },
    close: async () => {
      for (const client of clients) await client.close()
      for (const { node } of members) await node.stop()
      await chain.stop()
      await rm(directory, { recursive: true, force: true })
    },
  }
}
