import assert from 'node:assert/strict'
import { request } from 'node:http'
import { after, test } from 'node:test'
import { servePlayground } from './serve.ts'

const served = await servePlayground()
after(served.close)

const statusFor = (path: string, options: { host?: string; method?: string } = {}): Promise<number> =>
  new Promise((resolve, reject) => {
    const { host, method = 'GET' } = options
    const asked = request(`${served.url}${path}`, { method, headers: host ? { host } : {} }, (answer) => {
      answer.resume()
      resolve(answer.statusCode ?? 0)
    })
    asked.on('error', reject)
    asked.end()
  })

test('pages are isolated, and may run only what is served here', async () => {
  const { headers } = await fetch(served.url)
  assert.equal(headers.get('cross-origin-opener-policy'), 'same-origin')
  assert.equal(headers.get('cross-origin-embedder-policy'), 'require-corp')
  assert.match(headers.get('content-security-policy') ?? '', /default-src 'self'/)
})

test('what is no file, no question, or not asked of this machine is refused', async () => {
  assert.equal(await statusFor('page.js'), 200)
  assert.equal(await statusFor('trainer.js'), 200)
  assert.equal(await statusFor('pool-web-worker.js'), 200)
  assert.equal(await statusFor('../package.json'), 404)
  assert.equal(await statusFor('', { method: 'POST' }), 405)
  assert.equal(await statusFor('', { host: 'example.org' }), 421)
  for (const query of [
    '',
    'size=huge&seed=1&step=10',
    'size=tiny&seed=-1&step=10',
    'size=tiny&seed=1&step=210',
  ])
    assert.equal(await statusFor(`node-root?${query}`), 400, query)
  for (const step of ['5', '0', '1e1', '10.5', ''])
    assert.equal(await statusFor(`node-root?size=tiny&seed=1&step=${step}`), 400, step)
})

test('roots that are asked for out of order, or twice, are the same', async () => {
  const root = async (step: number): Promise<string> => {
    const answer = await fetch(`${served.url}node-root?size=tiny&seed=3&step=${step}`)
    return ((await answer.json()) as { root: string }).root
  }
  const [late, early] = await Promise.all([root(20), root(10)])
  assert.notEqual(late, early)
  assert.equal(await root(10), early)
})
