import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Bench, Row } from './row.ts'
import { folderOf } from './swarm/kept.ts'
import { pieceResults } from './swarm/pieces.ts'
import type { Section } from './swarm/section.ts'

/**
 * What a swarm comes to: `npm run bench -- swarm [--small] [--only SECTION,...] [--json]`. Each section is a file under
 * bench/swarm. Two processes of one thread each do the pieces; what is done is kept under runs/swarm and gone on from.
 * `--small` is a fraction of it, in minutes. Plots are SVG beside the kept results.
 */
const SECTIONS = [
  'sharing',
  'guarding',
  'choosing',
  'refilling',
  'heterogeneous',
  'attacks',
  'critique',
  'merge',
  'hundred',
]
const fileOf = (name: string): string => join(import.meta.dirname, 'swarm', `${name}.ts`)

export const bench: Bench = async ({ quick, tell, only }) => {
  const sections = SECTIONS.filter((name) => existsSync(fileOf(name)))
  const names = only ?? sections
  for (const name of names)
    if (!sections.includes(name)) {
      console.error(`--only has ${name}; allowed: ${sections.join(', ')}.`)
      process.exit(2)
    }
  const rows: Row[] = []
  for (const name of names) {
    console.error(`section ${name} ...`)
    const begun = performance.now()
    const { section } = (await import(fileOf(name))) as { section: Section }
    rows.push(
      ...(await section({
        quick,
        tell,
        folderOf,
        results: (folder, pieces, by = name) => pieceResults(fileOf(by), folder, pieces),
      })),
    )
    tell(`${name} took`, `${((performance.now() - begun) / 1000).toFixed(0)} s of this call`)
  }
  return rows
}
