import type { IncomingMessage, ServerResponse } from 'node:http'
import { encodeBaseName, type Keeper, mostUpdateBytes, ROUND_PATHS } from '@lockstep/assist/federated'
import type { Hex } from '@lockstep/proof'
import type { Fault } from '@lockstep/tensor'
import { faultBody } from '../http/fault-response.ts'
import { createRequestRate, type RequestRate } from '../http/request-rate.ts'

export type RoundsListenerOptions = {
  readonly keeper: Keeper
  /** Bytes of the shared model's parameters: no update is longer than they allow. */
  readonly parameterBytes: number
  /** Seconds of the clock that rounds go by: the chain's, where there is one. */
  readonly now: () => number
  /** Milliseconds of a clock that never goes back, for rates. */
  readonly ticks: () => number
  /** Hosts by whose name it answers, as in a Host header. */
  readonly hosts: readonly string[]
  /** Pages that may ask beside those of these hosts: scheme, host and port. */
  readonly origins?: readonly string[]
  readonly rates?: { readonly read?: RequestRate; readonly give?: RequestRate }
}

/** Answers what is asked of a keeper. False where the path is not one of its own: then nothing has been answered. */
export type RoundsListener = (request: IncomingMessage, response: ServerResponse) => Promise<boolean>

/** Bodies that are read at once: each may take an update's memory. */
const MOST_BODIES = 4
const RATES = { read: { perSecond: 50, burst: 200 }, give: { perSecond: 0.5, burst: 10 } }
const BLOB = new RegExp(`^/${ROUND_PATHS.blob}([0-9a-f]{64})$`)

/**
 * A keeper over HTTP. Three things can be read, one can be given, nothing else can be done; it sets no cookie, keeps no
 * address and writes no log. Whoever asks too often, too much or from a page that may not is told so and costs no more.
 */
export const createRoundsListener = (options: RoundsListenerOptions): RoundsListener => {
  const { keeper, parameterBytes, now, hosts, origins = [], rates = {} } = options
  const mayRead = createRequestRate(rates.read ?? RATES.read, options.ticks)
  const mayGive = createRequestRate(rates.give ?? RATES.give, options.ticks)
  const most = mostUpdateBytes(parameterBytes)
  let bodies = 0

  const mayAsk = (origin: string): boolean =>
    origins.includes(origin) ||
    hosts.some((host) => origin === `http://${host}` || origin === `https://${host}`)

  const give = async (request: IncomingMessage): Promise<Answer> => {
    const said = Number(request.headers['content-length'])
    if (!(said <= most))
      return refuse(
        413,
        'length',
        String(request.headers['content-length']),
        `at most ${most} bytes, said in advance`,
      )
    if (bodies >= MOST_BODIES) return refuse(503, 'updates', 'several at once', `${MOST_BODIES} at once`)
    bodies++
    try {
      const bytes = await bodyOf(request, said)
      if (bytes === undefined)
        return refuse(400, 'length', 'another length', `the ${said} bytes that were announced`)
      const result = await keeper.receive(bytes, now())
      return result.ok ? json(200, JSON.stringify(result.value)) : json(400, faultBody(result.fault))
    } finally {
      bodies--
    }
  }

  const answer = async (request: IncomingMessage, path: string): Promise<Answer> => {
    const { host = '', origin } = request.headers
    const caller = request.socket.remoteAddress ?? ''
    if (!hosts.includes(host)) return refuse(421, 'host', host, hosts.join(', '))
    if (origin !== undefined && !mayAsk(origin)) return refuse(403, 'origin', origin, 'a page of this node')
    const isGiven = path === `/${ROUND_PATHS.give}`
    const method = isGiven ? 'POST' : 'GET'
    if (request.method === 'OPTIONS' && origin !== undefined)
      return { status: 204, type: BYTES, body: '', headers: { ...MAY_GIVE } }
    if (request.method !== method) return refuse(405, 'method', request.method ?? '', method)
    const wait = (isGiven ? mayGive : mayRead)(caller)
    if (wait > 0)
      return refuse(429, 'requests', 'too many', 'fewer', { 'retry-after': String(Math.ceil(wait)) })
    if (isGiven) return give(request)
    const bytes = await bytesAt(path)
    return bytes ? { status: 200, type: BYTES, body: bytes } : refuse(404, 'path', path, 'what there is')
  }

  const bytesAt = async (path: string): Promise<Uint8Array | undefined> => {
    if (path === `/${ROUND_PATHS.offer}`) return keeper.offer()
    if (path === `/${ROUND_PATHS.base}`) return encodeBaseName(keeper.base())
    const hash = BLOB.exec(path)?.[1]
    return hash === undefined ? undefined : keeper.blob(`0x${hash}` as Hex)
  }

  return async (request, response) => {
    const path = (request.url ?? '').split('?')[0]!
    if (!path.startsWith('/rounds/')) return false
    const { status, type, body, headers = {} } = await answer(request, path)
    const { origin } = request.headers
    const across =
      origin !== undefined && mayAsk(origin) ? { 'access-control-allow-origin': origin, vary: 'origin' } : {}
    response.writeHead(status, { ...ALWAYS, ...across, ...headers, 'content-type': type })
    response.end(body)
    if (request.complete) return true
    // The rest of a body of a length that is allowed is read and dropped, or who sends it might not come to the answer.
    if (Number(request.headers['content-length']) <= most) request.resume()
    else response.once('finish', () => request.destroy())
    return true
  }
}

type Answer = {
  readonly status: number
  readonly type: string
  readonly body: Uint8Array | string
  readonly headers?: { readonly [name: string]: string }
}

const BYTES = 'application/octet-stream'
const ALWAYS = {
  // Between two questions somebody learns for seconds or minutes: a connection that was kept would be stale by then.
  connection: 'close',
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'cross-origin-resource-policy': 'cross-origin',
  'content-security-policy': "default-src 'none'",
}

/** What a page of another origin is told before it may give. */
const MAY_GIVE = {
  'access-control-allow-methods': 'GET, POST',
  'access-control-allow-headers': 'content-type',
}

const json = (status: number, body: string): Answer => ({ status, type: 'application/json', body })

const refuse = (status: number, field: string, value: string, limit: string, headers = {}): Answer => {
  const fault: Fault = {
    code: 'request-refused',
    field,
    value,
    limit,
    remedy: 'Correct the request, or try again later.',
  }
  return { ...json(status, faultBody(fault)), headers }
}

/** A body of exactly this length; undefined where it is another or breaks off. */
const bodyOf = async (request: IncomingMessage, length: number): Promise<Uint8Array | undefined> => {
  const parts: Buffer[] = []
  let found = 0
  try {
    for await (const part of request as AsyncIterable<Buffer>) {
      found += part.length
      if (found > length) return undefined
      parts.push(part)
    }
  } catch {
    return undefined
  }
  return found === length ? Buffer.concat(parts) : undefined
}
