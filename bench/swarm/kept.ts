import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** Where results of a setting are kept: those of another setting are others. `room` is the benchmark's name. */
export const folderOf = (setting: unknown, room = 'swarm'): string =>
  join(import.meta.dirname, '..', '..', 'runs', room, hashOf(setting))

export const hashOf = (setting: unknown): string =>
  createHash('sha256').update(JSON.stringify(setting)).digest('hex').slice(0, 12)

/** Writes a file whole or not at all: what is killed leaves what can be gone on from. */
export const keep = (file: string, bytes: Uint8Array | string): void => {
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(`${file}.part`, bytes)
  renameSync(`${file}.part`, file)
}

/** What was kept in a file, or undefined. */
export const kept = <R>(file: string): R | undefined =>
  existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as R) : undefined
