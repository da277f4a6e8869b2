import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { createWasmExecutor } from '@lockstep/tensor'
import type { Browser, Page } from 'playwright-core'
import type { Choice } from '../src/choice.ts'
import { servePlayground } from '../src/server/serve.ts'
import { openTraining, ROOT_EVERY } from '../src/training.ts'
import { findChromium, NO_CHROMIUM, openChromium } from './chromium.ts'
import { countWorkers, threadsLeft } from './workers.ts'

const chromium = findChromium()
const skip = chromium === undefined && NO_CHROMIUM
const PATIENCE = 180_000

const open = async (browser: Browser, url: string): Promise<{ page: Page; errors: string[] }> => {
  const page = await browser.newPage({ viewport: { width: 360, height: 740 } })
  page.setDefaultTimeout(PATIENCE)
  const errors: string[] = []
  page.on('pageerror', ({ message }) => errors.push(message))
  page.on('console', (message) => message.type() === 'error' && errors.push(message.text()))
  await page.addInitScript(watchMainThread)
  await page.goto(url)
  await page.waitForFunction(() => document.querySelectorAll('#size option').length > 0)
  return { page, errors }
}

/** In the page: keeps the longest time for which its main thread did not come to something that was due at once. */
const watchMainThread = (): void => {
  const seen = { longest: 0, since: performance.now() }
  Object.assign(globalThis, { mainThread: seen })
  const { port1, port2 } = new MessageChannel()
  port1.onmessage = () => {
    const now = performance.now()
    seen.longest = Math.max(seen.longest, now - seen.since)
    setTimeout(() => {
      seen.since = performance.now()
      port2.postMessage(undefined)
    }, 5)
  }
  port2.postMessage(undefined)
}
type Watched = { mainThread: { longest: number } }

const words = (page: Page, id: string): Promise<string> =>
  page.locator(`#${id}`).evaluate((element) => element.textContent ?? '')
const waitForWords = async (page: Page, id: string, pattern: RegExp): Promise<void> => {
  const source = pattern.source
  await page.waitForFunction(
    ([id, source]) => new RegExp(source).test(document.getElementById(id)?.textContent ?? ''),
    [id, source] as const,
  )
}
const focused = (page: Page): Promise<string | undefined> => page.evaluate(() => document.activeElement?.id)

/** Whole roots as the page shows them, by step: its own and Node's. */
const rootsOf = (page: Page): Promise<{ step: number; ours: string; theirs: string }[]> =>
  page.locator('#roots tbody tr').evaluateAll((rows) =>
    rows.map((row) => {
      const [ours = '', theirs = ''] = [...row.querySelectorAll('code')].map(({ title }) => title)
      return { step: Number(row.querySelector('th')?.textContent), ours, theirs }
    }),
  )

/** The first root that this process computes, without the playground's server. */
const firstRoot = async (choice: Choice): Promise<string> => {
  const text = readFileSync(join(import.meta.dirname, '../../../data/moby-dick.txt'))
  const executor = await createWasmExecutor()
  const training = await openTraining(choice, text, executor)
  for (let step = 0; step < ROOT_EVERY; step++) await training.step()
  const root = training.root()
  await executor.close()
  return root
}

