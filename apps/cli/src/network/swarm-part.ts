import { access } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import {
  type Client,
  canonicalSwarmManifest,
  fetchSwarmManifest,
  MAX_MANIFEST_BYTES,
  type NetworkFile,
  parseOwnModel,
  type SwarmManifest,
  serveSwarmManifests,
  swarmPartOf,
  swarmParts,
  swarmPartTopic,
} from '@lockstep/client'
import { SCOPES } from '@lockstep/contracts'
import { parseAmount } from '@lockstep/market'
import { prepareAccount, type Secret, takeLock } from '@lockstep/node'
import { writeAtomic } from '@lockstep/node/atomic-file'
import {
  openFollow,
  openOwnLearner,
  openParticipant,
  type Participant,
  type ParticipantEvent,
  type SwarmView,
  serveSwarmModel,
} from '@lockstep/node/swarm'
import { unwrap } from '@lockstep/tensor'
import type { Address, LocalAccount } from 'viem'
import { badInput } from '../cli-error.ts'
import { readBounded } from '../run/bounded-file.ts'
import { makeDirectory } from '../run/make-directory.ts'
import type { Terminal } from '../terminal.ts'
import { type ActingOptions, actingKey, addressOf, ensureKey } from './accounts.ts'
import { type Home, homeOf } from './home.ts'
import { withClient } from './join.ts'
import { networkFor } from './network-source.ts'
import { dripThrough } from './reach.ts'
import { readSwarmManifest, swarmFiles } from './swarm-files.ts'

export type SwarmPartOptions = ActingOptions & {
  readonly manifest?: string
  /** A file of one's own model, where the manifest's is not wanted. */
  readonly model?: string
  /** A key of this directory's acts for the account, whose own key is needed only to say so. */
  readonly delegate?: boolean
}

/** An account's part in a swarm, on this machine. */
export type SwarmPart = {
  readonly network: NetworkFile
  readonly client: Client
  readonly account: Address
  readonly directory: string
  readonly manifest: SwarmManifest
  readonly participant: Participant
}

/** How long peers are asked for a manifest. */
const FETCH_MS = 30_000
/** A delegation with less time left than this, in seconds, is signed anew. */
const RENEWAL_SECONDS = 7 * 86_400
const FEW_COINS = 10n ** 17n

/**
 * Opens an account's part in a swarm for as long as `work` takes: manifest, model, key, money and network. Whatever is wrong
 * with what was given is said before anything is made or sent.
 * @param joins Whether the account is to have what joining takes
 */
export const withSwarmPart = async <T>(
  swarm: number,
  options: SwarmPartOptions & { readonly joins: boolean },
  terminal: Terminal,
  tell: (event: ParticipantEvent) => void,
  work: (part: SwarmPart) => Promise<T>,
): Promise<T> => {
  const home = homeOf(options.home)
  const network = await networkFor(home, options.network)
  const files = swarmFiles(home, network, swarm)
  const kept = await keptManifest(options.manifest, files.manifest, swarm)
  if (options.model !== undefined) await readOwnModel(options.model)
  const directory = files.participant(options.account)
  const account = await addressOf(home.accounts, options.account)
  const acting = options.delegate === true ? undefined : await actingKey(home, options)
  await makeDirectory(dirname(directory))
  await makeDirectory(directory)
  const lock = unwrap(await takeLock(join(directory, 'participant.lock')))
  try {
    const key = acting ?? (await delegatedKey(directory, options, terminal))
    return await withClient(network, key.account(), async (client) => {
      const view = await viewOf(client, network, swarm)
      const manifest = kept ?? (await fetched(client, view, files.manifest, terminal))
      const own = await openOwnLearner(directory, manifest, options.model)
      if (options.joins)
        await prepare({ home, network, options, client, key, account, acting }, manifest, view)
      serveSwarmManifests(client.peer, [manifest])
      const parts = swarmParts(manifest)
      const part = swarmPartOf(account, parts)
      const participant = unwrap(
        await openParticipant({
          ...{ market: client.chain, fromBlock: network.fromBlock, account, swarm, manifest, own },
          ...{ directory, peerId: client.peer.id, topic: client.peer.topic(swarmPartTopic(part)), tell },
          hears: (who) => swarmPartOf(who, parts) === part,
          blame: (peer, why) => client.peer.penalise(peer, 'rejected', `swarm ${swarm}: ${why}`),
        }),
      )
      serveSwarmModel(client.peer, { swarm, account, own, directory, participant })
      try {
        return await work({ network, client, account, directory, manifest, participant })
      } finally {
        participant.close()
      }
    })
  } finally {
    await lock.release()
  }
}

