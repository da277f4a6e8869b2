import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Bench, Row } from '../row.ts'
import { folderOf } from './kept.ts'
import { pieceResults } from './pieces.ts'
import type { Section } from './section.ts'

/**
 * A benchmark of sections, each a file of the folder bench/ROOM that exports `section`; one that is not there is left out.
 * What their pieces come to is kept under runs/ROOM and gone on from.
 */
export const benchOfSections =
  (room: string, all: readonly string[]): Bench =>
  async ({ quick, tell, only }) => {
    const fileOf = (name: string): string => join(import.meta.dirname, '..', room, `${name}.ts`)
    const sections = all.filter((name) => existsSync(fileOf(name)))
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
          folderOf: (setting) => folderOf(setting, room),
          results: (folder, pieces, by = name) => pieceResults(fileOf(by), folder, pieces),
        })),
      )
      tell(`${name} took`, `${((performance.now() - begun) / 1000).toFixed(0)} s of this call`)
    }
    return rows
  }
