import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { LearnOutcome } from '@lockstep/assist'
import { findChromium, NO_CHROMIUM, openChromium } from '@lockstep/playground/chromium'
import { serveAssist } from '../src/server/serve.ts'

const chromium = findChromium()
const skip = chromium === undefined && NO_CHROMIUM
const LINE = 'and the sea was calm again, and the ship sailed on. '

type Happened = { readonly what: 'acted' | 'frame' | 'asked'; readonly at: number }
type Scope = {
  readonly assistant: {
    acted(state: unknown, action: unknown): Promise<void>
    offer(state: unknown): Promise<unknown>
    set(settings: object): Promise<unknown>
    learn(): Promise<LearnOutcome>
  }
  readonly happened: Happened[]
}

test('a letter is shown before the model is asked, and what learns is a worker of its own that goes afterwards', {
  skip,
  timeout: 600_000,
}, async (t) => {
  const served = await serveAssist()
  t.after(() => served.close())
  const browser = await openChromium(chromium!)
  t.after(() => browser.close())
  const page = await browser.newPage()
  page.setDefaultTimeout(180_000)
  await page.goto(served.url)
  await page.waitForSelector('html[data-ready]')

  await page.evaluate(async () => {
    const { assistant } = globalThis as unknown as Scope
    // An offer that is typed along with would not be asked for again.
    await assistant.set({ offers: false })
    const happened: Happened[] = []
    const note = (what: Happened['what']): void => void happened.push({ what, at: performance.now() })
    const { acted, offer } = assistant
    Object.assign(globalThis, { happened })
    Object.assign(assistant, {
      acted: (state: unknown, action: unknown) => {
        note('acted')
        requestAnimationFrame(() => note('frame'))
        return acted(state, action)
      },
      offer: (state: unknown) => {
        note('asked')
        return offer(state)
      },
    })
  })
  for (let key = 0; key < 4; key++) {
    await page.evaluate(() => {
      ;(globalThis as unknown as Scope).happened.length = 0
    })
    await page.keyboard.press('a')
    await page.waitForFunction(() => {
      const { happened } = globalThis as unknown as Scope
      const at = happened.findIndex(({ what }) => what === 'acted')
      return at >= 0 && happened.length - at > 2
    })
    const happened = await page.evaluate(() => (globalThis as unknown as Scope).happened)
    const at = happened.findIndex(({ what }) => what === 'acted')
    const [letter, first] = happened.slice(at)
    // Where a frame takes very long, the question that follows a pause comes before it.
    if (first!.at - letter!.at < 600) assert.equal(first!.what, 'frame', JSON.stringify(happened))
  }

  for (let times = 0; times < 10; times++) await page.keyboard.insertText(LINE)
  const there = page.workers().length
  const opened: { readonly url: string; readonly closed: Promise<void> }[] = []
  page.on('worker', (worker) => {
    const closed = new Promise<void>((resolve) => worker.on('close', () => resolve()))
    opened.push({ url: worker.url(), closed })
  })
  const outcome = await page.evaluate(async () => {
    const { assistant } = globalThis as unknown as Scope
    await assistant.set({ steps: 1 })
    return assistant.learn()
  })
  assert.ok(outcome.heldOut, JSON.stringify(outcome))
  assert.equal(opened.length, 1)
  assert.match(opened[0]!.url, /text-worker/)
  await opened[0]!.closed
  assert.equal(page.workers().length, there)
})
