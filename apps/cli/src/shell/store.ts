import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  commandsOf,
  decodeEpisode,
  type Episode,
  emptySession,
  encodeEpisode,
  SESSION_EVENTS,
  type Shown,
  sessionOf,
  withCommand,
} from '@lockstep/assist/shell'

/** Episodes that are kept; the oldest go first. */
const MOST_EPISODES = 512
const MOST_BYTES = 2 ** 20 // of one
const NAME = /^\d{13}-[a-z0-9]{1,16}\.json$/

/** A person's shell episodes: a file each, in a directory that nobody else may read. */
export type ShellStore = {
  /** All that was run, oldest first. Read again where somebody has changed a file meanwhile. */
  readonly commands: () => readonly string[]
  readonly episodes: () => readonly { readonly name: string; readonly episode: Episode }[]
  /** Adds a command to the session of this name, or to a next one where it is full. */
  readonly ran: (session: string, command: string, now: number, shown?: Shown) => void
  /** Adds commands that were run before, as sessions of their own. */
  readonly learn: (session: string, commands: readonly string[], now: number) => void
  /** Takes out every command for which this holds; says how many. An episode with none left is deleted. */
  readonly forget: (is: (command: string, name: string) => boolean) => number
}

/** The store in this directory, which the first command makes. What is no episode in it is passed over. */
export const openShellStore = (directory: string): ShellStore => {
  let seen = ''
  let known: readonly string[] = []
  const names = (): string[] => {
    try {
      return readdirSync(directory)
        .filter((name) => NAME.test(name))
        .sort()
    } catch {
      return []
    }
  }
  const read = (name: string): Episode | undefined => {
    try {
      if (statSync(join(directory, name)).size > MOST_BYTES) return undefined
      const episode = decodeEpisode(readFileSync(join(directory, name)))
      return episode.ok ? episode.value : undefined
    } catch {
      return undefined
    }
  }
  const write = (name: string, episode: Episode): void => {
    mkdirSync(directory, { recursive: true, mode: 0o700 })
    const partial = join(directory, `${name}.${process.pid}.partial`)
    writeFileSync(partial, encodeEpisode(episode), { mode: 0o600 })
    renameSync(partial, join(directory, name))
  }
  const drop = (name: string): void => rmSync(join(directory, name), { force: true })
  const forgetOldest = (): void => {
    for (const name of names().slice(0, -MOST_EPISODES)) drop(name)
  }
  const nameOf = (now: number, session: string): string => `${String(now).padStart(13, '0')}-${session}.json`
  const stamp = (): string => {
    const found = statSync(directory, { throwIfNoEntry: false, bigint: true })
    return found === undefined ? '' : String(found.mtimeNs)
  }
  const episodes = () =>
    names().flatMap((name) => {
      const episode = read(name)
      return episode === undefined ? [] : [{ name, episode }]
    })

  return {
    episodes,
    commands: () => {
      const now = stamp()
      if (now !== seen || now === '') known = episodes().flatMap(({ episode }) => commandsOf(episode))
      seen = now
      return known
    },
    ran: (session, command, now, shown) => {
      const mine = names().filter((name) => name.endsWith(`-${session}.json`))
      const last = mine.at(-1)
      const found = last === undefined ? undefined : read(last)
      const isFull = found === undefined || found.events.length >= SESSION_EVENTS
      const next = withCommand(isFull ? emptySession(now) : found, command, now, shown)
      if (next === undefined) return
      write(isFull ? nameOf(now, session) : last!, next)
      if (isFull) forgetOldest()
    },
    learn: (session, commands, now) => {
      for (let from = 0; from < commands.length; from += SESSION_EVENTS)
        write(nameOf(now + from, session), sessionOf(now, commands.slice(from, from + SESSION_EVENTS)))
      forgetOldest()
    },
    forget: (is) => {
      let count = 0
      for (const { name, episode } of episodes()) {
        const commands = commandsOf(episode)
        const stays = commands.filter((command) => !is(command, name))
        if (stays.length === commands.length) continue
        count += commands.length - stays.length
        // What was offered may hold what is forgotten: only what was run is written again.
        if (stays.length === 0) drop(name)
        else write(name, sessionOf(episode.began, stays))
      }
      return count
    },
  }
}
