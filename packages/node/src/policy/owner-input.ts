import { execFile } from 'node:child_process'
import { constants } from 'node:fs'
import { type FileHandle, open, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

/**
 * Looks for signs that a person is at the machine, by what an ordinary user of Linux may see:
 *
 * - terminals: the access time of /dev/tty1.. and /dev/pts/N, which moves when somebody types into one, ssh included
 *   (the kernel moves it every 8 seconds at most);
 * - the desktop: logind's IdleHint of each session, which desktops set after some minutes without input;
 * - keyboards and mice: /dev/input/by-path, where this user may read them (the group `input`).
 *
 * What it does not see: a desktop that tells logind nothing while /dev/input is closed to us, people who watch and touch
 * nothing, and other systems than Linux. It is a courtesy, not a guard.
 */
export type InputProbe = {
  /** Seconds since the last sign of input; undefined where no source could be read. */
  idle(now: number): Promise<number | undefined>
  close(): Promise<void>
}

export type InputProbeOptions = {
  readonly root?: string
  /** The command that asks logind; false leaves logind out. */
  readonly loginctl?: string | false
}

const LOGIND_TIMEOUT = 2_000
const MOST_SESSIONS = 16
const MOST_DEVICES = 32
/** Enough for all events of a second; what is left over is read the next time and says the same. */
const EVENTS = 64 * 1024

export const createInputProbe = (options: InputProbeOptions = {}): InputProbe => {
  const { root = '/', loginctl = 'loginctl' } = options
  const devices = new Map<string, FileHandle>()
  let lastEvent: number | undefined

  /** Whether anything came from a keyboard or mouse since the last look; undefined where none can be read. */
  const events = async (): Promise<boolean | undefined> => {
    const directory = join(root, 'dev/input/by-path')
    const names = (await readdir(directory).catch(() => []))
      .filter((name) => /-event-(kbd|mouse)$/.test(name))
      .slice(0, MOST_DEVICES)
    for (const name of names) {
      if (devices.has(name)) continue
      const flags = constants.O_RDONLY | constants.O_NONBLOCK
      const device = await open(join(directory, name), flags).catch(() => undefined)
      if (device) devices.set(name, device)
    }
    let any: boolean | undefined
    const buffer = new Uint8Array(EVENTS)
    for (const [name, device] of devices) {
      try {
        const { bytesRead } = await device.read(buffer, 0, buffer.length, null)
        any = (any ?? false) || bytesRead > 0
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'EAGAIN') {
          any ??= false
          continue
        }
        devices.delete(name) // unplugged
        await device.close().catch(() => {})
      }
    }
    return any
  }

  const idle: InputProbe['idle'] = async (now) => {
    const [typed, seen, desktop] = await Promise.all([lastTyped(root), events(), desktopIdle(loginctl, now)])
    if (seen) lastEvent = now
    const times = [typed, desktop, lastEvent].filter((time) => time !== undefined)
    if (times.length > 0) return Math.max(0, Math.floor((now - Math.max(...times)) / 1000))
    // Devices that have been silent since the first look say nothing about the time before.
    return undefined
  }

  return {
    idle,
    close: async () => {
      for (const device of devices.values()) await device.close().catch(() => {})
      devices.clear()
    },
  }
}

/** When somebody typed into a terminal last, in milliseconds since 1970. */
const lastTyped = async (root: string): Promise<number | undefined> => {
  const paths: string[] = []
  for (const [directory, pattern] of [
    ['dev', /^tty\d+$/],
    ['dev/pts', /^\d+$/],
  ] as const) {
    const names = await readdir(join(root, directory)).catch(() => [])
    for (const name of names) if (pattern.test(name)) paths.push(join(root, directory, name))
  }
  const times = await Promise.all(
    paths.map((path) =>
      stat(path).then(
        ({ atimeMs }) => atimeMs,
        () => undefined,
      ),
    ),
  )
  const known = times.filter((time) => time !== undefined)
  return known.length === 0 ? undefined : Math.max(...known)
}

/** When the newest session of a person was active last, as logind has it: now, where it does not think it idle. */
const desktopIdle = async (loginctl: string | false, now: number): Promise<number | undefined> => {
  if (loginctl === false) return undefined
  const ask = async (...args: string[]): Promise<string> =>
    (await promisify(execFile)(loginctl, args, { timeout: LOGIND_TIMEOUT, maxBuffer: 65_536 })).stdout
  try {
    const list = await ask('list-sessions', '--no-legend', '--no-pager')
    const ids = list
      .split('\n')
      .flatMap((line) => line.trim().split(/\s+/, 1))
      .filter((id) => /^[a-zA-Z0-9]{1,16}$/.test(id))
    let last: number | undefined
    for (const id of ids.slice(0, MOST_SESSIONS)) {
      const shown = await ask(
        'show-session',
        id,
        '-p',
        'Type',
        '-p',
        'State',
        '-p',
        'IdleHint',
        '-p',
        'IdleSinceHint',
      )
      const field = Object.fromEntries(shown.split('\n').map((line) => line.split(/=(.*)/, 2)))
      // Terminals are seen better by their access times; a session in the background is nobody's hands.
      if (!['x11', 'wayland', 'mir'].includes(field.Type ?? '') || field.State !== 'active') continue
      const since = field.IdleHint === 'yes' ? Number(field.IdleSinceHint) / 1000 : now
      if (Number.isFinite(since)) last = Math.max(last ?? 0, since)
    }
    return last
  } catch {
    return undefined // no logind, or one that does not answer
  }
}
