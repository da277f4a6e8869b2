import assert from 'node:assert/strict'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { BaseError, createPublicClient, type PublicClient } from 'viem'
import { leanHttp } from './lean-http.ts'

/** A server that answers as a test says, and what a client of ours makes of it. */
const scene = async (
  answers: RequestListener,
  then: (client: PublicClient, server: Server, url: string) => Promise<void>,
  credentials = '',
): Promise<void> => {
  const server = createServer(answers)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://${credentials}127.0.0.1:${(server.address() as AddressInfo).port}/path?key=1`
  const transport = leanHttp(url, { timeout: 1_500, mostBytes: 10_000 })
  const client = createPublicClient({ transport: (of) => transport({ ...of, retryCount: 0 }) })
  try {
    await then(client, server, url)
  } finally {
    server.closeAllConnections()
    server.close()
  }
}
const says =
  (text: string, status = 200): RequestListener =>
  (request, response) => {
    request.resume()
    response.writeHead(status, { 'content-type': 'application/json' }).end(text)
  }
const namesOf = async (work: Promise<unknown>): Promise<readonly string[]> => {
  const names: string[] = []
  await work.then(
    () => assert.fail('it should have failed'),
    (error) => {
      assert.ok(error instanceof BaseError, String(error))
      error.walk((cause) => {
        names.push((cause as Error).name)
        return false
      })
    },
  )
  return names
}
const ask = (client: PublicClient): Promise<unknown> => client.request({ method: 'eth_blockNumber' } as never)

test('questions go out as JSON-RPC on one connection, with the path and the credentials of the URL', async () => {
  const bodies: { method: string; params?: unknown; id: number; jsonrpc: string }[] = []
  const sockets = new Set<unknown>()
  await scene(
    (request, response) => {
      let text = ''
      sockets.add(request.socket)
      assert.equal(request.url, '/path?key=1')
      assert.equal(request.headers.authorization, `Basic ${Buffer.from('me:a b').toString('base64')}`)
      request.on('data', (data) => {
        text += data
      })
      request.on('end', () => {
        bodies.push(JSON.parse(text))
        const { id } = bodies.at(-1)!
        response.end(JSON.stringify({ jsonrpc: '2.0', id, result: '0x10' }))
      })
    },
    async (client) => {
      for (let i = 0; i < 5; i++) assert.equal(await ask(client), '0x10')
      assert.equal(sockets.size, 1)
      assert.equal(new Set(bodies.map(({ id }) => id)).size, 5)
      assert.deepEqual([bodies[0]!.method, bodies[0]!.jsonrpc], ['eth_blockNumber', '2.0'])
    },
    'me:a%20b@',
  )
})

test('an error of the chain is one with its code and data, whatever the status', async () => {
  const error = { code: 3, message: 'execution reverted', data: '0x08c379a0' }
  for (const status of [200, 400, 500])
    await scene(says(JSON.stringify({ jsonrpc: '2.0', id: 0, error }), status), async (client) => {
      const names = await namesOf(ask(client))
      assert.ok(names.includes('RpcRequestError'), names.join())
      await ask(client).catch((found: BaseError) => {
        const cause = found.walk((one) => (one as { data?: unknown }).data !== undefined)
        assert.equal((cause as unknown as { data: unknown }).data, '0x08c379a0')
      })
    })
})

test('what is no answer is a lost connection, and so is one that ends, hangs or never stops', async () => {
  for (const [text, status] of [
    ['<html>', 200],
    ['{}', 200],
    ['[]', 200],
    ['null', 200],
    ['{"result":"0x1"}', 503],
    ['busy', 429],
    ['', 200],
  ] as const)
    await scene(says(text, status), async (client) =>
      assert.deepEqual((await namesOf(ask(client))).at(-1), 'HttpRequestError', `${status} ${text}`),
    )
  await scene(says(JSON.stringify({ result: 'x'.repeat(10_000) })), async (client) =>
    assert.ok((await namesOf(ask(client))).includes('HttpRequestError')),
  )
  const torn: RequestListener = (_, response) => {
    response.writeHead(200, { 'content-length': 100 }).write('{"result"')
    setTimeout(() => response.destroy(), 20)
  }
  await scene(torn, async (client) => assert.ok((await namesOf(ask(client))).includes('HttpRequestError')))
  await scene(
    () => {},
    async (client) => assert.ok((await namesOf(ask(client))).includes('TimeoutError')),
  )
  // A slow trickle is no way around the time limit.
  const trickle: RequestListener = (_, response) => {
    response.writeHead(200)
    const timer = setInterval(() => response.write(' '), 20)
    response.once('close', () => clearInterval(timer))
  }
  await scene(trickle, async (client) => assert.ok((await namesOf(ask(client))).includes('TimeoutError')))
  await scene(says('{}'), async (client, server) => {
    server.close()
    server.closeAllConnections()
    assert.ok((await namesOf(ask(client))).includes('HttpRequestError'))
  })
})