test('with the keyboard alone a GPT is trained in a page, and every root is that of Node', {
  skip,
  timeout: 600_000,
}, async (t) => {
  const served = await servePlayground()
  t.after(served.close)
  const browser = await openChromium(chromium!)
  t.after(() => browser.close())
  const { page, errors } = await open(browser, served.url)
  const { keyboard } = page

  // The largest model has far more steps than are done before a key is pressed.
  for (const id of ['size', 'seed', 'engine', 'threads', 'run']) {
    await keyboard.press('Tab')
    assert.equal(await focused(page), id)
  }
  await keyboard.press('Enter')
  await waitForWords(page, 'progress', /^Step [1-9]/)
  assert.equal(await words(page, 'run'), 'Pause')
  assert.equal(await countWorkers(browser), Number(await page.locator('#threads').inputValue()))
  await keyboard.press('Enter')
  await waitForWords(page, 'run', /Continue/)
  const paused = await words(page, 'progress')
  assert.equal(await focused(page), 'run', 'the button keeps the focus when its name changes')
  await keyboard.press('Space')
  await waitForWords(page, 'run', /Pause/)
  await page.waitForFunction(
    (paused) => !document.getElementById('progress')?.textContent?.startsWith(paused),
    paused,
  )
  await keyboard.press('Tab')
  await keyboard.press('Enter')
  await waitForWords(page, 'run', /Start/)
  assert.equal(await words(page, 'progress'), 'Step 0 of 300')
  assert.deepEqual(await threadsLeft(browser), [], 'a reset ends the threads')

  // The smallest one to its end.
  await page.locator('#size').focus()
  await keyboard.press('End')
  await keyboard.press('Tab')
  await keyboard.press('Control+A')
  await keyboard.type('7')
  await keyboard.press('Enter')
  await waitForWords(page, 'run', /Done/)
  await waitForWords(page, 'verdict', /All 20 roots are equal to Node’s until step 200, to the last bit\.$/)
  const roots = await rootsOf(page)
  assert.equal(roots.length, 20)
  for (const { step, ours, theirs } of roots) assert.equal(ours, theirs, `step ${step}`)
  assert.equal(roots.at(-1)?.step, ROOT_EVERY)
  assert.equal(roots.at(-1)?.ours, await firstRoot({ size: 'tiny', seed: 7 }))
  await page.waitForFunction(() => (document.getElementById('sample')?.textContent?.length ?? 0) > 100)
  assert.match(await words(page, 'sample'), /^Call me /)

  await page.locator('#chart svg').focus()
  await keyboard.press('Home')
  assert.match(await words(page, 'point'), /^Step 1: loss 5\.\d/)
  await keyboard.press('ArrowRight')
  assert.match(await page.locator('#chart svg').evaluate((e) => e.getAttribute('aria-label') ?? ''), /Loss/)
  assert.match(await words(page, 'point'), /^Step 2: loss/)

  await page.locator('#whole').focus()
  await keyboard.press('Space')
  assert.match(await page.locator('#roots code').first().innerText(), /^0x[0-9a-f]{64}$/)
  const wide = await page.evaluate(() => document.documentElement.scrollWidth)
  assert.ok(wide <= 360, `the page is ${wide} px wide where there are 360`)
  assert.deepEqual(errors, [])
  const { longest } = await page.evaluate(() => (globalThis as unknown as Watched).mainThread)
  t.diagnostic(`the page's main thread was busy for at most ${longest.toFixed(1)} ms at once`)
})

test('without isolation the page says why it has one thread, and has the same bits', {
  skip,
  timeout: 600_000,
}, async (t) => {
  const served = await servePlayground({ isolated: false })
  t.after(served.close)
  const browser = await openChromium(chromium!)
  t.after(() => browser.close())
  const { page, errors } = await open(browser, served.url)
  assert.match(
    await words(page, 'about'),
    /Not cross-origin isolated, so there is one thread\. The bits are the same/,
  )
  assert.equal(await page.locator('#threads option').count(), 1)
  await page.locator('#size').selectOption('tiny')
  await page.locator('#seed').fill('7')
  await page.locator('#run').press('Enter')
  await waitForWords(page, 'verdict', /equal/)
  assert.equal((await rootsOf(page)).at(-1)?.ours, await firstRoot({ size: 'tiny', seed: 7 }))
  assert.deepEqual(errors, [])
})

test('on WebGPU the page has the same bits, too', {
  skip:
    skip ||
    (process.env.LOCKSTEP_NIGHTLY !== '1' && 'LOCKSTEP_NIGHTLY is not set: a software GPU takes minutes'),
  timeout: 900_000,
}, async (t) => {
  const served = await servePlayground()
  t.after(served.close)
  const browser = await openChromium(chromium!, 'webgpu')
  t.after(() => browser.close())
  const { page } = await open(browser, served.url)
  page.setDefaultTimeout(800_000)
  if (!(await page.evaluate(async () => Boolean(await navigator.gpu?.requestAdapter()))))
    return t.skip('this Chromium offers no WebGPU adapter')
  await page.locator('#size').selectOption('tiny')
  await page.locator('#seed').fill('7')
  await page.locator('#engine').selectOption('gpu')
  await page.locator('#run').press('Enter')
  await waitForWords(page, 'about', /Arithmetic.*proved on/)
  await waitForWords(page, 'verdict', /equal/)
  assert.equal((await rootsOf(page)).at(-1)?.ours, await firstRoot({ size: 'tiny', seed: 7 }))
})
