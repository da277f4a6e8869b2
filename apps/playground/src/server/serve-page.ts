import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { extname } from 'node:path'

/** What a server answers: a body with its type, or why there is none. */
export type PageAnswer = {
  readonly status?: number
  readonly type: string
  readonly body: Uint8Array | string
}

export type PageOptions = {
  /** Names without folders, and their bytes; '' is the page itself. */
  readonly files: ReadonlyMap<string, Uint8Array>
  /** 0, the default, takes a free one. */
  readonly port?: number
  /** Whether pages are cross-origin isolated, which threads need. Default true. */
  readonly isolated?: boolean
  /** A nonce of the elements of style that a page's own modules make; without one there may be none. */
  readonly styleNonce?: string
  /** Origins beside its own that a page may ask. */
  readonly connect?: readonly string[]
  /** Answers requests of its own, before any file does; false where it is none of them. */
  readonly handle?: (request: IncomingMessage, response: ServerResponse) => Promise<boolean>
  /** Answers questions that no file is the answer to; undefined where it does not know one either. */
  readonly answer?: (url: URL) => Promise<PageAnswer | undefined>
}

export type Served = { readonly url: string; readonly close: () => Promise<void> }

const TYPES: { readonly [extension: string]: string } = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.map': 'application/json',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
}

/** Only what this server has may run or be asked for; WebAssembly is compiled in the page. */
const policyOf = (nonce: string | undefined, connect: readonly string[]): string =>
  [
    "default-src 'self'",
    "script-src 'self' 'wasm-unsafe-eval'",
    ...(nonce === undefined ? [] : [`style-src 'self' 'nonce-${nonce}'`]),
    ...(connect.length === 0 ? [] : [["connect-src 'self'", ...connect].join(' ')]),
    "object-src 'none'",
    "base-uri 'none'",
  ].join('; ')

const ISOLATION = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
}

/** Serves a page's files on this machine alone. */
export const servePage = async (options: PageOptions): Promise<Served> => {
  const { files, port = 0, isolated = true, styleNonce, connect = [], handle, answer } = options
  const headers = {
    ...(isolated ? ISOLATION : {}),
    'Cross-Origin-Resource-Policy': 'same-origin',
    'Content-Security-Policy': policyOf(styleNonce, connect),
    'X-Content-Type-Options': 'nosniff',
    'Referrer-Policy': 'no-referrer',
    'Cache-Control': 'no-store',
  }
  const send = (to: ServerResponse, { status = 200, type, body }: PageAnswer): void => {
    to.writeHead(status, { ...headers, 'Content-Type': type })
    to.end(body)
  }
  const plain = (status: number, body: string): PageAnswer => ({ status, type: 'text/plain', body })
  const answerTo = async ({ method, url = '/' }: IncomingMessage): Promise<PageAnswer> => {
    const asked = new URL(url, 'http://localhost')
    if (method !== 'GET') return plain(405, 'Only GET is answered.\n')
    const name = asked.pathname.slice(1)
    const file = files.get(name)
    if (file) return { type: TYPES[extname(name || 'index.html')] ?? 'application/octet-stream', body: file }
    return (await answer?.(asked)) ?? plain(404, 'There is no such file here.\n')
  }
  const server = createServer((request, to) => {
    // A page of another site may have a name that leads here: its requests name that site.
    if (!/^(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/.test(request.headers.host ?? ''))
      return send(to, plain(421, 'This server answers as localhost only.\n'))
    const respond = async (): Promise<void> => {
      if (!(await handle?.(request, to))) send(to, await answerTo(request))
    }
    respond().catch((error: unknown) => {
      if (to.headersSent) to.destroy()
      else send(to, plain(500, `${error instanceof Error ? error.message : error}\n`))
    })
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
      await closed
    },
  }
}
