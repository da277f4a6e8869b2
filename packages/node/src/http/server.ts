import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { getRequestListener, type HttpBindings, RequestError } from '@hono/node-server'
import { FaultError, type Result } from '@lockstep/tensor'
import { type Context, Hono } from 'hono'
import { z } from 'zod'
import { decode, shown } from '../schema-fault.ts'
import { ENDPOINTS, type Endpoint, type EndpointName } from './endpoints.ts'
import { faultBody, faultResponse, RequestFault } from './fault-response.ts'
import type { NodeMetrics } from './metrics.ts'
import { openApi } from './openapi.ts'
import { createRequestRate, type RequestRate } from './request-rate.ts'
import { isToken } from './token.ts'
import type { NodeViews } from './views.ts'

export type HttpOptions = {
  readonly host: string
  /** 0 finds a free one. */
  readonly port: number
  /** By which names others call this host, beside loopback's. */
  readonly names: readonly string[]
  /** Reading needs no token, also from other hosts. */
  readonly open: boolean
  readonly token: string
  readonly version: string
  readonly views: NodeViews
  readonly metrics: NodeMetrics
  readonly log: HttpLog
  readonly rates?: { readonly read?: RequestRate; readonly change?: RequestRate }
}

export type HttpLog = {
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

export type HttpServer = {
  readonly url: string
  readonly port: number
  /** Ends open connections after a moment in which requests may finish. */
  stop(): Promise<void>
}

export const MAX_BODY_BYTES = 65_536
const MAX_HEADER_BYTES = 16_384
const MAX_CONNECTIONS = 256
const REQUEST_TIMEOUT = 10_000
const STOP_TIMEOUT = 2_000
const RATES = { read: { perSecond: 100, burst: 400 }, change: { perSecond: 2, burst: 20 } }

type Env = { Bindings: HttpBindings; Variables: { endpoint: string | undefined } }

/** Serves a node's views. Whatever comes in, the answer is the endpoint's schema or a fault with its remedy. */
export const serveHttp = async (options: HttpOptions): Promise<HttpServer> => {
  const app = createApp(options)
  const errorHandler = (error: unknown): Response => {
    // A Host header that is no host, or none.
    if (error instanceof RequestError) return faultResponse(unknownHost('no host', options))
    options.log.error({ err: error }, 'a request met a bug')
    return faultResponse(new RequestFault(500, BUG))
  }
  const server = createServer(
    {
      maxHeaderSize: MAX_HEADER_BYTES,
      requestTimeout: REQUEST_TIMEOUT,
      headersTimeout: REQUEST_TIMEOUT,
      connectionsCheckingInterval: 2_000,
      requireHostHeader: false, // the answer to that is a fault of ours
    },
    getRequestListener(app.fetch, { errorHandler, overrideGlobalObjects: false }),
  )
  server.maxConnections = MAX_CONNECTIONS
  server.on('clientError', refuseMalformed)
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port, options.host, () => {
      server.off('error', reject)
      resolve()
    })
  })
  server.on('error', (error) => options.log.error({ err: error }, 'the HTTP server failed'))
  const { port, family, address } = server.address() as AddressInfo
  return {
    port,
    url: `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`,
    stop: () =>
      new Promise((resolve) => {
        const force = setTimeout(() => server.closeAllConnections(), STOP_TIMEOUT)
        server.close(() => {
          clearTimeout(force)
          resolve()
        })
        server.closeIdleConnections()
      }),
  }
}

