import { NETWORK_VERSION, type NetworkFile, readHistory } from '@lockstep/client'
import { checkDeployment, connect, type MarketChain, marketChain } from '@lockstep/contracts'
import type { History } from '@lockstep/market'
import { createPeer, newPeerKey, type Peer, silent } from '@lockstep/network'
import { dripFromPeers } from '@lockstep/node'
import { type Result, unwrap } from '@lockstep/tensor'
import type { Address, LocalAccount } from 'viem'
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts'
import { badEnvironment } from '../cli-error.ts'

/** An account of nobody's, for who only looks. */
export const nobody = (): LocalAccount => privateKeyToAccount(generatePrivateKey())

/** A market on its chain; without an account it can only be looked at. */
export const openMarket = async (network: NetworkFile, account?: LocalAccount): Promise<MarketChain> => {
  const { rpc, chainId, addresses } = network
  const connection = await connect({ url: rpc, chainId, account: account ?? nobody() })
  return marketChain(connection, addresses)
}

/** Throws where the chain that a network names does not answer, is another one, or does not have the market. */
export const requireChain = async ({ rpc, ...deployment }: NetworkFile): Promise<void> => {
  const connection = await connect({ url: rpc, chainId: deployment.chainId, account: nobody() })
  unwrap(await checkDeployment(connection, deployment))
}

/** All that the market's events say up to now. */
export const historyOfNetwork = async (network: NetworkFile, market: MarketChain): Promise<History> => {
  const { connection, addresses } = market
  const head = Number(await connection.reader.getBlockNumber())
  return readHistory(connection, addresses, network.fromBlock, head)
}

const MEET_MS = 15_000

/** Joins a network for as long as `work` takes: with a key of its own, listening on nothing. */
export const withPeer = async <T>(network: NetworkFile, work: (peer: Peer) => Promise<T>): Promise<T> => {
  const { chainId, addresses, bootstrap } = network
  const peer = unwrap(
    await createPeer({
      key: await newPeerKey(),
      network: { chainId, market: addresses.market, version: NETWORK_VERSION },
      listen: [],
      bootstrap,
      clock: Date.now,
      log: silent,
    }),
  )
  try {
    await meetPeers(peer, bootstrap)
    return await work(peer)
  } finally {
    await peer.stop()
  }
}

const meetPeers = async (peer: Peer, bootstrap: readonly string[]): Promise<void> => {
  const end = performance.now() + MEET_MS
  while (peer.peers().length === 0) {
    if (performance.now() > end)
      throw badEnvironment(
        'no-peers',
        'peers',
        `none answers at ${bootstrap.join(', ') || 'no address'}`,
        'at least one that answers',
        'Check that the network is up, and that its addresses can be reached from here.',
      )
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

/** Asks the network's relays for a drip of tokens and coins. */
export const dripThrough =
  (network: NetworkFile) =>
  (to: readonly Address[]): Promise<Result<unknown>> =>
    withPeer(network, async (peer) => dripFromPeers(peer)(to))
