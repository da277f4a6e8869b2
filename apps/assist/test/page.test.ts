import assert from 'node:assert/strict'
import { test } from 'node:test'
import { findChromium, NO_CHROMIUM, openChromium } from '@lockstep/playground/chromium'
import type { Page } from 'playwright-core'
import { serveAssist } from '../src/server/serve.ts'

const chromium = findChromium()
const skip = chromium === undefined && NO_CHROMIUM
const LINE = 'the ship sailed over the grey sea and the crew slept. '

/** Waits until the words of an element are like this. */
const waitFor = (page: Page, id: string, pattern: RegExp): Promise<unknown> =>
  page.waitForFunction(
    ([id, source]) => new RegExp(source!).test(document.getElementById(id!)?.textContent ?? ''),
    [id, pattern.source] as const,
  )
const written = (page: Page): Promise<string> =>
  page.locator('.cm-line').evaluateAll((lines) =>
    lines
      .map((line) => {
        const copy = line.cloneNode(true) as HTMLElement
        for (const ghost of copy.querySelectorAll('.ghost')) ghost.remove()
        return copy.textContent
      })
      .join('\n'),
  )

test('with the keyboard alone a text is written with offers that are taken, undone and sent away, and is there again without a server', {
  skip,
  timeout: 600_000,
}, async (t) => {
  const served = await serveAssist()
  let isServed = true
  t.after(() => (isServed ? served.close() : undefined))
  const browser = await openChromium(chromium!)
  t.after(() => browser.close())
  const context = await browser.newContext({ viewport: { width: 360, height: 740 } })
  const page = await context.newPage()
  page.setDefaultTimeout(180_000)
  const errors: string[] = []
  page.on('pageerror', ({ message }) => errors.push(message))
  const asked: string[] = []
  context.on('request', (request) => asked.push(`${request.method()} ${new URL(request.url()).origin}`))
  await page.goto(served.url)
  await page.waitForSelector('html[data-ready]')
  const { keyboard } = page

  // What was written before is known: in the end it is offered.
  for (let times = 0; times < 8; times++) await keyboard.insertText(LINE)
  await page.evaluate(() =>
    (globalThis as unknown as { assistant: { set(settings: object): Promise<void> } }).assistant.set({
      ...{ attention: 0, least: 0, latency: 10_000, patience: 100 },
    }),
  )
  const offered = async (): Promise<string> => {
    await page.waitForSelector('.ghost')
    return (await page.locator('.ghost').textContent()) ?? ''
  }
  await keyboard.type('the ship sai')
  const [before, ghost] = [await written(page), await offered()]
  await keyboard.press('Tab')
  assert.equal(await written(page), before + ghost, 'Tab takes an offer')
  await keyboard.press('Control+z')
  assert.equal(await written(page), before, 'it is undone whole')

  await keyboard.type('l')
  const stands = await written(page)
  await offered()
  await keyboard.press('Escape')
  assert.equal(await page.locator('.ghost').count(), 0)
  assert.equal(await written(page), stands, 'what is sent away leaves no trace in the text')
  await waitFor(page, 'why', /It expected/)

  // Tab goes on through the page where there is no offer.
  await keyboard.press('Tab')
  assert.notEqual(await page.evaluate(() => document.activeElement?.className), 'cm-content')

  const wide = await page.evaluate(() => {
    for (const details of document.querySelectorAll('details')) details.open = true
    return document.documentElement.scrollWidth
  })
  assert.ok(wide <= 360, `the page is ${wide} px wide where there are 360`)

  // Episodes end, are listed, and are deleted.
  await waitFor(page, 'episodes', /still open/)
  await page.locator('#end').press('Enter')
  await page.waitForFunction(() => !document.getElementById('episodes')?.textContent?.includes('still open'))
  await page.locator('#episodes button[aria-label^="Delete"]').first().press('Enter')
  await waitFor(page, 'episodes', /^Nothing yet/)

  await waitFor(page, 'left', /Nothing has ever left/)
  assert.deepEqual(
    new Set(asked),
    new Set([`GET ${new URL(served.url).origin}`]),
    'only the page is asked for',
  )

  await page.waitForSelector('html[data-offline]')
  await page.reload()
  await page.waitForSelector('html[data-ready]')
  assert.equal(await written(page), stands, 'the text is there after a reload')
  await served.close()
  isServed = false
  await page.reload()
  await page.waitForSelector('html[data-ready]')
  assert.equal(await written(page), stands, 'and without a server')
  assert.deepEqual(errors, [])
})
