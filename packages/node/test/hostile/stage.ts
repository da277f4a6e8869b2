import { randomBytes } from 'node:crypto'
import {
  type Announcement,
  type HistoryMessage,
  NETWORK_VERSION,
  parseManifest,
  planJob,
  postOf,
  type SignedBidText,
  toBidText,
} from '@lockstep/client'
import {
  bidData,
  connect,
  type MarketChain,
  marketChain,
  readMinimumBond,
  type Scope,
  signData,
} from '@lockstep/contracts'
import type { Bid } from '@lockstep/market'
import {
  createPeer,
  hashBlob,
  type NetworkId,
  newPeerKey,
  type Peer,
  type PeerId,
  silent,
} from '@lockstep/network'
import { claimRoot, pathOf, stepItem, toHex, treeOf } from '@lockstep/proof'
import { unwrap } from '@lockstep/tensor'
import type { Address, Hex } from 'viem'
import { dripFromPeers, prepareAccount } from '../../src/daemon/prepare-account.ts'
import { accept, delegate } from '../../src/keys/delegation.ts'
import { Secret } from '../../src/keys/secret.ts'
import type { Line } from '../kill/members.ts'
import { smallJob, TEXT } from '../kill/small-job.ts'
import { openTown, type Town } from '../kill/town.ts'

const MANIFEST = smallJob({
  market: { auditors: 1, rounds: 2 },
  times: { receipt: 600, deadline: 86_400 },
})
const TOKEN = 10n ** 18n

/** A relay in a process of its own, with a job that it has heard of: what strangers attack. */
export type Stage = {
  readonly town: Town
  readonly relay: { readonly id: PeerId; readonly address: string }
  readonly network: NetworkId
  /** Hears all that the relay passes on, and nothing from anyone else. */
  readonly ear: Peer
  readonly job: number
  readonly announcement: Announcement
  /** A provider's good bid for the job. */
  readonly bid: SignedBidText
  /** What a provider has claimed in the job's first slice. */
  readonly history: HistoryMessage
  readonly sign: (key: Secret, bid: Bid, place?: { chainId?: number; contract?: Address }) => Promise<Hex>
  /** The good provider's account and node key. */
  readonly provider: { readonly account: Secret; readonly key: Secret }
  /** A key that an account had delegated to and has revoked; whose time is over; that may only audit. */
  readonly dead: { readonly [kind in 'revoked' | 'expired' | 'outOfScope']: readonly [Secret, Secret] }
  /** Posts the same job again without a word to anyone, and gives its number. */
  readonly postInSilence: () => Promise<number>
  readonly linesOf: (peer: PeerId) => readonly Line[]
  readonly now: () => Promise<number>
}

export const openStage = async (): Promise<Stage> => {
  const town = await openTown()
  try {
    return await setUp(town)
  } catch (error) {
    await town.close()
    throw error
  }
}

