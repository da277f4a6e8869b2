import { readFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { extname, join } from 'node:path'
import { type Choice, isSize, MOST_SEED, SIZES } from '../choice.ts'
import { ROOT_EVERY } from '../training.ts'
import { bundleForBrowser } from './bundle.ts'
import { openNodeRuns } from './node-runs.ts'

export type ServeOptions = {
  /** 0, the default, takes a free one. */
  readonly port?: number
  /** Whether pages are cross-origin isolated, which threads need. Default true. */
  readonly isolated?: boolean
  /** More modules for the browser, and more files, for whoever tests. */
  readonly modules?: readonly string[]
  readonly files?: ReadonlyMap<string, Uint8Array>
}
export type Served = { readonly url: string; readonly close: () => Promise<void> }

const SOURCE = join(import.meta.dirname, '..', 'page')
const TEXT = join(import.meta.dirname, '../../../../data/moby-dick.txt')
const TYPES: { readonly [extension: string]: string } = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.map': 'application/json',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
}

/** Only what this server has may run; WebAssembly is compiled in the page. */
const POLICY = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; object-src 'none'; base-uri 'none'"
const ISOLATION = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
}

/** Serves the playground on this machine alone, and answers its pages' questions about what Node computes. */
export const servePlayground = async (options: ServeOptions = {}): Promise<Served> => {
  const { port = 0, isolated = true, modules = [], files: more = new Map() } = options
  const text = await readFile(TEXT)
  const files = new Map<string, Uint8Array>([
    ...(await bundleForBrowser([join(SOURCE, 'page.ts'), ...modules])),
    ['moby-dick.txt', text],
    ['', await readFile(join(SOURCE, 'index.html'))],
    ['style.css', await readFile(join(SOURCE, 'style.css'))],
    ['icon.svg', await readFile(join(SOURCE, 'icon.svg'))],
    ...more,
  ])
  const runs = openNodeRuns(text)
  const headers = {
    ...(isolated ? ISOLATION : {}),
    'Cross-Origin-Resource-Policy': 'same-origin',
    'Content-Security-Policy': POLICY,
    'X-Content-Type-Options': 'nosniff',
    'Referrer-Policy': 'no-referrer',
    'Cache-Control': 'no-store',
  }
  const send = (to: ServerResponse, status: number, type: string, body: Uint8Array | string): void => {
    to.writeHead(status, { ...headers, 'Content-Type': type })
    to.end(body)
  }
  const answer = async ({ method, url = '/' }: IncomingMessage, to: ServerResponse): Promise<void> => {
    const { pathname, searchParams } = new URL(url, 'http://localhost')
    if (method !== 'GET') return send(to, 405, 'text/plain', 'Only GET is answered.\n')
    if (pathname === '/node-root') {
      const asked = readQuestion(searchParams)
      if (!asked)
        return send(to, 400, 'text/plain', `Ask with size, seed and a step: a multiple of ${ROOT_EVERY}.\n`)
      return send(to, 200, 'application/json', JSON.stringify(await runs.root(asked.choice, asked.step)))
    }
    const name = pathname.slice(1)
    const file = files.get(name)
    if (file) send(to, 200, TYPES[extname(name || 'index.html')] ?? 'application/octet-stream', file)
    else send(to, 404, 'text/plain', 'There is no such file here.\n')
  }
  const server = createServer((request, to) => {
    // A page of another site may have a name that leads here: its requests name that site.
    if (!/^(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/.test(request.headers.host ?? ''))
      return send(to, 421, 'text/plain', 'This server answers as localhost only.\n')
    answer(request, to).catch((error: unknown) =>
      send(to, 500, 'text/plain', `${error instanceof Error ? error.message : error}\n`),
    )
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })
  const address = server.address()
  const bound = typeof address === 'object' && address ? address.port : port
  return {
    url: `http://127.0.0.1:${bound}/`,
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeAllConnections()
      await Promise.all([closed, runs.close()])
    },
  }
}

/** What a page asks for, within bounds; undefined where it is anything else. */
const readQuestion = (asked: URLSearchParams): { choice: Choice; step: number } | undefined => {
  const size = asked.get('size') ?? ''
  const integer = (name: string, least: number, most: number): number | undefined => {
    const written = asked.get(name) ?? ''
    const n = Number(written)
    return /^\d{1,10}$/.test(written) && n >= least && n <= most ? n : undefined
  }
  if (!isSize(size)) return undefined
  const [seed, step] = [integer('seed', 0, MOST_SEED), integer('step', ROOT_EVERY, SIZES[size].steps)]
  return seed === undefined || step === undefined || step % ROOT_EVERY !== 0
    ? undefined
    : { choice: { size, seed }, step }
}
