import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { serveAssist } from '../../apps/assist/src/server/serve.ts'
import { findChromium, NO_CHROMIUM, openChromium } from '../../apps/playground/test/chromium.ts'
import { figure, limitRow, median, type Row } from '../row.ts'
import type { Section } from '../swarm/section.ts'

/**
 * How soon the page answers, in a headless Chromium on this machine: keys are pressed through the browser's own protocol,
 * and times are taken in the page, from the key's event to the frame after what it changed.
 *
 * - offers: at 3 keys a second, every suggestion is shown whatever it is worth and however late it comes, so that none is
 *   left out of the times;
 * - typing: at 12 keys a second, with offers as they are by default;
 * - each once with nothing beside it, and once while an update is trained.
 *
 * What is typed is prose that the base was not trained on.
 */
const TEXT = join(import.meta.dirname, '../../data/addresses-later.txt')

const WATCH = join(import.meta.dirname, '../../apps/assist/test/page/watch-keys.ts')

const TARGET = { median: 50, p95: 150, task: 8 } as const

export const section: Section = async ({ quick, tell }) => {
  const chromium = findChromium()
  if (!chromium) {
    tell('latency', NO_CHROMIUM)
    return []
  }
  const text = proseFrom(readFileSync(TEXT, 'utf8'))
  const [before, slow, fast] = quick ? [400, 25, 60] : [1500, 100, 240]
  const served = await serveAssist({ modules: [WATCH] })
  const browser = await openChromium(chromium)
  try {
    tell('browser', `headless Chromium ${browser.version()}, ${availableParallelism()} cores`)
    const page = await browser.newPage({ viewport: { width: 1280, height: 800 } })
    await page.goto(served.url)
    await page.waitForSelector('html[data-ready]')
    await page.addScriptTag({ url: 'watch-keys.js', type: 'module' })
    let at = 0
    const next = (count: number): string => {
      at += count
      return text.slice(at - count, at)
    }
    // Something to learn from: as though it had been typed before.
    for (const part of next(before).match(/.{1,40}/gs) ?? []) await page.keyboard.insertText(part)
    await page.waitForTimeout(500)

    const rows: Row[] = []
    for (const beside of ['', ' while it learns']) {
      if (beside) await keepLearning(page)
      await set(page, { attention: 0, least: 0, patience: 100, latency: 10_000 })
      await clear(page)
      await page.keyboard.type(next(slow), { delay: 330 })
      await page.waitForTimeout(1000)
      const offers = (await seen(page)).offers
      if (offers.length === 0) throw new Error('no offer was seen, so there are no times to tell')
      tell(`offers timed${beside}`, `${offers.length} after ${slow} keys`)
      // Only what learning leaves of the time is promised for typing; the targets of offers are those of a quiet page.
      rows.push(
        ...(beside
          ? [
              figure(`key to offer${beside}, median`, median(offers), 'ms'),
              figure(`key to offer${beside}, p95`, quantile(offers, 0.95), 'ms'),
            ]
          : [
              limitRow('key to offer, median', median(offers), 'ms', 'target', TARGET.median),
              limitRow('key to offer, p95', quantile(offers, 0.95), 'ms', 'target', TARGET.p95),
            ]),
      )
      await set(page, { attention: 0.5, least: 0.2, patience: 10, latency: 150 })
      await clear(page)
      await browser.startTracing(page, { categories: ['toplevel', 'disabled-by-default-devtools.timeline'] })
      await page.keyboard.type(next(fast), { delay: 80 })
      const tasks = mainThreadTasks(await browser.stopTracing())
      const { paints } = await seen(page)
      const wall = tasks.map(({ wall }) => wall)
      const own = tasks.map(({ cpu }) => cpu)
      tell(`main-thread tasks${beside}`, `${tasks.length} while ${paints.length} keys were typed`)
      rows.push(
        figure(`key to its own letter${beside}, median`, median(paints), 'ms'),
        limitRow(`key to its own letter${beside}, p95`, quantile(paints, 0.95), 'ms', 'three frames', 50),
        limitRow(`main-thread task${beside}, p99`, quantile(wall, 0.99), 'ms', 'target', TARGET.task),
        limitRow(`main-thread task${beside}, longest`, Math.max(...wall), 'ms', 'target', TARGET.task),
        figure(`main-thread task${beside}, longest of its own processor time`, Math.max(...own), 'ms'),
      )
      if (beside) tell('updates begun while typing', await stopLearning(page))
    }
    return rows
  } finally {
    await browser.close()
    await served.close()
  }
}

/** Lines as one person types them: single spaces and plain marks. */
const proseFrom = (all: string): string =>
  all
    .slice(4000, 20_000)
    .replaceAll(/\s+/g, ' ')
    .replaceAll(/[^ -~]/g, '')

const quantile = (values: readonly number[], part: number): number => {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.ceil(part * sorted.length) - 1)]!
}

/** What the page has in its global scope: its own assistant, and the watch of test/page/watch-keys.ts. */
type Scope = {
  readonly watch: {
    readonly paints: number[]
    readonly offers: number[]
    clear(): void
    learn(): void
    rest(): number
  }
  readonly assistant: { set(settings: object): Promise<unknown> }
}
const clear = (page: Page): Promise<void> =>
  page.evaluate(() => (globalThis as unknown as Scope).watch.clear())
const seen = (page: Page): Promise<Pick<Scope['watch'], 'paints' | 'offers'>> =>
  page.evaluate(() => {
    const { paints, offers } = (globalThis as unknown as Scope).watch
    return { paints, offers }
  })
const set = (page: Page, settings: object): Promise<void> =>
  page.evaluate(async (settings) => {
    await (globalThis as unknown as Scope).assistant.set(settings)
  }, settings)
const keepLearning = (page: Page): Promise<void> =>
  page.evaluate(() => (globalThis as unknown as Scope).watch.learn())
const stopLearning = (page: Page): Promise<number> =>
  page.evaluate(() => (globalThis as unknown as Scope).watch.rest())

type TraceEvent = {
  readonly name: string
  readonly ph: string
  readonly pid: number
  readonly tid: number
  readonly dur?: number
  readonly tdur?: number
  readonly args?: { readonly name?: string }
}

/** Milliseconds of every task of the page's main thread, from a trace: by the clock, and of the processor's time. */
const mainThreadTasks = (trace: Uint8Array): { readonly wall: number; readonly cpu: number }[] => {
  const { traceEvents } = JSON.parse(new TextDecoder().decode(trace)) as { traceEvents: TraceEvent[] }
  const main = traceEvents.filter(
    ({ name, args }) => name === 'thread_name' && args?.name === 'CrRendererMain',
  )
  const isMain = ({ pid, tid }: TraceEvent): boolean => main.some((one) => one.pid === pid && one.tid === tid)
  return traceEvents
    .filter((event) => event.ph === 'X' && event.name.endsWith('RunTask') && isMain(event))
    .map(({ dur = 0, tdur = 0 }) => ({ wall: dur / 1000, cpu: tdur / 1000 }))
}
