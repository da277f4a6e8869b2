import assert from 'node:assert/strict'
import { request as httpRequest } from 'node:http'
import { test } from 'node:test'
import {
  createKeeper,
  decodeOffer,
  encodeUpdate,
  fetchNewest,
  httpCarriage,
  isBetter,
  learnFrom,
  type Part,
  parameterBytes,
  takePart,
} from '@lockstep/assist/federated'
import { createWasmExecutor, unwrap } from '@lockstep/tensor'
import { habit, tinyBase, tinyTraining } from '../../assist/test/tiny-training.ts'
import { keepRounds, serveRounds } from '../src/rounds/index.ts'

const person = (n: number): `0x${string}` => `0x${n.toString(16).padStart(32, '0')}`

const open = async (rates = {}) => {
  const executor = await createWasmExecutor({ threads: 1 })
  const training = tinyTraining(executor)
  const values = new Map<string, Uint8Array>()
  const keeper = await createKeeper({
    ...{ executor, training, name: 'the node', base: tinyBase() },
    settings: { seconds: 100, least: 2, most: 4, norm: 100, kept: 3 },
    storage: {
      get: async (key) => values.get(key),
      put: async (key, value) => void values.set(key, value.slice()),
      delete: async (key) => void values.delete(key),
    },
  })
  const clock = { now: 0 }
  const failed: unknown[] = []
  const served = await serveRounds({
    ...{ keeper, parameterBytes: parameterBytes(training), now: () => clock.now, rates },
    ...{ origins: ['http://page.example'], failed: (error) => failed.push(error) },
  })
  const part: Part = { executor, training, carriage: httpCarriage(served.url, fetch) }
  const close = async (): Promise<void> => {
    await served.close()
    await executor.close()
    assert.deepEqual(failed, [])
  }
  return { part, keeper, clock, served, close, training, executor }
}

test('over HTTP people give updates, and fetch and check the base that comes of them', {
  timeout: 300_000,
}, async () => {
  const { part, keeper, clock, close, training } = await open()
  const ends: string[] = []
  const rounds = keepRounds({ keeper, now: () => clock.now, every: 5, ended: ({ kind }) => ends.push(kind) })
  try {
    await until(() => keeper.offer() !== undefined)
    unwrap(await takePart(part, [habit('npm run check && git push')], 'update', person(1)))
    unwrap(await takePart(part, [habit('npm run check && git pull')], 'episodes', person(2)))
    const again = await takePart(part, [habit('npm run check && git pull')], 'episodes', person(2))
    assert.ok(!again.ok && again.fault.value === 'update-again')
    clock.now = 100
    await until(() => ends.length > 0)
    assert.equal(ends[0], 'published')
    const arrived = unwrap(await fetchNewest(part, { check: true }))
    assert.deepEqual(arrived.finding, {
      differs: [],
      reExecuted: [person(2)],
      private: [person(1)],
      missing: [],
    })
    const found = unwrap(
      await isBetter(training, tinyBase(), arrived.parameters, [habit('npm run check && git diff', 3)]),
    )
    assert.ok(found.after < found.before - 1)
  } finally {
    await rounds.stop()
    await close()
  }
})

test('a keeper answers nothing but what it is for, to nobody else, and no more than it can bear', async () => {
  const { part, keeper, clock, served, close, training, executor } = await open({
    read: { perSecond: 0.001, burst: 12 },
    give: { perSecond: 0.001, burst: 6 },
  })
  const ask = (path: string, init: RequestInit = {}) => fetch(served.url + path, init)
  const status = async (path: string, init: RequestInit = {}): Promise<number> =>
    (await ask(path, init)).status
  try {
    assert.equal(await status(''), 404)
    assert.equal(await status('rounds/'), 404)
    assert.equal(await status('rounds/open'), 404, 'no round is open')
    assert.equal(await status('rounds/blob/..'), 404)
    assert.equal(await status(`rounds/blob/${'0'.repeat(64)}`), 404)
    assert.equal(await status('rounds/base', { method: 'POST' }), 405)
    assert.equal(await status('rounds/update'), 405)
    assert.equal(await status('rounds/base', { headers: { origin: 'http://evil.example' } }), 403)
    const across = await ask('rounds/base', { headers: { origin: 'http://page.example' } })
    assert.equal(across.headers.get('access-control-allow-origin'), 'http://page.example')
    assert.equal(await asHost('evil.example', served.url), 421)

    const give = { method: 'POST' }
    await keeper.open(clock.now)
    const long = new Uint8Array(parameterBytes(training) + 2 ** 21)
    assert.equal(await refusedBody(served.url, long.length), 413)
    assert.equal(await status('rounds/update', { ...give, body: 'nothing of the kind' }), 400)
    const offer = unwrap(decodeOffer(keeper.offer()!))
    const learned = await learnFrom(
      executor,
      training,
      tinyBase(),
      unwrap(await training.inputsOf(tinyBase(), [habit('ls -la')])),
    )
    const body = encodeUpdate({
      ...{ round: offer.round, participant: person(1), share: 'update', episodes: [], ...learned },
    })
    assert.equal(await status('rounds/update', { ...give, body }), 200)
    assert.equal(await status('rounds/update', { ...give, body }), 400, 'replayed')
    assert.equal(await status('rounds/update', { ...give, body: body.slice(0, -1) }), 400)
    assert.equal(await status('rounds/update', { ...give, body: body.slice(0, -1) }), 400)
    const tooOften = await ask('rounds/update', { ...give, body })
    assert.equal(tooOften.status, 429)
    assert.ok(Number(tooOften.headers.get('retry-after')) > 0)
    const last = await part.carriage.give(body)
    assert.ok(!last.ok && last.fault.code === 'request-refused')
    let refusals = 0
    for (let i = 0; i < 12; i++) if ((await status('rounds/base')) === 429) refusals++
    assert.ok(refusals > 0)
  } finally {
    await close()
  }
})

test('what a stranger answers instead of a keeper is a fault', async () => {
  const answers = (body: string, status = 200) =>
    httpCarriage('http://keeper/', async () => new Response(body, { status }))
  assert.equal(await answers('x'.repeat(10_000)).offer(), undefined)
  for (const body of ['', '{}', 'x'.repeat(10_000)]) {
    for (const status of [200, 400]) {
      const given = await answers(body, status).give(new Uint8Array(3))
      assert.ok(!given.ok && given.fault.code === 'keeper-unreadable', `${status} ${body.slice(0, 9)}`)
    }
    assert.equal((await answers(body).base()).ok, false)
  }
})

/** As a page of another name that leads here would ask. */
const asHost = (host: string, url: string): Promise<number | undefined> =>
  new Promise((resolve, reject) => {
    httpRequest(`${url}rounds/base`, { headers: { host } }, (response) => {
      response.resume()
      resolve(response.statusCode)
    })
      .on('error', reject)
      .end()
  })

/** Announces a body, and sends none of it. */
const refusedBody = (url: string, length: number): Promise<number | undefined> =>
  new Promise((resolve, reject) => {
    const asking = httpRequest(`${url}rounds/update`, {
      method: 'POST',
      headers: { 'content-length': length },
    })
    asking.on('response', (response) => {
      response.resume()
      resolve(response.statusCode)
      asking.destroy()
    })
    asking.on('error', reject)
    asking.flushHeaders()
  })

/** Looks again and again, without a limit of its own: the test's is the only one. */
const until = async (holds: () => boolean): Promise<void> => {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5))
}