/** The manifest of a file that was named, or of this home; undefined where peers are to be asked. */
export const keptManifest = async (
  given: string | undefined,
  kept: string,
  swarm: number,
): Promise<SwarmManifest | undefined> => {
  if (given !== undefined) return readSwarmManifest(given, swarm)
  const isKept = await access(kept).then(
    () => true,
    () => false,
  )
  return isKept ? readSwarmManifest(kept, swarm) : undefined
}

/** Refuses a file of one's own model that cannot be read, or says what it must not. */
const readOwnModel = async (path: string): Promise<void> => {
  try {
    parseOwnModel(await readBounded(path, MAX_MANIFEST_BYTES, 'Name a file of your own model, YAML or JSON.'))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    throw badInput(
      'model-missing',
      '--model',
      `${path}, which is missing`,
      "a file that says what your model has otherwise than the swarm's manifest",
      'Name it, or leave the option out: the manifest has a model.',
    )
  }
}

export const viewOf = async (client: Client, network: NetworkFile, swarm: number): Promise<SwarmView> => {
  const follow = openFollow(client.chain, swarm, network.fromBlock)
  await follow.read()
  const view = follow.view()
  if (view !== undefined) return view
  throw badInput(
    'swarm-unknown',
    'swarm',
    swarm,
    `1 to ${await client.chain.read.swarmCount()}, the swarms of this network`,
    'Name one of them.',
  )
}

/** A swarm's manifest from whichever peer has it; it is kept for the next time. */
export const fetched = async (
  { peer }: Client,
  { terms }: SwarmView,
  file: string,
  terminal: Terminal,
): Promise<SwarmManifest> => {
  terminal.note(`asking peers for the manifest ${terms.manifest}`)
  const manifest = unwrap(await fetchSwarmManifest(peer, terms.manifest, FETCH_MS))
  await writeAtomic(file, canonicalSwarmManifest(manifest))
  return manifest
}

const delegatedKey = async (
  directory: string,
  { passphraseFile }: SwarmPartOptions,
  terminal: Terminal,
): Promise<Secret> => {
  const { secret, made } = await ensureKey('swarm', { directory: join(directory, 'keys'), passphraseFile })
  if (made !== undefined) {
    terminal.note(`made key ${made.entry.address}, which acts for the account in swarms and nothing else`)
    if (made.newPassphrase !== undefined) terminal.note(`its passphrase is in ${made.newPassphrase}`)
  }
  return secret
}

type Preparing = {
  readonly home: Home
  readonly network: NetworkFile
  readonly options: SwarmPartOptions
  readonly client: Client
  readonly key: { readonly address: Address; readonly account: () => LocalAccount }
  readonly account: Address
  readonly acting: Secret | undefined
}

/** Coins, stake and, where a key acts for the account, its delegation: whatever of it is missing. */
const prepare = async (
  { home, network, options, client, key, account, acting }: Preparing,
  manifest: SwarmManifest,
  view: SwarmView,
): Promise<void> => {
  const isMember = view.members.has(account.toLowerCase() as Address)
  const stake = isMember ? 0n : parseAmount(manifest.stake)!
  if (acting === undefined && (await isReady(client, key.address, account, stake))) return
  const { addresses } = network
  unwrap(
    await prepareAccount({
      ...{ rpc: network.rpc, deployment: network, account: acting ?? (await actingKey(home, options)) },
      ...(acting === undefined ? { key: key as Secret, scopes: ['swarm'] as const } : { scopes: [] }),
      ...{ stake, seat: 0n },
      ...(addresses.faucet === undefined ? {} : { drip: dripThrough(network) }),
    }),
  )
}

/** Whether a key can act for an account without the account's own key being asked. */
const isReady = async (client: Client, key: Address, account: Address, stake: bigint): Promise<boolean> => {
  const { read, connection, now } = client.chain
  const known = await read.delegationOf(key)
  if (known === undefined || known.revoked || (known.scopes & SCOPES.swarm) === 0) return false
  if (known.account.toLowerCase() !== account || known.expiry < (await now()) + RENEWAL_SECONDS) return false
  if ((await connection.reader.getBalance({ address: key })) < FEW_COINS) return false
  return (await read.freeStake(account)) >= stake
}

/** Whether this machine has anything of an account's part in a swarm. */
export const hasSwarmPart = (
  home: Home,
  network: NetworkFile,
  swarm: number,
  account: string,
): Promise<boolean> =>
  access(join(swarmFiles(home, network, swarm).participant(account), 'own-model.json')).then(
    () => true,
    () => false,
  )
