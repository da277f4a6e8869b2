import type { Bench } from './row.ts'
import { benchOfSections } from './swarm/sections.ts'

/**
 * What a swarm comes to: `npm run bench -- swarm [--small] [--only SECTION,...] [--json]`. Each section is a file under
 * bench/swarm. Two processes of one thread each do the pieces; what is done is kept under runs/swarm and gone on from.
 * `--small` is a fraction of it, in minutes. Plots are SVG beside the kept results.
 */
export const bench: Bench = benchOfSections('swarm', [
  'sharing',
  'choosing',
  'refilling',
  'heterogeneous',
  'attacks',
  'critique',
  'merge',
  'hundred',
])
