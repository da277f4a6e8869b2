import { createHash } from 'node:crypto'

/** Which network a peer belongs to: one market on one chain, and a version of the messages. */
export type NetworkId = {
  readonly chainId: number
  /** Address of the market contract, 0x and 40 hex digits. */
  readonly market: string
  readonly version: number
}

/** Short name of the network. It is part of all names of protocols and topics, so that networks share none. */
export const networkTag = (network: NetworkId): string =>
  createHash('sha256')
    .update(`lockstep ${network.chainId} ${network.market.toLowerCase()} ${network.version}`)
    .digest('hex')
    .slice(0, 16)
