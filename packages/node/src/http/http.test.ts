import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { connect } from 'node:net'
import { networkInterfaces, tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { FaultError, unwrap } from '@lockstep/tensor'
import { createNodeClient } from './client.ts'
import { ENDPOINTS, type Endpoint } from './endpoints.ts'
import { createMetrics } from './metrics.ts'
import { type HttpOptions, MAX_BODY_BYTES, serveHttp } from './server.ts'
import { readToken } from './token.ts'
import type { NodeViews } from './views.ts'

/** The first two public development accounts of every local chain. */
const ACCOUNT = '0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266'
const OTHER = '0x70997970C51812dc3A010C7d01b50e0d17dc79C8'
const DIGEST = `0x${'ab'.repeat(32)}` as const
const TOKEN = 'a-token-of-the-test-0123456789'
const source = { block: 7, logIndex: 0, transactionHash: DIGEST, time: 1_800_000_000 }

type TestViews = NodeViews & { paused: string | undefined; readonly asked: object[] }

/** Fixed views: what is tested here is the way in and out. */
const viewsOf = (): TestViews => {
  const summary = {
    job: 3,
    status: 'open' as const,
    requester: ACCOUNT,
    posted: 1_800_000_000,
    deadline: 1_800_600_000,
    ceiling: 10n ** 15n,
    escrow: 2n ** 80n,
    settled: 0,
    own: true,
  } as const
  const asked: object[] = []
  const self: TestViews = {
    asked,
    paused: undefined,
    health: async () => ({
      live: true,
      ready: self.paused === undefined,
      reasons: self.paused === undefined ? [] : [{ part: 'policy', code: 'paused', message: self.paused }],
    }),
    status: async () => ({
      name: 'node',
      version: '0.1.0',
      roles: ['provider' as const],
      account: ACCOUNT,
      key: OTHER,
      started: 1_800_000_000,
      peer: null,
      chain: { id: 31337, block: 10, behind: 0 },
      paused: null,
      capability: null,
      runs: [],
      parts: [{ name: 'chain', state: 'running' as const, restarts: 0, since: 1_800_000_000 }],
    }),
    jobs: async (query: object) => {
      asked.push(query)
      return { jobs: [{ ...summary, slices: 1 }], next: null }
    },
    job: async (job: number) =>
      job === 3
        ? { ...summary, slices: [], manifest: DIGEST, paid: 0n, refund: null }
        : job === 500
          ? assert.fail('a bug with a secret in its message')
          : undefined,
    account: async (account: string) =>
      account === ACCOUNT
        ? {
            account: ACCOUNT,
            credit: 1n,
            stake: 0n,
            locked: 0n,
            unbonding: 0n,
            discount: 0,
            reputation: { score: 0n, completed: 0, late: 0, failed: 0, declined: 0, slashed: 0 },
            keys: [],
          }
        : undefined,
    earnings: async (query: object) => {
      asked.push(query)
      const entries = [{ job: 3, slice: 0, kind: 'provided' as const, amount: 5n, source }]
      return {
        account: ACCOUNT,
        from: 0,
        to: 1,
        made: 5n,
        lost: 0n,
        expected: 0n,
        atRisk: 0n,
        entries,
      }
    },
    explainJob: async () => {
      throw new FaultError({
        code: 'chain-unreachable',
        field: 'chain.rpc',
        value: 'refused',
        limit: 'an answer',
        remedy: 'Wait.',
      })
    },
    explainAccount: async () => ({
      subject: ACCOUNT,
      lines: [{ text: '1 + 1', amount: -2n, sources: [source] }],
    }),
    network: async () => ({
      format: 'lockstep-network-1' as const,
      chainId: 31337,
      fromBlock: 1,
      rpc: 'http://127.0.0.1:8545',
      addresses: { market: ACCOUNT },
      bootstrap: [],
    }),
    pause: async (reason: string) => {
      self.paused = reason
    },
    resume: async () => {
      self.paused = undefined
    },
  }
  return self
}

const serve = async (t: TestContext, changes: Partial<HttpOptions> = {}) => {
  const logged: unknown[] = []
  const log = {
    warn: (...args: unknown[]) => logged.push(args),
    error: (...args: unknown[]) => logged.push(args),
  }
  const views = viewsOf()
  const metrics = createMetrics('node')
  const server = await serveHttp({
    host: '127.0.0.1',
    port: 0,
    names: [],
    open: false,
    token: TOKEN,
    version: '0.1.0',
    views,
    metrics,
    log,
    rates: { read: { perSecond: 1e4, burst: 1e4 }, change: { perSecond: 1e4, burst: 1e4 } },
    ...changes,
  })
  t.after(() => server.stop())
  return { ...server, views, metrics, logged }
}

/** A request with any method, headers and path, as a stranger may send it. */
const ask = (url: string, method: string, headers: Record<string, string> = {}, body?: string | Buffer) =>
  new Promise<{ status: number; headers: Record<string, unknown>; body: string }>((resolve, reject) => {
    const { hostname, port, pathname, search } = new URL(url)
    const path = url.includes('/../') ? url.slice(url.indexOf('/', 8)) : pathname + search
    const sent = request({ host: hostname.replace(/[[\]]/g, ''), port, path, method, headers }, (answer) => {
      const chunks: Buffer[] = []
      answer.on('data', (chunk) => chunks.push(chunk))
      answer.on('end', () =>
        resolve({
          status: answer.statusCode!,
          headers: answer.headers,
          body: Buffer.concat(chunks).toString(),
        }),
      )
    })
    sent.on('error', reject)
    sent.end(body)
  })
const get = (url: string, headers: Record<string, string> = {}) => ask(url, 'GET', headers)
const faultOf = ({ body }: { body: string }) => {
  const { error } = JSON.parse(body)
  for (const field of ['code', 'field', 'value', 'limit', 'remedy'])
    assert.ok(typeof error[field] === 'string' && error[field].length > 0, body)
  assert.doesNotMatch(body, /at \w+ \(|node_modules|\.ts:\d/)
  return error
}

test('every endpoint answers its client with what the view says, amounts as bigints', async (t) => {
  const { url, views } = await serve(t)
  const client = createNodeClient({ url, token: TOKEN })
  assert.deepEqual(unwrap(await client.live()), { live: true })
  assert.deepEqual(unwrap(await client.health()), await views.health())
  assert.deepEqual(unwrap(await client.status()), await views.status())
  assert.deepEqual(
    unwrap(await client.jobs({ limit: 5, own: true, status: 'open', before: 9 })),
    await views.jobs({ limit: 50 }),
  )
  assert.deepEqual(views.asked[0], { limit: 5, own: true, status: 'open', before: 9 })
  unwrap(await client.jobs())
  assert.deepEqual(views.asked[2], { limit: 50 })
  const job = unwrap(await client.job({ job: 3 }))
  assert.equal(job.escrow, 2n ** 80n)
  assert.equal(unwrap(await client.account({ account: ACCOUNT })).credit, 1n)
  assert.equal(unwrap(await client.earnings({ from: 5 })).entries[0]!.amount, 5n)
  assert.equal(unwrap(await client.explainAccount({ account: ACCOUNT })).lines[0]!.amount, -2n)
  assert.deepEqual(unwrap(await client.pause({ reason: 'holidays' })), { paused: true })
  assert.equal(views.paused, 'holidays')
  assert.equal(unwrap(await client.health()).reasons[0]!.message, 'holidays')
  assert.deepEqual(unwrap(await client.resume()), { paused: false })
  const raw = JSON.parse((await get(`${url}/jobs/3`)).body)
  assert.equal(raw.escrow, (2n ** 80n).toString())
})

test('a node that is not ready says so by its status, too', async (t) => {
  const { url, views } = await serve(t)
  assert.equal((await get(`${url}/health`)).status, 200)
  await views.pause('by hand')
  assert.equal((await get(`${url}/health`)).status, 503)
  assert.equal((await get(`${url}/health/live`)).status, 200)
})

test('wrong paths, methods, parameters and queries are named with what is allowed', async (t) => {
  const { url } = await serve(t)
  const cases: [method: string, path: string, status: number, field: string, limit: RegExp][] = [
    ['GET', '/', 404, 'path', /openapi/],
    ['GET', '/jobs/', 404, 'path', /openapi/],
    ['GET', '/jobs/3/x', 404, 'path', /openapi/],
    ['GET', '/../etc/passwd', 404, 'path', /openapi/],
    ['POST', '/jobs', 405, 'method', /GET/],
    ['GET', '/pause', 405, 'method', /POST/],
    ['DELETE', '/jobs/3', 405, 'method', /GET/],
    ['GET', '/jobs/three', 400, 'job', /an integer from 1/],
    ['GET', '/jobs/0', 400, 'job', /an integer from 1/],
    ['GET', '/jobs/-1', 400, 'job', /an integer/],
    ['GET', '/jobs/1e3', 400, 'job', /an integer/],
    ['GET', `/jobs/${'9'.repeat(30)}`, 400, 'job', /an integer/],
    ['GET', '/jobs/%00', 400, 'job', /an integer/],
    ['GET', '/jobs/4', 404, 'job', /a known job/],
    ['GET', '/jobs?limit=0', 400, 'limit', /from 1 to 200/],
    ['GET', '/jobs?limit=201', 400, 'limit', /from 1 to 200/],
    ['GET', '/jobs?limit=', 400, 'limit', /an integer/],
    ['GET', '/jobs?limit=1&limit=2', 400, 'limit', /once/],
    ['GET', '/jobs?status=posted', 400, 'status', /open, cancelled, closed/],
    ['GET', '/jobs?own=yes', 400, 'own', /true, false/],
    ['GET', '/jobs?before=x', 400, 'before', /an integer/],
    ['GET', '/jobs?color=red', 400, 'color', /status, own, before, limit/],
    ['GET', '/jobs?__proto__=1', 400, '__proto__', /status, own/],
    ['GET', '/status?x=1', 400, 'x', /none/],
    ['GET', '/accounts/me', 400, 'account', /40 hexadecimal/],
    ['GET', `/accounts/${OTHER}`, 404, 'account', /a known account/],
    ['GET', '/earnings?from=yesterday', 400, 'from', /an integer/],
    ['GET', '/earnings?account=0x12', 400, 'account', /40 hexadecimal/],
    ['GET', '/explain/jobs/x', 400, 'job', /an integer/],
    ['GET', '/explain/accounts/x', 400, 'account', /40 hexadecimal/],
    ['GET', '/explain', 404, 'path', /openapi/],
    ['GET', '/explain/jobs/1', 503, 'chain.rpc', /an answer/],
  ]
  for (const [method, path, status, field, limit] of cases) {
    const answer = await ask(`${url}${path}`, method)
    assert.equal(answer.status, status, `${method} ${path}: ${answer.body}`)
    const error = faultOf(answer)
    assert.equal(error.field, field, `${method} ${path}`)
    assert.match(error.limit, limit, `${method} ${path}`)
  }
})

test('bodies are JSON objects of bounded size', async (t) => {
  const { url, views } = await serve(t)
  const authorization = `Bearer ${TOKEN}`
  const json = { authorization, 'content-type': 'application/json' }
  const cases: [headers: Record<string, string>, body: string | Buffer, status: number, field: string][] = [
    [json, '{', 400, 'body'],
    [json, '[]', 400, 'body'],
    [json, 'null', 400, 'body'],
    [json, Buffer.from([0xff, 0xfe]), 400, 'body'],
    [json, '{"reason":5}', 400, 'reason'],
    [json, '{"reason":""}', 400, 'reason'],
    [json, `{"reason":"${'x'.repeat(201)}"}`, 400, 'reason'],
    [json, '{"because":"x"}', 400, 'because'],
    [json, '{"__proto__":{"reason":"x"}}', 400, '__proto__'],
    [{ authorization, 'content-type': 'text/plain' }, '{}', 415, 'content-type'],
    [{ authorization }, '{}', 415, 'content-type'],
    [json, ' '.repeat(MAX_BODY_BYTES + 1), 413, 'body'],
    [{ ...json, 'transfer-encoding': 'chunked' }, ' '.repeat(MAX_BODY_BYTES + 1), 413, 'body'],
    [{ ...json, 'content-length': '999999999' }, '', 413, 'body'],
  ]
  for (const [headers, body, status, field] of cases) {
    const answer = await ask(`${url}/pause`, 'POST', headers, body)
    assert.equal(answer.status, status, `${body.toString().slice(0, 60)}: ${answer.body}`)
    assert.equal(faultOf(answer).field, field)
    assert.equal(views.paused, undefined)
  }
  assert.equal((await ask(`${url}/pause`, 'POST', { authorization })).status, 200)
  assert.equal(views.paused, 'by hand')
  const resume = await ask(`${url}/resume`, 'POST', json, '{"reason":"x"}')
  assert.equal(resume.status, 400)
  assert.equal(faultOf(resume).field, 'reason')
})

test('changes need the token, and a wrong one is refused for reading, too', async (t) => {
  const { url, views } = await serve(t)
  const cases: [authorization: string, code: string][] = [
    ['', 'token-missing'],
    ['Basic dXNlcjpwYXNz', 'token-missing'],
    ['Bearer', 'token-missing'],
    ['Bearer wrong', 'token-wrong'],
    [`Bearer ${TOKEN}x`, 'token-wrong'],
    [`Bearer ${TOKEN.toUpperCase()}`, 'token-wrong'],
  ]
  for (const path of ['/pause', '/resume'])
    for (const [authorization, code] of cases) {
      const answer = await ask(`${url}${path}`, 'POST', authorization === '' ? {} : { authorization })
      assert.equal(answer.status, 401)
      assert.equal(answer.headers['www-authenticate'], 'Bearer')
      assert.equal(faultOf(answer).code, code)
      assert.ok(!answer.body.includes(TOKEN))
    }
  assert.equal(views.paused, undefined)
  assert.equal((await get(`${url}/status`, { authorization: 'Bearer wrong' })).status, 401)
  assert.equal((await get(`${url}/health`, { authorization: 'Bearer wrong' })).status, 200)
})

test('a name that is not ours is not answered, so a rebound page learns nothing', async (t) => {
  const { url, port } = await serve(t, { names: ['node.example.org'] })
  for (const host of [
    `127.0.0.1:${port}`,
    'localhost',
    `LOCALHOST:${port}`,
    '[::1]:80',
    'node.example.org',
    `node.example.org:${port}`,
  ])
    assert.equal((await get(`${url}/health`, { host })).status, 200, host)
  for (const host of [
    'evil.example',
    `evil.example:${port}`,
    '127.0.0.1.evil.example',
    'localhost.evil',
    'a@localhost',
    'localhost:x',
    '127.0.0.1:1:2',
  ]) {
    const answer = await get(`${url}/health`, { host })
    assert.equal(answer.status, 421, JSON.stringify(host))
    assert.equal(faultOf(answer).code, 'host-unknown')
  }
  for (const path of ['/metrics', '/openapi.json', '/nothing', '/status'])
    assert.equal((await get(`${url}${path}`, { host: 'evil.example' })).status, 421, path)
})

test('from another host reading needs the token, unless the config opens it', async (t) => {
  const outside = Object.values(networkInterfaces())
    .flat()
    .find((one) => one && !one.internal && one.family === 'IPv4')?.address
  if (outside === undefined) return t.skip('this machine has no address but loopback')
  for (const open of [false, true]) {
    const { port } = await serve(t, { host: outside, names: ['x'], open })
    const url: string = `http://${outside}:${port}`
    assert.equal((await get(`${url}/health`)).status, 200)
    assert.equal((await get(`${url}/openapi.json`)).status, 200)
    for (const path of ['/status', '/jobs', '/earnings', '/metrics', '/jobs/3'])
      assert.equal((await get(`${url}${path}`)).status, open ? 200 : 401, path)
    assert.equal((await get(`${url}/status`, { authorization: `Bearer ${TOKEN}` })).status, 200)
    assert.equal((await ask(`${url}/pause`, 'POST')).status, 401)
  }
})

test('who asks too often waits as long as Retry-After says', async (t) => {
  const { url } = await serve(t, {
    rates: { read: { perSecond: 1, burst: 5 }, change: { perSecond: 0.1, burst: 1 } },
  })
  const authorization = `Bearer ${TOKEN}`
  assert.equal((await ask(`${url}/pause`, 'POST', { authorization })).status, 200)
  const second = await ask(`${url}/pause`, 'POST', { authorization })
  assert.equal(second.status, 429)
  assert.ok(Number(second.headers['retry-after']) >= 9)
  const all = await Promise.all(Array.from({ length: 20 }, () => get(`${url}/health`)))
  const refused = all.filter(({ status }) => status === 429)
  assert.ok(refused.length >= 15 && refused.length <= 17, `${refused.length}`)
  assert.equal(faultOf(refused[0]!).code, 'rate-exceeded')
})

test('a bug is logged here and says nothing there', async (t) => {
  const { url, logged } = await serve(t)
  const answer = await get(`${url}/jobs/500`)
  assert.equal(answer.status, 500)
  assert.equal(faultOf(answer).code, 'bug')
  assert.ok(!answer.body.includes('secret'))
  assert.equal(logged.length, 1)
})

test('a view that breaks its own schema is a bug, and is not sent', async (t) => {
  const { url, views } = await serve(t)
  views.earnings = async () => ({ account: ACCOUNT }) as never
  assert.equal((await get(`${url}/earnings`)).status, 500)
})

test('what is no HTTP, too long or too many is refused, and the server goes on', async (t) => {
  const { url, port } = await serve(t)
  const raw = (text: string) =>
    new Promise<string>((resolve) => {
      let got = ''
      const socket = connect(port, '127.0.0.1', () => socket.write(text))
      socket.on('data', (chunk) => {
        got += chunk
      })
      socket.on('close', () => resolve(got))
      socket.on('error', () => {})
      socket.setTimeout(60_000, () => socket.destroy())
    })
  assert.match(await raw('garbage\r\n\r\n'), /^HTTP\/1\.1 400 .*request-malformed/s)
  assert.match(await raw('\x16\x03\x01\x02\x00'), /^HTTP\/1\.1 400 /)
  assert.match(
    await raw(`GET /health HTTP/1.1\r\nhost: localhost\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`),
    /^HTTP\/1\.1 431 .*too long a header/s,
  )
  assert.match(await raw('GET /health HTTP/1.1\r\nconnection: close\r\n\r\n'), /^HTTP\/1\.1 421 /)
  assert.match(
    await raw('GET http://evil.example/health HTTP/1.1\r\nhost: evil.example\r\nconnection: close\r\n\r\n'),
    /^HTTP\/1\.1 421 /,
  )
  assert.match(await raw('GET /health HTTP/1.1\r\nhost:\r\nconnection: close\r\n\r\n'), /^HTTP\/1\.1 421 /)
  const many = Array.from({ length: 400 }, () => connect(port, '127.0.0.1'))
  for (const socket of many) socket.on('error', () => {})
  await new Promise((resolve) => setTimeout(resolve, 200))
  for (const socket of many) socket.destroy()
  await new Promise((resolve) => setTimeout(resolve, 200))
  assert.equal((await get(`${url}/health`)).status, 200)
})

test('the description lists every endpoint, and each of its paths is there', async (t) => {
  const { url } = await serve(t)
  const description = JSON.parse((await get(`${url}/openapi.json`)).body)
  assert.equal(description.openapi, '3.1.0')
  for (const [name, endpoint] of Object.entries<Endpoint>(ENDPOINTS)) {
    const operation = description.paths[endpoint.path][endpoint.method]
    assert.equal(operation.operationId, name)
    for (const parameter of endpoint.path.matchAll(/\{(\w+)\}/g))
      assert.ok(operation.parameters.some((p: { name: string }) => p.name === parameter[1]))
  }
  const escrow =
    description.paths['/jobs/{job}'].get.responses[200].content['application/json'].schema.properties.escrow
  assert.equal(escrow.type, 'string')
  const limit = description.paths['/jobs'].get.parameters.find((p: { name: string }) => p.name === 'limit')
  assert.deepEqual([limit.schema.type, limit.schema.minimum, limit.schema.maximum], ['integer', 1, 200])
  assert.equal(limit.required, false)
  const headers = (await get(`${url}/openapi.json`)).headers
  assert.equal(headers['x-content-type-options'], 'nosniff')
  assert.equal(headers['access-control-allow-origin'], undefined)
})

test('metrics are Prometheus’ text, with what is observed at the moment', async (t) => {
  const { url, metrics } = await serve(t)
  metrics.bids.inc({ outcome: 'won' })
  let runs: number | undefined = 2
  metrics.observe('lockstep_runs', 'Runs at the moment', () => runs)
  await get(`${url}/status`)
  const { body, headers } = await get(`${url}/metrics`)
  assert.match(String(headers['content-type']), /^text\/plain/)
  assert.match(body, /^lockstep_bids_total\{outcome="won",node="node"\} 1$/m)
  assert.match(body, /^lockstep_runs\{node="node"\} 2$/m)
  assert.match(body, /^lockstep_http_request_seconds_count\{.*endpoint="status".*\} 1$/m)
  assert.match(body, /^process_resident_memory_bytes/m)
  runs = undefined
  assert.doesNotMatch((await get(`${url}/metrics`)).body, /^lockstep_runs\{/m)
})

test('a client says who does not answer, and trusts no answer', async (t) => {
  const { url } = await serve(t)
  const gone = await createNodeClient({ url: 'http://127.0.0.1:9' }).status()
  assert.ok(!gone.ok && gone.fault.code === 'node-unreachable')
  const refused = await createNodeClient({ url, token: 'wrong' }).pause({})
  assert.ok(!refused.ok && refused.fault.code === 'token-wrong')
  const unknown = await createNodeClient({ url }).job({ job: 4 })
  assert.ok(!unknown.ok && unknown.fault.code === 'job-unknown')
  const elsewhere = await createNodeClient({ url: `${url}/openapi.json?` }).status()
  assert.ok(!elsewhere.ok && elsewhere.fault.code === 'answer-malformed')
})

test('the token is made once, for its owner alone', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'token-'))
  t.after(() => rm(directory, { recursive: true }))
  const file = join(directory, 'http.token')
  const token = unwrap(await readToken(file))
  assert.equal(token.length, 43)
  assert.equal(unwrap(await readToken(file)), token)
  assert.equal((await stat(file)).mode & 0o777, 0o600)
  assert.equal((await readFile(file, 'utf8')).trim(), token)
  await writeFile(file, 'short')
  const malformed = await readToken(file)
  assert.ok(!malformed.ok && malformed.fault.code === 'token-malformed')
})

test('a stopped server is gone, also where somebody holds a connection', async (t) => {
  const server = await serve(t)
  const socket = connect(server.port, '127.0.0.1')
  socket.on('error', () => {})
  await new Promise((resolve) => socket.once('connect', resolve))
  socket.write('GET /health HTTP/1.1\r\nhost: loc')
  const start = performance.now()
  await server.stop()
  assert.ok(performance.now() - start < 60_000)
  await assert.rejects(get(`${server.url}/health`), { code: 'ECONNREFUSED' })
})