const setUp = async (town: Town): Promise<Stage> => {
  const { rpc, deployment, drip, market } = town
  const { chainId, addresses } = deployment
  await town.join('relay', 'relay')
  const up = await town.line(({ msg }) => msg === 'node is up', 1000)
  const relay = { id: up.peer as PeerId, address: (up.addresses as string[])[0]! }
  const network: NetworkId = { chainId, market: addresses.market, version: NETWORK_VERSION }
  const ear = unwrap(
    await createPeer({
      ...{ key: await newPeerKey(), network, clock: Date.now, log: silent },
      listen: ['/ip4/127.0.0.1/tcp/0'],
      bootstrap: [relay.address],
      limits: { fewPeers: 1 },
    }),
  )
  while (ear.peers().length === 0) await new Promise((resolve) => setTimeout(resolve, 20))

  const pass = async (seconds: number): Promise<void> => {
    const { reader } = market.connection
    await reader.request({ method: 'evm_increaseTime', params: [seconds] } as never)
    await reader.request({ method: 'evm_mine', params: [] } as never)
  }
  const prepared = async (stake: bigint, scopes: readonly Scope[]): Promise<readonly [Secret, Secret]> => {
    const [account, key] = [Secret.generate(), Secret.generate()]
    unwrap(await prepareAccount({ ...{ rpc, deployment, account, key, drip, scopes, stake }, seat: 0n }))
    return [account, key]
  }
  const chainOf = async (secret: Secret): Promise<MarketChain> =>
    marketChain(
      await connect({ url: rpc, chainId, account: secret.account(), pollingInterval: 50 }),
      addresses,
    )

  // A job, posted and announced by a real client whose money comes from the relay's faucet.
  const client = await town.client()
  const requester = client.chain.connection.account.address
  unwrap(await dripFromPeers(ear)([requester]))
  const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
  const plan = planJob(parseManifest(bytes(JSON.stringify(MANIFEST))), bytes(TEXT), {
    blobId: (blob) => hashBlob(blob).id,
    throughput: 1e9,
  })
  const { job } = unwrap(await client.post(plan))
  const announcement = client.mailbox.announcement(job)!

  const [account, key] = await prepared(5_000n * TOKEN, ['provide'])
  const lentFor = async (seconds: number): Promise<readonly [Secret, Secret]> => {
    const [owner, lent] = [Secret.generate(), Secret.generate()]
    unwrap(await drip([owner.address]))
    const terms = { chainId, contract: addresses.delegations, key: lent.address, lasts: seconds }
    const now = await market.now()
    const given = unwrap(await delegate(owner, { ...terms, scopes: ['provide'], now }))
    const { keySignature } = unwrap(await accept(lent, given))
    const chain = await chainOf(owner)
    unwrap(await chain.send(chain.calls.registerDelegation(given, given.accountSignature, keySignature!)))
    return [owner, lent]
  }
  const revoked = await prepared(0n, ['provide'])
  const asOwner = await chainOf(revoked[0])
  unwrap(await asOwner.send(asOwner.calls.revokeKey(revoked[1].address)))
  const dead = { revoked, expired: await lentFor(20), outOfScope: await prepared(0n, ['verify']) }

  const sign: Stage['sign'] = (by, bid, place = {}) =>
    signData(by.account(), bidData({ chainId, contract: addresses.market, ...place }, bid))
  await pass(30)
  const offer: Bid = {
    job,
    account: account.address.toLowerCase() as Address,
    key: key.address.toLowerCase() as Address,
    pricePerUnit: TOKEN / 1000n,
    time: 200,
    slices: 4,
    expiry: (await market.now()) + 80_000,
    salt: 1n,
  }
  const signature = await sign(key, offer)
  const provider = await chainOf(key)
  unwrap(await market.send(market.calls.assign(0, offer, signature)))
  await pass(2)
  const received = unwrap(await provider.send(provider.calls.receipt(job, 0)))
  const event = received.events.find(({ name }) => name === 'SliceReceived')
  const { task } = event!.args as { task: Hex }
  // A claim of nothing: only who executes it sees that.
  const [stateRoot, outputsRoot] = [randomBytes(32), randomBytes(32)]
  // Four steps a slice, a checkpoint every two.
  const checkpoints = [new Uint8Array(randomBytes(32)), stepItem(stateRoot, outputsRoot)]
  const tree = treeOf(checkpoints)
  const root = toHex(claimRoot({ checkpoints }))
  const claim = unwrap(await provider.disputes.claim(task, root))
  const opening = {
    ...{ root, stateRoot: toHex(stateRoot), outputsRoot: toHex(outputsRoot), sealedTallies: root },
    path: pathOf(tree, tree.count - 1, 0, tree.height).map(toHex),
  }
  unwrap(await provider.send(provider.calls.claim(job, 0, opening)))
  const blob = (): string => hashBlob(randomBytes(100)).id
  const history: HistoryMessage = {
    ...{ claim: claim.toLowerCase() as Hex, job, slice: 0, attempt: 1, state: blob(), holders: [ear.id] },
    items: checkpoints.map(toHex),
    checkpoints: checkpoints.slice(1).map(blob),
  }

  return {
    ...{ town, relay, network, ear, job, announcement, history, sign, dead, provider: { account, key } },
    bid: toBidText({ bid: offer, signature }),
    postInSilence: async () => {
      const { chain } = client
      const minimumBond = await readMinimumBond(chain.connection, addresses.disputes)
      const post = postOf(plan, { now: await chain.now(), minimumBond })
      const { credit } = await chain.read.account(requester)
      if (credit < 1_000n * TOKEN) {
        unwrap(await chain.send(chain.calls.approve(addresses.vault, 5_000n * TOKEN)))
        unwrap(await chain.send(chain.calls.deposit(requester, 5_000n * TOKEN)))
      }
      return unwrap(await chain.post(chain.calls.post(post)))
    },
    linesOf: (peer) => town.lines.filter((line) => line.peer === peer),
    now: () => market.now(),
  }
}
