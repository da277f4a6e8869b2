import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { gunzipSync } from 'node:zlib'
import type { Hex } from 'viem'
import { LocalChainError } from './local-chain-error.ts'

/** A chain's state as anvil dumps it. */
export type StateCopy = {
  readonly sequence: number
  /** The number of its newest block. */
  readonly head: number
  /** When its first block was made, in seconds. */
  readonly begun: number
  readonly json: string
}

/** A directory with the newest few copies of a local chain's state, for one process at a time. */
export type StateCopies = {
  readonly directory: string
  /** Whole copies, newest first; read one by one. Torn and foreign files are passed over. */
  readonly good: () => Generator<StateCopy>
  /** Whether there is any copy, good or not. */
  readonly any: () => boolean
  /** Stores what anvil_dumpState gave: after this the copy survives a kill and a power cut. */
  readonly write: (dump: Hex) => void
  /** Leaves the directory to others. */
  readonly close: () => void
}

/** So many are kept: should the newest be damaged, the ones before it are still there. */
const KEPT = 3
const NAME = /^state-(\d{12})\.json\.gz$/
const nameOf = (sequence: number): string => `state-${`${sequence}`.padStart(12, '0')}.json.gz`

export const openStateCopies = (directory: string): StateCopies => {
  mkdirSync(directory, { recursive: true })
  const lock = takeLock(directory)
  const sequences = (): number[] =>
    readdirSync(directory)
      .flatMap((file) => NAME.exec(file)?.[1] ?? [])
      .map(Number)
      .sort((a, b) => b - a)
  let last = sequences()[0] ?? 0

  return {
    directory,
    any: () => sequences().length > 0,
    *good() {
      for (const sequence of sequences()) {
        const copy = readCopy(join(directory, nameOf(sequence)), sequence)
        if (copy !== undefined) yield copy
      }
    },
    write: (dump) => {
      const sequence = last + 1
      const path = join(directory, nameOf(sequence))
      // Whoever is killed in here leaves the copies that were there before.
      writeDurably(`${path}.new`, Buffer.from(dump.slice(2), 'hex'))
      renameSync(`${path}.new`, path)
      syncDirectory(directory)
      last = sequence
      for (const old of sequences().slice(KEPT)) rmSync(join(directory, nameOf(old)), { force: true })
    },
    close: () => lock.close(),
  }
}

/**
 * A lock that the system lets go when this process ends, however it ends: a transaction of SQLite that stays open.
 * A file with a process number in it would outlive a kill.
 */
const takeLock = (directory: string): DatabaseSync => {
  const lock = new DatabaseSync(join(directory, 'lock'))
  try {
    lock.exec('PRAGMA busy_timeout = 0; BEGIN EXCLUSIVE')
    return lock
  } catch {
    lock.close()
    throw new LocalChainError(
      'state-in-use',
      `another process has its local chain in ${directory}: stop it, or name another directory`,
    )
  }
}

/** Compressed files end with a checksum of their content: a torn one is not read. */
const readCopy = (path: string, sequence: number): StateCopy | undefined => {
  try {
    const json = gunzipSync(readFileSync(path)).toString('utf8')
    const state = JSON.parse(json) as {
      readonly best_block_number?: unknown
      readonly blocks?: unknown
      readonly accounts?: unknown
    }
    const head = Number(state.best_block_number)
    const first = (state.blocks as readonly { readonly header: Readonly<Record<string, unknown>> }[]).find(
      ({ header }) => Number(header.number) === 0,
    )
    const begun = Number(first?.header.timestamp)
    const isWhole =
      Number.isSafeInteger(head) && Number.isSafeInteger(begun) && typeof state.accounts === 'object'
    return isWhole ? { sequence, head, begun, json } : undefined
  } catch {
    return undefined
  }
}

export const writeDurably = (path: string, bytes: Uint8Array): void => {
  const file = openSync(path, 'w', 0o600)
  try {
    for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}

const syncDirectory = (directory: string): void => {
  if (process.platform === 'win32' || !existsSync(directory)) return // Windows has no such call
  const file = openSync(directory, 'r')
  try {
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}
