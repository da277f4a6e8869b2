import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Arithmetic } from '@lockstep/gpu/webgpu'
import type { Page } from 'playwright-core'
import { servePlayground } from '../src/server/serve.ts'
import { findChromium, NO_CHROMIUM, openChromium } from './chromium.ts'
import type { GpuHarness } from './page/webgpu.ts'

const chromium = findChromium()
const nightly = process.env.LOCKSTEP_NIGHTLY === '1'
const vectors = join(import.meta.dirname, '../../../vectors')
const files = new Map<string, Uint8Array>([
  [
    'gpu.html',
    new TextEncoder().encode(
      '<!doctype html><html lang="en"><title>GPU</title><script type="module" src="webgpu.js"></script>',
    ),
  ],
  ['programs.json', readFileSync(join(vectors, 'programs.json'))],
  ...readdirSync(join(vectors, 'scalar')).map(
    (name) => [name, readFileSync(join(vectors, 'scalar', name))] as const,
  ),
])
const modules = [join(import.meta.dirname, 'page/webgpu.ts')]

type Global = { gpuHarness: GpuHarness }
const scalars = (page: Page, arithmetic?: Arithmetic): Promise<readonly string[]> =>
  page.evaluate((a) => (globalThis as unknown as Global).gpuHarness.scalars(a), arithmetic)
const programs = (page: Page, prefix: string): Promise<{ ran: number; wrong: readonly string[] }> =>
  page.evaluate((p) => (globalThis as unknown as Global).gpuHarness.programs(p), prefix)

test('WebGPU gives the committed bits in this browser, on a software adapter where there is no other', {
  skip: chromium === undefined && NO_CHROMIUM,
  timeout: 600_000,
}, async (t) => {
  const browser = await openChromium(chromium!, 'webgpu')
  t.after(() => browser.close())
  const served = await servePlayground({ modules, files })
  t.after(served.close)
  const page = await browser.newPage()
  page.setDefaultTimeout(500_000)
  await page.goto(`${served.url}gpu.html`)
  await page.waitForFunction(() => 'gpuHarness' in globalThis)
  const adapter = await page.evaluate(() => (globalThis as unknown as Global).gpuHarness.adapter())
  if (adapter === undefined) return t.skip('this Chromium offers no WebGPU adapter')
  t.diagnostic(`adapter: ${adapter}`)

  await t.test('the vectors of every instruction', async () => {
    assert.deepEqual(await scalars(page), [])
  })

  const asked = ['random program', 'random product']
  if (nightly) asked.push('random network', '10 training steps of a mlp', '10 training steps of a gpt')
  for (const prefix of asked)
    await t.test(`programs: ${prefix}`, async (t) => {
      const { ran, wrong } = await programs(page, prefix)
      t.diagnostic(`${ran} programs ran`)
      assert.ok(ran > 0)
      assert.deepEqual(wrong, [])
    })
})