/** What is no HTTP gets one line and the end of the connection. */
const refuseMalformed = (error: Error & { code?: string }, socket: Socket): void => {
  if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy()
  const large = error.code === 'HPE_HEADER_OVERFLOW'
  const late = error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
  const line = large
    ? '431 Request Header Fields Too Large'
    : late
      ? '408 Request Timeout'
      : '400 Bad Request'
  const body = faultBody({
    code: 'request-malformed',
    field: 'request',
    value: large ? 'too long a header' : late ? 'too slow' : 'no HTTP',
    limit: `HTTP/1.1, headers of at most ${MAX_HEADER_BYTES} bytes, within ${REQUEST_TIMEOUT} ms`,
    remedy: 'Send a whole request.',
  })
  socket.end(
    `HTTP/1.1 ${line}\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  )
}

const createApp = (options: HttpOptions): Hono<Env> => {
  const { views, metrics, log, version, rates = {} } = options
  const now = (): number => performance.now()
  const mayRead = createRequestRate(rates.read ?? RATES.read, now)
  const mayChange = createRequestRate(rates.change ?? RATES.change, now)
  const description = JSON.stringify(openApi(version))
  const app = new Hono<Env>({ strict: true })

  app.use(async (c, next) => {
    const start = now()
    await next()
    c.header('cache-control', 'no-store')
    c.header('x-content-type-options', 'nosniff')
    c.header('content-security-policy', "default-src 'none'; frame-ancestors 'none'")
    const endpoint = c.get('endpoint') ?? 'unknown'
    metrics.requests.observe({ endpoint, status: String(c.res.status) }, (now() - start) / 1000)
  })
  app.use(async (c, next) => {
    checkHost(c, options)
    wait(mayRead(callerOf(c)))
    await next()
  })

  const handlers: { readonly [name in EndpointName]: (given: Given) => Promise<unknown> } = {
    live: async () => ({ live: true }),
    health: () => views.health(),
    network: () => views.network(),
    status: () => views.status(),
    jobs: ({ query }) => views.jobs(query),
    job: async ({ params }) => found('job', params.job, await views.job(params.job)),
    account: async ({ params }) => found('account', params.account, await views.account(params.account)),
    earnings: ({ query }) => views.earnings(query),
    explainJob: async ({ params }) => found('job', params.job, await views.explainJob(params.job)),
    explainAccount: async ({ params }) =>
      found('account', params.account, await views.explainAccount(params.account)),
    pause: async ({ body }) => {
      await views.pause(body.reason)
      return { paused: true }
    },
    resume: async () => {
      await views.resume()
      return { paused: false }
    },
  }

  for (const [name, endpoint] of Object.entries<Endpoint>(ENDPOINTS)) {
    app.on(endpoint.method, endpoint.path.replaceAll(/\{(\w+)\}/g, ':$1'), async (c) => {
      c.set('endpoint', name)
      checkAccess(c, endpoint.access, options)
      if (endpoint.access === 'change') wait(mayChange(callerOf(c)))
      const answer = await handlers[name as EndpointName](await givenOf(c, endpoint))
      const status = name === 'health' && !(answer as { ready: boolean }).ready ? 503 : 200
      return c.json(z.encode(endpoint.answer, answer as never), status)
    })
  }
  app.get('/metrics', async (c) => {
    c.set('endpoint', 'metrics')
    checkAccess(c, 'read', options)
    return c.body(await metrics.registry.metrics(), 200, { 'content-type': metrics.registry.contentType })
  })
  app.get('/openapi.json', (c) => {
    c.set('endpoint', 'openapi')
    return c.body(description, 200, { 'content-type': 'application/json' })
  })

  app.notFound((c) => {
    const methods = methodsOf(c.req.path)
    if (methods.length > 0)
      return faultResponse(
        new RequestFault(
          405,
          fault('method-unknown', 'method', c.req.method, methods.join(', '), 'Use one of these.'),
          { allow: methods.join(', ') },
        ),
      )
    return faultResponse(
      new RequestFault(
        404,
        fault('path-unknown', 'path', c.req.path, 'what /openapi.json lists', 'Correct the path.'),
      ),
    )
  })
  app.onError((error, c) => {
    if (error instanceof RequestFault) return faultResponse(error)
    // What a view cannot tell at the moment, such as while the chain is out of reach.
    if (error instanceof FaultError) return faultResponse(new RequestFault(503, error.fault))
    log.error({ err: error, path: shown(c.req.path) }, 'a request met a bug')
    return faultResponse(new RequestFault(500, BUG))
  })
  return app
}

/** What came with a request, decoded by the endpoint's schemas, which name the fields. */
// biome-ignore lint/suspicious/noExplicitAny: ENDPOINTS gives each its type; here they are all in one table.
type Given = { readonly params: any; readonly query: any; readonly body: any }

const givenOf = async (c: Context<Env>, { params, query, body }: Endpoint): Promise<Given> => {
  const about = (whole: string) => ({
    code: 'request-malformed',
    whole,
    remedy: 'Correct the request; /openapi.json says what is allowed.',
  })
  const queries = c.req.queries()
  for (const [name, values] of Object.entries(queries))
    if (values.length > 1)
      throw new RequestFault(
        400,
        fault('request-malformed', name, `given ${values.length} times`, 'once', about('').remedy),
      )
  const given = Object.fromEntries(Object.entries(queries).map(([name, [value]]) => [name, value]))
  return {
    params: unwrapped(decode(params ?? NOTHING, c.req.param(), about('path'))),
    query: unwrapped(decode(query ?? NOTHING, given, about('query'))),
    body: unwrapped(decode(body ?? NOTHING, await bodyOf(c), about('body'))),
  }
}

const NOTHING = z.strictObject({})

const unwrapped = <T>(result: Result<T>): T => {
  if (result.ok) return result.value
  throw new RequestFault(400, result.fault)
}

/** A body of JSON; an empty one is an empty object. */
const bodyOf = async (c: Context<Env>): Promise<unknown> => {
  if (c.req.method === 'GET' || c.req.method === 'HEAD') return {}
  const remedy = 'Send a JSON object.'
  const bytes = await boundedBody(c.req.raw)
  if (bytes.length === 0) return {}
  const type = c.req.header('content-type') ?? 'missing'
  if (!/^application\/json\s*(;|$)/i.test(type))
    throw new RequestFault(415, fault('request-malformed', 'content-type', type, 'application/json', remedy))
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    throw new RequestFault(400, fault('request-malformed', 'body', 'no JSON', 'a JSON object', remedy))
  }
}

const boundedBody = async (request: Request): Promise<Uint8Array> => {
  const tooLarge = (bytes: number | string): RequestFault =>
    new RequestFault(
      413,
      fault('body-too-large', 'body', `${bytes} bytes`, `at most ${MAX_BODY_BYTES} bytes`, 'Send less.'),
      { connection: 'close' },
    )
  const declared = Number(request.headers.get('content-length') ?? 0)
  if (declared > MAX_BODY_BYTES) throw tooLarge(declared)
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of request.body ?? []) {
    length += chunk.length
    if (length > MAX_BODY_BYTES) throw tooLarge(`over ${MAX_BODY_BYTES}`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/**
 * A page that a browser shows may call any address by a name of its own (DNS rebinding), but it cannot choose the Host
 * header: only names that are ours are answered.
 */
const checkHost = (c: Context<Env>, { names, host }: HttpOptions): void => {
  const given = c.req.header('host') ?? ''
  const [, name = ''] = /^(\[[0-9a-fA-F:.]+\]|[^:]*)(?::\d{1,5})?$/.exec(given) ?? []
  const known = ['localhost', '127.0.0.1', '[::1]', host, ...names].map((one) => one.toLowerCase())
  if (known.includes(name.toLowerCase())) return
  throw unknownHost(given, { names, host })
}

const unknownHost = (given: string, { names, host }: Pick<HttpOptions, 'names' | 'host'>): RequestFault =>
  new RequestFault(
    421,
    fault(
      'host-unknown',
      'host',
      given === '' ? 'missing' : given,
      ['localhost', host, ...names].join(', '),
      'Add the name to http.names in the config, or call the node by one of these.',
    ),
    { connection: 'close' },
  )

const checkAccess = (c: Context<Env>, access: Endpoint['access'], options: HttpOptions): void => {
  if (access === 'public') return
  const [, given] = /^Bearer +(\S+)$/i.exec(c.req.header('authorization') ?? '') ?? []
  if (given !== undefined && isToken(given, options.token)) return
  if (given === undefined && access === 'read' && (options.open || isLoopback(callerOf(c)))) return
  throw new RequestFault(
    401,
    fault(
      given === undefined ? 'token-missing' : 'token-wrong',
      'authorization',
      given === undefined ? 'missing' : 'another token',
      'Bearer, and the token in http.tokenFile',
      'Send the token; who may read its file may change the node.',
    ),
    { 'www-authenticate': 'Bearer' },
  )
}

const callerOf = (c: Context<Env>): string =>
  (c.env.incoming as IncomingMessage).socket.remoteAddress ?? 'gone'

const isLoopback = (address: string): boolean => /^(::ffff:)?127\.|^::1$/.test(address)

const wait = (seconds: number): void => {
  if (seconds === 0) return
  throw new RequestFault(
    429,
    fault('rate-exceeded', 'requests', 'too many', 'fewer a second', 'Wait as long as Retry-After says.'),
    { 'retry-after': String(Math.max(1, Math.ceil(seconds))) },
  )
}

const found = <T>(what: string, value: string | number, view: T | undefined): T => {
  if (view !== undefined) return view
  throw new RequestFault(
    404,
    fault(
      `${what}-unknown`,
      what,
      value,
      `a known ${what}`,
      'It may be newer than what is indexed: look again.',
    ),
  )
}

const METHODS: readonly (readonly [pattern: RegExp, method: string])[] = [
  ...Object.values<Endpoint>(ENDPOINTS),
  { path: '/metrics', method: 'get' },
  { path: '/openapi.json', method: 'get' },
].map(({ path, method }) => [new RegExp(`^${path.replaceAll(/\{\w+\}/g, '[^/]+')}$`), method.toUpperCase()])

const methodsOf = (path: string): string[] => [
  ...new Set(METHODS.filter(([pattern]) => pattern.test(path)).map(([, method]) => method)),
]

const fault = (code: string, field: string, value: string | number, limit: string, remedy: string) => ({
  code,
  field,
  value,
  limit,
  remedy,
})

const BUG = fault('bug', 'node', 'a bug', 'none', "Please report it with the node's log.")
