import { join, resolve } from 'node:path'
import { readTextBase, type TextBase } from '@lockstep/assist'
import { describeBase, type Keeper, type RoundEnd } from '@lockstep/assist/federated'
import { folderStorage } from '@lockstep/assist/folder-storage'
import { takeLock } from '@lockstep/node'
import { openTextRounds, serveRounds } from '@lockstep/node/rounds'
import { FaultError, unwrap } from '@lockstep/tensor'
import { badInput } from '../cli-error.ts'
import { openExecutor } from '../executor.ts'
import { homeOf } from '../network/home.ts'
import { freePort, reachOf } from '../network/ports.ts'
import { readBounded } from '../run/bounded-file.ts'
import { makeDirectory } from '../run/make-directory.ts'
import type { Terminal } from '../terminal.ts'

export type AssistRoundsOptions = {
  readonly home?: string
  readonly listen?: string
  readonly port: number
  readonly base?: string
  readonly name: string
  readonly seconds: number
  readonly least: number
  readonly most: number
  readonly origin?: string
  /** Ends after so many rounds. */
  readonly rounds?: number
}

const SHIPPED = join(import.meta.dirname, '../../../../data/assist-base-text.safetensors')
const MOST_BASE = 2 ** 26

/** Keeps rounds in which assistants improve the text base, until it is stopped. */
export const assistRoundsCommand = async (
  options: AssistRoundsOptions,
  stopped: Promise<void>,
  terminal: Terminal,
): Promise<void> => {
  const { name, seconds, least, most } = options
  const directory = join(homeOf(options.home).directory, 'assist', 'rounds')
  const reach = reachOf(options.listen)
  const origins = options.origin === undefined ? [] : [originOf(options.origin)]
  if (least > most)
    throw badInput('option-invalid', '--least', least, `at most --most, ${most}`, 'Choose another value.')
  const base = await baseIn(options.base === undefined ? SHIPPED : resolve(options.base))
  const port = await freePort(reach.bind, options.port, '--port')
  await makeDirectory(directory)
  const lock = unwrap(await takeLock(join(directory, 'rounds.lock')))
  const executor = await openExecutor(1)
  const failed = (error: unknown): void =>
    terminal.note(`a fault of this keeper's own: ${error instanceof Error ? error.message : error}`)
  try {
    let left = options.rounds ?? Number.POSITIVE_INFINITY
    let finish: () => void = () => {}
    const finished = new Promise<void>((done) => {
      finish = done
    })
    const rounds = await openTextRounds({
      ...{ executor, base, name, storage: await folderStorage(join(directory, 'kept')) },
      settings: { seconds, least, most },
      now: () => Math.floor(Date.now() / 1000),
      ended: (end) => {
        tell(end, terminal)
        left--
        if (left === 0) finish()
      },
      failed,
    })
    try {
      const keeper = heard(rounds.keeper, terminal)
      const served = await serveRounds({
        ...{ ...rounds, keeper, host: reach.bind, port, names: [reach.host], origins, failed },
      })
      try {
        const url = `http://${reach.host}:${new URL(served.url).port}/`
        terminal.say(`${name} keeps rounds at ${url}`)
        terminal.say(`Each takes updates for ${seconds} s, from ${least} to ${most} of them.`)
        terminal.say(`Assistants take part with: npm run assist -- --rounds ${url}`)
        terminal.say('Stop it with Ctrl-C.')
        terminal.result({ url, base: rounds.keeper.base(), seconds, least, most, directory })
        await Promise.race([stopped, finished])
      } finally {
        await served.close()
      }
    } finally {
      await rounds.stop()
    }
  } finally {
    await executor.close()
    await lock.release()
  }
}

/** The same keeper, with a line about every update that is given. */
const heard = (keeper: Keeper, terminal: Terminal): Keeper => ({
  ...keeper,
  receive: async (bytes, now) => {
    const result = await keeper.receive(bytes, now)
    terminal.note(
      result.ok
        ? `an update of ${bytes.length} bytes is taken`
        : `an update is refused: ${result.fault.field} is ${result.fault.value}`,
    )
    return result
  },
})

const tell = (end: RoundEnd, terminal: Terminal): void => {
  if (end.kind === 'too-few') terminal.note(`round ${end.round} ended with too few updates; the base stays`)
  else if (end.kind === 'worse') terminal.note(`round ${end.round} came out worse; the base stays`)
  else {
    for (const line of describeBase(end.lineage)) terminal.say(line)
    terminal.note(`the new base is ${end.base.root}`)
  }
  terminal.result(end)
}

const baseIn = async (path: string): Promise<TextBase> => {
  const remedy = 'Name a base for text: npm run assist:base makes one.'
  const bytes = await readBounded(path, MOST_BASE, remedy)
  try {
    return readTextBase(bytes)
  } catch (error) {
    const why = error instanceof FaultError ? error.fault.field : (error as { field?: string }).field
    throw badInput('base-malformed', path, `malformed in ${why ?? 'its form'}`, 'a base for text', remedy)
  }
}

/** A page that may ask: what browsers send as its origin. */
const originOf = (text: string): string => {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url && /^https?:$/.test(url.protocol) && (text === url.origin || text === `${url.origin}/`))
    return url.origin
  throw badInput(
    'option-invalid',
    '--origin',
    text,
    'scheme, host and port of a page, such as http://127.0.0.1:8766',
    'Give what the address of the page begins with.',
  )
}
