import { createHash, randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { AssistStorage } from '@lockstep/assist'
import { readTextBase } from '@lockstep/assist'
import type { KeeperSettings, RoundEnd } from '@lockstep/assist/federated'
import { createRoundsListener, openTextRounds, type RoundsListener } from '@lockstep/node/rounds'
import { bundleForBrowser } from '@lockstep/playground/bundle'
import { type Served, servePage } from '@lockstep/playground/serve-page'
import { createWasmExecutor } from '@lockstep/tensor'

/** Rounds of the text base that are kept beside the page, in the same process. */
export type RoundsHere = {
  readonly storage: AssistStorage
  readonly settings?: Partial<KeeperSettings>
  readonly ended?: (end: RoundEnd) => void
  /** Hosts by whose name it is called, beside the page's own. */
  readonly hosts?: readonly string[]
}

export type ServeOptions = {
  /** 0, the default, takes a free one. */
  readonly port?: number
  /** Whether pages are cross-origin isolated, which threads need. Default true. */
  readonly isolated?: boolean
  /** A keeper's address, which ends with a slash, or what one here needs; without it the page takes part in no rounds. */
  readonly rounds?: string | RoundsHere
  /** More modules for the browser, for whoever tests. */
  readonly modules?: readonly string[]
}

const SOURCE = join(import.meta.dirname, '..', 'page')
const ICON = join(import.meta.dirname, '../../../playground/src/page/icon.svg')
const DATA = join(import.meta.dirname, '../../../../data')

/**
 * Serves the editor and the game on this machine alone. All that they do is computed in the page; the server answers with
 * files, and for a keeper of rounds where it keeps some.
 */
export const serveAssist = async (options: ServeOptions = {}): Promise<Served> => {
  const { port = 0, isolated = true, modules = [], rounds } = options
  const styleNonce = randomBytes(16).toString('base64')
  const html = await readFile(join(SOURCE, 'index.html'), 'utf8')
  const textBase = await readFile(join(DATA, 'assist-base-text.safetensors'))
  // A page asks its own server where it says nothing else.
  const keeper = rounds === undefined ? '' : typeof rounds === 'string' ? rounds : './'
  const files = new Map<string, Uint8Array>([
    ...(await bundleForBrowser([
      join(SOURCE, 'page.ts'),
      join(SOURCE, 'offline', 'service-worker.ts'),
      ...modules,
    ])),
    ['', Buffer.from(html.replace('STYLE_NONCE', styleNonce).replace('KEEPER_OF_ROUNDS', keeper))],
    ['style.css', await readFile(join(SOURCE, 'style.css'))],
    ['icon.svg', await readFile(ICON)],
    ['base-grid.safetensors', await readFile(join(DATA, 'assist-base-grid.safetensors'))],
    ['base-text.safetensors', textBase],
  ])
  // Another text of the service worker is what has browsers keep the files anew.
  const worker = 'service-worker.js'
  const digest = createHash('sha256')
  for (const [name, bytes] of files) digest.update(`${name} ${bytes.length}\n`).update(bytes)
  files.set(worker, Buffer.concat([files.get(worker)!, Buffer.from(`\n// ${digest.digest('hex')}\n`)]))
  // What the service worker keeps: all but what only debuggers ask for.
  const kept = [...files.keys()].filter((name) => !name.endsWith('.map'))
  files.set('files.json', Buffer.from(JSON.stringify(kept)))
  const page = { files, port, isolated, styleNonce }
  if (rounds === undefined) return servePage(page)
  if (typeof rounds === 'string') return servePage({ ...page, connect: [new URL(rounds).origin] })
  const here = await keepHere(rounds, textBase)
  try {
    const served = await servePage({ ...page, handle: here.listener })
    const { port: bound } = new URL(served.url)
    for (const name of ['127.0.0.1', 'localhost', '[::1]']) here.hosts.push(`${name}:${bound}`)
    return {
      url: served.url,
      close: async () => {
        await served.close()
        await here.close()
      },
    }
  } catch (error) {
    await here.close()
    throw error
  }
}

/** A keeper in this process: its listener, and the names by which it answers. */
const keepHere = async (
  { storage, settings, ended, hosts: more = [] }: RoundsHere,
  base: Uint8Array,
): Promise<{
  readonly listener: RoundsListener
  readonly hosts: string[]
  readonly close: () => Promise<void>
}> => {
  const executor = await createWasmExecutor({ threads: 1 })
  const rounds = await openTextRounds({
    ...{ executor, storage, name: 'this server', base: readTextBase(base) },
    ...{ now: () => Math.floor(Date.now() / 1000), ...(settings && { settings }), ...(ended && { ended }) },
    failed: (error) => process.stderr.write(`rounds: ${error instanceof Error ? error.message : error}\n`),
  })
  const hosts = [...more]
  return {
    listener: createRoundsListener({ ...rounds, hosts, ticks: () => performance.now() }),
    hosts,
    close: async () => {
      await rounds.stop()
      await executor.close()
    },
  }
}
