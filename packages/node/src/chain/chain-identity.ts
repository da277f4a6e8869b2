import { ChainError } from '@lockstep/contracts'
import { META, readMeta, writeMeta } from '../store/meta.ts'
import { openStore, type Store } from '../store/open-store.ts'
import { StoreError } from '../store/store-error.ts'
import { type ChainReader, type Rpc, readHeader, rpcOf } from './chain-reads.ts'

/** What makes a chain this one and no other: its id and its first block. */
export const chainIdentity = async (rpc: Rpc, chainId: number): Promise<string> => {
  const first = await readHeader(rpc, 0)
  if (first === undefined) throw new ChainError('unknown', 'the chain does not give its block 0')
  return `${chainId}:${first.hash}`
}

/**
 * Ties a store to the chain that it is first used with. Another chain, such as a local one that began anew, would take
 * over nonces and events that mean nothing there.
 */
export const bindToChain = async (store: Store, rpc: Rpc, chainId: number): Promise<void> => {
  const found = await chainIdentity(rpc, chainId)
  await store.change(async (q) => {
    const held = await readMeta(q, META.chain)
    if (held === undefined) await writeMeta(q, META.chain, found)
    else if (held !== found) {
      throw new StoreError(
        'store-foreign',
        `the store belongs to chain ${held}, and ${found} answers: give the URL of the right chain, or a new store`,
      )
    }
  })
}

/** The same for a store that nobody has open yet: before anything is done on a chain that may be the wrong one. */
export const tieToChain = async (where: string, chain: ChainReader): Promise<void> => {
  const store = await openStore(where)
  try {
    await bindToChain(store, rpcOf(chain), chain.chainId)
  } finally {
    await store.close()
  }
}
