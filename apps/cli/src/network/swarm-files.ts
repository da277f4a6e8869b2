import { join } from 'node:path'
import {
  MAX_MANIFEST_BYTES,
  type NetworkFile,
  parseSwarmManifest,
  type SwarmManifest,
} from '@lockstep/client'
import { badInput } from '../cli-error.ts'
import { readBounded } from '../run/bounded-file.ts'
import type { Home } from './home.ts'

/** Where a swarm's manifest is kept in a home, and what an account has of it. Swarms of other markets have others. */
export const swarmFiles = ({ directory }: Home, { addresses, chainId }: NetworkFile, swarm: number) => {
  const market = `${chainId}-${addresses.market.slice(2, 10).toLowerCase()}`
  const own = join(directory, 'swarms', market, String(swarm))
  const asked = join(own, 'asked')
  return {
    manifest: join(own, 'swarm.json'),
    /** What other participants gave, each in a directory of its own. */
    asked,
    askedOf: (account: string): string => join(asked, account),
    participant: (account: string): string => join(own, account),
  }
}

/** A swarm's manifest, or bad input that names the option. */
export const readSwarmManifest = async (path: string, swarm: number): Promise<SwarmManifest> =>
  parseSwarmManifest(
    await readBounded(path, MAX_MANIFEST_BYTES, "Name the swarm's manifest: a YAML or JSON file.").catch(
      (error) => {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
        throw badInput(
          'manifest-missing',
          '--manifest',
          `${path}, which is missing`,
          `the manifest that swarm ${swarm} was created with`,
          'Leave the option out: peers are asked for it.',
        )
      },
    ),
  )
