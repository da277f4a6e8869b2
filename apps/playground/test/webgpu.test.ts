import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Arithmetic, Way } from '@lockstep/gpu/webgpu'
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
const everywhere = (way: Way): Arithmetic => ({ fadd: way, fmul: way, fdiv: way, fsqrt: way, fma: way })

test('WebGPU gives the committed bits in this browser, on a software adapter where there is no other', {
  skip: chromium === undefined && NO_CHROMIUM,
  timeout: 900_000,
}, async (t) => {
  const browser = await openChromium(chromium!, 'webgpu')
  t.after(() => browser.close())
  const served = await servePlayground({ modules, files })
  t.after(served.close)
  const page = await browser.newPage()
  page.setDefaultTimeout(800_000)
  await page.goto(`${served.url}gpu.html`)
  await page.waitForFunction(() => 'gpuHarness' in globalThis)
  const adapter = await page.evaluate(() => (globalThis as unknown as Global).gpuHarness.adapter())
  if (adapter === undefined) return t.skip('this Chromium offers no WebGPU adapter')
  t.diagnostic(`adapter: ${adapter}`)
  const prove = (arithmetic?: Arithmetic): ReturnType<GpuHarness['prove']> =>
    page.evaluate((a) => (globalThis as unknown as Global).gpuHarness.prove(a), arithmetic)

  const proof = await prove()
  assert.ok('arithmetic' in proof, 'refusal' in proof ? proof.refusal : '')
  const guarded = await prove(everywhere('guarded'))
  t.diagnostic('refusal' in guarded ? `not guarded: ${guarded.refusal}` : `guarded: ${guarded.cases} cases`)
  const ways = {
    integer: everywhere('integer'),
    faster: 'arithmetic' in guarded ? guarded.arithmetic : proof.arithmetic,
  }

  await t.test(
    'what the device proves of itself; what it cannot prove is refused by the failing case',
    async (t) => {
      t.diagnostic(`${proof.cases} cases: ${JSON.stringify(proof.arithmetic)}`)
      for (const { op, way, why } of proof.refused) t.diagnostic(`${op} is not ${way}: ${why}`)
      if (proof.refused.length === 0) return // a device that is right in everything
      const { op, way } = proof.refused[0]!
      const forced = await prove({ ...everywhere('integer'), [op]: way })
      assert.ok('refusal' in forced)
      assert.match(forced.refusal, new RegExp(`${op} by ${way} arithmetic is of 0x.* gives 0x`))
    },
  )

  for (const way of ['integer', 'faster'] as const)
    await t.test(`the vectors of every instruction, ${way}`, async () => {
      const wrong = await page.evaluate(
        (a) => (globalThis as unknown as Global).gpuHarness.scalars(a),
        ways[way],
      )
      assert.deepEqual(wrong, [])
    })

  await t.test('scatters in order', async () => {
    const wrong = await page.evaluate(
      (a) => (globalThis as unknown as Global).gpuHarness.scatters(16, a),
      ways.integer,
    )
    assert.deepEqual(wrong, [])
  })

  const runs: [string, keyof typeof ways][] = [
    ['random program', 'integer'],
    ['random product', 'integer'],
    ['random product', 'faster'],
  ]
  if (nightly) {
    runs.push(['random network', 'integer'])
    for (const model of ['mlp', 'gpt', 'llama', 'resnet'])
      runs.push([`10 training steps of a ${model}`, 'integer'])
  }
  for (const [prefix, way] of runs)
    await t.test(`programs: ${prefix}, ${way}`, async (t) => {
      const { ran, wrong } = await page.evaluate(
        ([p, a]) => (globalThis as unknown as Global).gpuHarness.programs(p, a),
        [prefix, ways[way]] as const,
      )
      t.diagnostic(`${ran} programs ran`)
      assert.ok(ran > 0)
      assert.deepEqual(wrong, [])
    })
})
