import { join } from 'node:path'
import type { NetworkFile } from '@lockstep/client'
import type { Home } from './home.ts'

/** Where a swarm's manifest is kept in a home, and what an account has of it. Swarms of other markets have others. */
export const swarmFiles = ({ directory }: Home, { addresses, chainId }: NetworkFile, swarm: number) => {
  const market = `${chainId}-${addresses.market.slice(2, 10).toLowerCase()}`
  const own = join(directory, 'swarms', market, String(swarm))
  return {
    manifest: join(own, 'swarm.json'),
    participant: (account: string): string => join(own, account),
  }
}
