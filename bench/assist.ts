import type { Bench } from './row.ts'
import { benchOfSections } from './swarm/sections.ts'

/**
 * What an assistant comes to: `npm run bench -- assist [--small] [--only SECTION,...] [--json]`. Each section is a file
 * under bench/assist; docs/replay-study.md says how people are simulated and what is counted. What is done is kept under
 * runs/assist and gone on from. `--small` is a fraction of it, in about a minute. A whole run draws its plots into
 * docs/assist.
 */
export const bench: Bench = benchOfSections('assist', ['text', 'code', 'annoy', 'game', 'latency'])
