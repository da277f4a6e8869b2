import { type IncomingMessage, Agent as PlainAgent, request as plainRequest } from 'node:http'
import { Agent as SafeAgent, request as safeRequest } from 'node:https'
import { createTransport, HttpRequestError, RpcRequestError, TimeoutError, type Transport } from 'viem'

/** An answer may be so long; a server that says more is cut off. */
const MOST_BYTES = 64 * 2 ** 20

/**
 * JSON-RPC over Node's own HTTP on connections that are kept. A node asks its chain dozens of times for each job, and
 * with `fetch` that cost more than all the rest of what it did for it. Errors are those of viem's transport.
 */
export const leanHttp = (
  url: string,
  {
    timeout,
    mostBytes = MOST_BYTES,
  }: {
    /** Milliseconds until an answer is there as a whole. */
    readonly timeout: number
    readonly mostBytes?: number
  },
): Transport => {
  const { protocol, username, password, href } = bare(url)
  const isSafe = protocol === 'https:'
  const agent = new (isSafe ? SafeAgent : PlainAgent)({ keepAlive: true, maxSockets: 32, maxFreeSockets: 4 })
  const headers = {
    'content-type': 'application/json',
    ...(username !== '' && {
      authorization: `Basic ${Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`).toString('base64')}`,
    }),
  }
  let number = 0

  const ask = (body: {
    readonly [field: string]: unknown
  }): Promise<{ readonly status: number; readonly text: string }> =>
    new Promise((resolve, reject) => {
      const text = JSON.stringify(body)
      const sent = (isSafe ? safeRequest : plainRequest)(href, {
        ...{ agent, method: 'POST' },
        headers: { ...headers, 'content-length': Buffer.byteLength(text) },
      })
      const timer = setTimeout(() => {
        reject(new TimeoutError({ body, url }))
        sent.destroy()
      }, timeout)
      // The end of a connection is told in several ways: whoever comes first says why.
      const fail = (error: Error): void => {
        clearTimeout(timer)
        reject(new HttpRequestError({ body, details: error.message, url }))
      }
      sent.on('error', fail)
      sent.once('response', (response: IncomingMessage) => {
        const chunks: Buffer[] = []
        let bytes = 0
        response.on('data', (chunk: Buffer) => {
          bytes += chunk.length
          if (bytes <= mostBytes) {
            chunks.push(chunk)
            return
          }
          fail(new Error(`the answer is longer than ${mostBytes} bytes`))
          sent.destroy()
        })
        response.on('error', fail)
        response.once('end', () => {
          clearTimeout(timer)
          resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() })
        })
      })
      sent.end(text)
    })

  return ({ retryCount = 3 }) =>
    createTransport({
      key: 'http',
      name: 'HTTP JSON-RPC',
      type: 'http',
      ...{ retryCount, retryDelay: 150, timeout },
      request: async ({ method, params }): Promise<never> => {
        const body = { jsonrpc: '2.0', id: number++, method, params }
        const { status, text } = await ask(body)
        const answer = parsed(text)
        if (answer?.error) throw new RpcRequestError({ body, error: answer.error, url })
        if (status >= 200 && status < 300 && answer && 'result' in answer) return answer.result as never
        throw new HttpRequestError({
          ...{ body, url, status },
          details: answer === undefined ? `no JSON-RPC answer, but ${text.slice(0, 200)}` : 'no result',
        })
      },
    })
}

type Answer = {
  readonly error?: { readonly code: number; readonly message: string }
  readonly result?: unknown
}

const parsed = (text: string): Answer | undefined => {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Answer) : undefined
  } catch {
    return undefined
  }
}

/** The URL without the credentials in it, which go into a header. */
const bare = (url: string) => {
  const whole = new URL(url)
  const { protocol, username, password } = whole
  whole.username = ''
  whole.password = ''
  return { protocol, username, password, href: whole.href }
}
