import type { MarketChain } from '@lockstep/contracts'
import type { Hex } from '@lockstep/proof'
import { type SwarmView, stepView, withClaim } from './view.ts'

/** One swarm's events, read from the chain as far as it has come. */
export type Follow = {
  readonly read: () => Promise<void>
  /** Undefined until the swarm's creation has been read. */
  readonly view: () => SwarmView | undefined
  /** Announced for participants. */
  readonly peers: () => ReadonlySet<Hex>
}

/**
 * Reads what is new; where the last block that was read is no longer on the chain, everything is read anew: a view is made
 * of few events, and a chain takes blocks back seldom.
 * @param fromBlock The first block that can have anything of the market
 */
export const openFollow = (
  { connection, events }: Pick<MarketChain, 'connection' | 'events'>,
  swarm: number,
  fromBlock: number,
): Follow => {
  let view: SwarmView | undefined
  let known: { readonly of: SwarmView['members']; readonly peers: ReadonlySet<Hex> } | undefined
  let read: { readonly number: number; readonly hash: Hex } | undefined
  const hashAt = async (blockNumber: bigint): Promise<Hex | undefined> =>
    (await connection.reader.getBlock({ blockNumber }).catch(() => undefined))?.hash ?? undefined
  return {
    view: () => view,
    peers: () => {
      if (view === undefined) return new Set()
      const { members } = view
      if (known?.of !== members)
        known = { of: members, peers: new Set([...members.values()].flatMap(({ peer }) => peer ?? [])) }
      return known.peers
    },
    read: async () => {
      const head = await connection.reader.getBlock()
      if (head.hash === read?.hash) return
      const isSame = read !== undefined && (await hashAt(BigInt(read.number))) === read.hash
      const number = Number(head.number)
      let next = isSame ? view : undefined
      for (const event of await events(isSame ? read!.number + 1 : fromBlock, number))
        if (event.contract === 'swarms' || event.contract === 'disputes')
          next = stepView(swarm, next, event as { name: string; args: object })
      for (const { status, claim } of next?.challenges.values() ?? []) {
        if (status !== 'stood' || next!.claims.has(claim!)) continue
        // It was made in the second of the challenge, just before it.
        const all = await events(fromBlock, number)
        const said = all.filter(({ contract }) => contract === 'disputes')
        next = withClaim(next!, claim!, said as { name: string; args: object }[])
      }
      // What was read is of this chain only if its last block still is: else it is read again.
      if ((await hashAt(head.number)) !== head.hash) return
      view = next ?? view
      read = { number, hash: head.hash }
    },
  }
}
