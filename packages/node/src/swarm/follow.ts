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

/** @param fromBlock The first block that can have anything of the market */
export const openFollow = (
  market: Pick<MarketChain, 'connection' | 'events'>,
  swarm: number,
  fromBlock: number,
): Follow => {
  let view: SwarmView | undefined
  let known: { readonly of: SwarmView['members']; readonly peers: ReadonlySet<Hex> } | undefined
  let readTo = fromBlock - 1
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
      const head = Number(await market.connection.reader.getBlockNumber())
      if (head <= readTo) return
      for (const event of await market.events(readTo + 1, head))
        if (event.contract === 'swarms' || event.contract === 'disputes')
          view = stepView(swarm, view, event as { name: string; args: object })
      readTo = head
      for (const { status, claim } of view?.challenges.values() ?? []) {
        if (status !== 'stood' || view!.claims.has(claim!)) continue
        // It was made in the second of the challenge, just before it.
        const all = await market.events(fromBlock, head)
        const said = all.filter(({ contract }) => contract === 'disputes')
        view = withClaim(view!, claim!, said as { name: string; args: object }[])
      }
    },
  }
}
