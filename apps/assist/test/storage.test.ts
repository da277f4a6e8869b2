import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { bundleForBrowser } from '../../playground/src/server/bundle.ts'
import { findChromium, NO_CHROMIUM, openChromium } from '../../playground/test/chromium.ts'
import type { StoragePage } from './page/storage.ts'

const chromium = findChromium()
const HTML =
  '<!doctype html><html lang="en"><title>Storage</title><script type="module" src="storage.js"></script>'

type Global = { readonly storage: StoragePage }

test("a browser's database is a storage, and an assistant with its model in a worker is there the next time", {
  skip: chromium === undefined && NO_CHROMIUM,
  timeout: 300_000,
}, async (t) => {
  const files = await bundleForBrowser([join(import.meta.dirname, 'page/storage.ts')])
  const server = createServer(({ url }, response) => {
    const script = files.get((url ?? '/').slice(1))
    response.setHeader('content-type', script ? 'text/javascript' : 'text/html; charset=utf-8')
    response.end(script ?? HTML)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  const browser = await openChromium(chromium!)
  t.after(() => browser.close())
  const page = await browser.newPage()
  page.setDefaultTimeout(120_000)
  const open = async (): Promise<void> => {
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
    await page.waitForFunction(() => 'storage' in globalThis)
  }
  await open()
  assert.deepEqual(await page.evaluate(() => (globalThis as unknown as Global).storage.broken()), [])
  const text = 'some words come again. some words come ag'
  const offered = await page.evaluate((text) => (globalThis as unknown as Global).storage.write(text), text)
  assert.equal(offered, 'ain. ')
  await open()
  assert.deepEqual(await page.evaluate(() => (globalThis as unknown as Global).storage.keys()), [
    'a/a.x',
    'b',
  ])
  assert.equal(await page.evaluate(() => (globalThis as unknown as Global).storage.written()), text)
})
