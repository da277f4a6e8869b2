import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { z } from 'zod'
import { fieldsOf } from '../../../client/test/wrong-values.ts'
import { ENDPOINTS, type Endpoint } from './endpoints.ts'
import { createMetrics } from './metrics.ts'
import { serveHttp } from './server.ts'
import type { NodeViews } from './views.ts'

const TOKEN = 'a-token-of-the-test-0123456789'
/** Good values, so that only what a test changes is wrong. */
const GOOD: { readonly [name: string]: string } = { job: '1', account: `0x${'11'.repeat(20)}` }

/** A server whose views are never asked: all that it gets is wrong. */
const serve = async (t: TestContext) => {
  const asked: string[] = []
  const views = new Proxy({} as NodeViews, {
    get: (_, name) => async () => {
      asked.push(String(name))
      return undefined
    },
  })
  const rates = { read: { perSecond: 1e4, burst: 1e4 }, change: { perSecond: 1e4, burst: 1e4 } }
  const server = await serveHttp({
    ...{ host: '127.0.0.1', port: 0, names: [], open: false, token: TOKEN, version: '0', views, rates },
    metrics: createMetrics('node'),
    log: { warn: () => {}, error: () => {} },
  })
  t.after(() => server.stop())
  return { url: server.url, asked }
}

/** Texts of every kind: no parameter takes one of them. */
const ODD = ['', 'x?!', '-1', '1.5', '1e3', '0x', '%00', '%ff', '9'.repeat(400), '1,2', '[]', '__proto__']

const fields = (schema: z.ZodObject | undefined): string[] =>
  schema === undefined ? [] : fieldsOf(schema).map(({ path }) => path[0]!)

const check = async (response: Response, field: string, about: string): Promise<void> => {
  const body = await response.text()
  assert.equal(response.status, 400, `${about}: ${body}`)
  const { error } = JSON.parse(body)
  assert.equal(error.field, field, about)
  for (const key of ['code', 'value', 'limit', 'remedy'])
    assert.ok(typeof error[key] === 'string' && error[key].length > 0, `${about}: ${body}`)
  assert.ok(body.length < 1000, about)
}

for (const [name, endpoint] of Object.entries<Endpoint>(ENDPOINTS)) {
  test(`${endpoint.method} ${endpoint.path}: each parameter, query and field refuses what it is not, by name`, async (t) => {
    const { url, asked } = await serve(t)
    const { method, params, query, body } = endpoint
    const authorization = `Bearer ${TOKEN}`
    const path = (values: { readonly [name: string]: string } = GOOD): string =>
      `${url}${endpoint.path.replaceAll(/\{(\w+)\}/g, (_, one: string) => values[one]!)}`
    const send = (to: string, sent?: string): Promise<Response> =>
      fetch(to, {
        method: method.toUpperCase(),
        headers: { authorization, ...(sent !== undefined && { 'content-type': 'application/json' }) },
        ...(sent !== undefined && { body: sent }),
      })
    for (const one of fields(params))
      for (const odd of ODD.filter(Boolean))
        if (odd !== '%ff') await check(await send(path({ ...GOOD, [one]: odd })), one, `${one}=${odd}`)
    for (const one of fields(query)) {
      for (const odd of ODD)
        if (odd !== '%ff') await check(await send(`${path()}?${one}=${odd}`), one, `${one}=${odd}`)
      const [first, second] = await Promise.all([
        send(`${path()}?${one}=1&${one}=1`),
        send(`${path()}?${one}`),
      ])
      await check(first, one, `${one} twice`)
      await check(second, one, `${one} without a value`)
    }
    await check(await send(`${path()}?strange=1`), 'strange', 'a query more')
    if (method === 'get') return assert.deepEqual(asked, [], name)
    for (const one of fields(body))
      for (const odd of [null, 5, true, [], {}, '', 'x'.repeat(5000), { toString: 1 }])
        await check(
          await send(path(), JSON.stringify({ [one]: odd })),
          one,
          `${one} ${JSON.stringify(odd).slice(0, 40)}`,
        )
    await check(await send(path(), '{"strange":1}'), 'strange', 'a field more')
    for (const sent of ['[]', 'null', '1', '"x"', '{', `{"a":${'['.repeat(5000)}`])
      await check(await send(path(), sent), 'body', sent.slice(0, 20))
    assert.deepEqual(asked, [], name)
  })
}
