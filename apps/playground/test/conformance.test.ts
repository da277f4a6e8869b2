import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Page } from 'playwright-core'
import { servePlayground } from '../src/server/serve.ts'
import { findChromium, NO_CHROMIUM, openChromium } from './chromium.ts'
import type { Asked, Found } from './page/conformance.ts'
import type { Harness } from './page/harness.ts'

const chromium = findChromium()
const vectors = join(import.meta.dirname, '../../../vectors')
const bytes = (html: string): Uint8Array => new TextEncoder().encode(html)
const files = new Map<string, Uint8Array>([
  [
    'harness.html',
    bytes(
      '<!doctype html><html lang="en"><title>Harness</title><script type="module" src="harness.js"></script>',
    ),
  ],
  ['programs.json', readFileSync(join(vectors, 'programs.json'))],
  ...readdirSync(join(vectors, 'scalar')).map(
    (name) => [name, readFileSync(join(vectors, 'scalar', name))] as const,
  ),
])
const modules = [join(import.meta.dirname, 'page/harness.ts')]

type Global = { harness: Harness }
const conform = (page: Page, asked: Asked): Promise<Found> =>
  page.evaluate((asked) => (globalThis as unknown as Global).harness.conform(asked), asked)
const openHere = (page: Page): Promise<string> =>
  page.evaluate(() => (globalThis as unknown as Global).harness.openHere())

test('a real browser gives the committed bits: scalars, whole programs, ten steps of every architecture', {
  skip: chromium === undefined && NO_CHROMIUM,
  timeout: 600_000,
}, async (t) => {
  const browser = await openChromium(chromium!)
  t.after(() => browser.close())
  for (const isolated of [true, false]) {
    const served = await servePlayground({ isolated, modules, files })
    t.after(served.close)
    const page = await browser.newPage()
    page.setDefaultTimeout(300_000)
    await page.goto(`${served.url}harness.html`)
    await page.waitForFunction(() => 'harness' in globalThis)
    const ways: Asked[] = isolated
      ? [{ threads: 1 }, { threads: 2, shareFrom: 0 }, { threads: 2, shareFrom: 0, relaxed: 'off' }]
      : [{ threads: 1 }]
    for (const asked of ways) {
      const found = await conform(page, asked)
      const what = `${isolated ? 'isolated' : 'not isolated'}, ${found.executor}`
      t.diagnostic(`${what}: ${found.scalars} scalar cases, ${found.programs} programs`)
      assert.deepEqual(found.wrong, [], what)
      assert.ok(found.programs >= 30 && found.scalars > 1000, what)
    }
    if (isolated) assert.match(await openHere(page), /allowed: 1, because a page's main thread may not wait/)
    else {
      await assert.rejects(
        conform(page, { threads: 2 }),
        /not cross-origin isolated.*Cross-Origin-Opener-Policy/,
      )
      assert.match(await openHere(page), /not cross-origin isolated/)
    }
    await page.close()
  }
})
