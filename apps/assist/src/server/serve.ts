import { createHash, randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { bundleForBrowser } from '@lockstep/playground/bundle'
import { type Served, servePage } from '@lockstep/playground/serve-page'

export type ServeOptions = {
  /** 0, the default, takes a free one. */
  readonly port?: number
  /** Whether pages are cross-origin isolated, which threads need. Default true. */
  readonly isolated?: boolean
  /** More modules for the browser, for whoever tests. */
  readonly modules?: readonly string[]
}

const SOURCE = join(import.meta.dirname, '..', 'page')
const ICON = join(import.meta.dirname, '../../../playground/src/page/icon.svg')
const DATA = join(import.meta.dirname, '../../../../data')

/** Serves the editor and the game on this machine alone. The server answers no questions: all is computed in the page. */
export const serveAssist = async (options: ServeOptions = {}): Promise<Served> => {
  const { port = 0, isolated = true, modules = [] } = options
  const styleNonce = randomBytes(16).toString('base64')
  const html = await readFile(join(SOURCE, 'index.html'), 'utf8')
  const files = new Map<string, Uint8Array>([
    ...(await bundleForBrowser([
      join(SOURCE, 'page.ts'),
      join(SOURCE, 'offline', 'service-worker.ts'),
      ...modules,
    ])),
    ['', Buffer.from(html.replace('STYLE_NONCE', styleNonce))],
    ['style.css', await readFile(join(SOURCE, 'style.css'))],
    ['icon.svg', await readFile(ICON)],
    ['base-grid.safetensors', await readFile(join(DATA, 'assist-base-grid.safetensors'))],
    ['base-text.safetensors', await readFile(join(DATA, 'assist-base-text.safetensors'))],
  ])
  // Another text of the service worker is what has browsers keep the files anew.
  const worker = 'service-worker.js'
  const digest = createHash('sha256')
  for (const [name, bytes] of files) digest.update(`${name} ${bytes.length}\n`).update(bytes)
  files.set(worker, Buffer.concat([files.get(worker)!, Buffer.from(`\n// ${digest.digest('hex')}\n`)]))
  // What the service worker keeps: all but what only debuggers ask for.
  const kept = [...files.keys()].filter((name) => !name.endsWith('.map'))
  files.set('files.json', Buffer.from(JSON.stringify(kept)))
  return servePage({ files, port, isolated, styleNonce })
}
