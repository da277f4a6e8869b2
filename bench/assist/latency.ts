import { readFileSync } from 'node:fs'
import { availableParallelism, cpus, loadavg } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Browser, Page } from 'playwright-core'
import { serveAssist } from '../../apps/assist/src/server/serve.ts'
import { findChromium, NO_CHROMIUM, openChromium } from '../../apps/playground/test/chromium.ts'
import { figure, limitRow, median, type Row } from '../row.ts'
import type { Section } from '../swarm/section.ts'
import { mainThreadTasks, type Task } from './main-thread.ts'

/**
 * How soon the page answers, in a headless Chromium on this machine. Keys are pressed through the browser's own protocol, 8 a
 * second, and times are taken in the page from the key's event on: to what the assistant says (an offer or none), to the end
 * of the frame that shows an offer, and to the end of the frame that shows the key's own letter. Every offer that is likely
 * enough is shown, however often; nothing else is set otherwise than by default.
 *
 * - in the page's editor with no assistant in it: what the browser and the library take by themselves;
 * - in the page's editor;
 * - in the same while one update after another is trained, as the button of the panel does it: updates that the page begins
 *   itself rest while someone types;
 * - in the building game.
 *
 * What is typed is prose that the base was not trained on. Other programs that keep this machine busy make all of it
 * slower: how busy it was without the browser is told.
 */
const TEXT = join(import.meta.dirname, '../../data/addresses-later.txt')
const PAGES = join(import.meta.dirname, '../../apps/assist/test/page')
const WATCH = join(PAGES, 'watch-keys.ts')
const PLAIN = join(PAGES, 'plain-editor.ts')

const TARGET = { median: 50, p95: 150, task: 8, frames: 50 } as const
/** Milliseconds from one key to the next. */
const PACE = 120
/** Keys before those that are timed: a page is slower while it is new. */
const WARM = 20

export const section: Section = async ({ quick, tell }) => {
  const chromium = findChromium()
  if (!chromium) {
    tell('latency', NO_CHROMIUM)
    return []
  }
  const text = proseFrom(readFileSync(TEXT, 'utf8'))
  const size = quick ? { before: 400, plain: 30, keys: 60 } : { before: 1500, plain: 80, keys: 150 }
  const busyBefore = await busyShare()
  const served = await serveAssist({ modules: [WATCH, PLAIN] })
  const browser = await openChromium(chromium)
  const rows: Row[] = []
  try {
    tell('browser', `headless Chromium ${browser.version()}, ${availableParallelism()} cores`)
    let at = 0
    const next = (count: number): string => {
      at += count
      return text.slice(at - count, at)
    }
    const plain = await openPlain(browser, served.url)
    const control = await timed(browser, plain, next(WARM), next(size.plain))
    rows.push(...paintRows('with no assistant', control), ...taskRows('with no assistant', control))
    await plain.context().close()

    const page = await (await browser.newContext(VIEW)).newPage()
    await page.goto(served.url)
    await page.waitForSelector('html[data-ready]')
    await page.addScriptTag({ url: 'watch-keys.js', type: 'module' })
    await page.evaluate(async () => {
      const { assistant, builder } = globalThis as unknown as Scope
      for (const one of [assistant, builder]) await one.set({ attention: 0, patience: 100, latency: 10_000 })
    })
    // Something to learn from: as though it had been typed before.
    for (const part of next(size.before).match(/.{1,40}/gs) ?? []) await page.keyboard.insertText(part)
    await page.waitForTimeout(500)

    for (const when of ['writing', 'writing while it learns'] as const) {
      const learns = when !== 'writing'
      if (learns) await page.evaluate(() => (globalThis as unknown as Scope).watch.learn())
      const found = await timed(browser, page, next(WARM), next(size.keys))
      rows.push(
        ...answerRows(when, found),
        ...paintRows(when, found, control),
        ...taskRows(when, found, control),
      )
      tell(`${when}: suggestions`, `${found.answers.length}, of which ${found.offers.length} were shown`)
      tell(`${when}: overtaken by the next key`, found.overtaken)
      if (learns)
        tell(
          'updates begun meanwhile',
          await page.evaluate(() => (globalThis as unknown as Scope).watch.rest()),
        )
    }

    await page.click('#tab-build')
    await page.focus('.game-board')
    const game = await timed(browser, page, walk(1), walk(quick ? 2 : 5))
    rows.push(...answerRows('building', game), ...paintRows('building', game), ...taskRows('building', game))
    tell('building: suggestions', game.answers.length)
  } finally {
    await browser.close()
    await served.close()
  }
  // Whoever reads the times sees whether the machine was theirs.
  rows.push(figure('machine busy with something else', 100 * Math.max(busyBefore, await busyShare()), '%'))
  tell('load over the last minute', loadavg()[0]!.toFixed(1))
  return rows
}

const VIEW = { viewport: { width: 1280, height: 800 } } as const

/** The page with no script of its own but a plain editor. */
const openPlain = async (browser: Browser, url: string): Promise<Page> => {
  const page = await (await browser.newContext(VIEW)).newPage()
  await page.route('**/page.js', (route) => route.abort())
  await page.goto(url)
  for (const script of ['plain-editor.js', 'watch-keys.js'])
    await page.addScriptTag({ url: script, type: 'module' })
  await page.waitForSelector('html[data-ready]')
  return page
}

type Found = {
  readonly paints: readonly number[]
  readonly offers: readonly number[]
  readonly answers: readonly number[]
  readonly overtaken: number
  readonly tasks: readonly Task[]
}

/** Types what is not timed, then what is. */
const timed = async (browser: Browser, page: Page, warm: Keys, keys: Keys): Promise<Found> => {
  await press(page, warm)
  await page.waitForTimeout(500)
  const before = await page.evaluate(() => {
    const { watch } = globalThis as unknown as Scope
    watch.clear()
    return watch.overtaken()
  })
  await browser.startTracing(page, { categories: ['toplevel'] })
  await press(page, keys)
  // Long enough for the last answer, and too short for the question that follows a pause.
  await page.waitForTimeout(300)
  const seen = await page.evaluate(() => {
    const { paints, offers, answers, overtaken } = (globalThis as unknown as Scope).watch
    return { paints, offers, answers, overtaken: overtaken() }
  })
  const tasks = mainThreadTasks(await browser.stopTracing())
  return { ...seen, overtaken: seen.overtaken - before, tasks }
}

/** Letters to type, or names of keys. */
type Keys = string | readonly string[]

const press = async (page: Page, keys: Keys): Promise<void> => {
  if (typeof keys === 'string') return page.keyboard.type(keys, { delay: PACE })
  for (const key of keys) await page.keyboard.press(key, { delay: PACE })
}

/** Blocks in rows of three across the board, game after game: what was built in one is what the next may be. */
const walk = (games: number): string[] => {
  const row = ['Space', 'ArrowRight', 'Space', 'ArrowRight', 'Space', 'ArrowDown', 'ArrowLeft', 'ArrowLeft']
  return Array.from({ length: games }, () => [...row, ...row, 'KeyN']).flat()
}

const answerRows = (when: string, { answers, offers }: Found): Row[] => {
  if (answers.length === 0) throw new Error(`${when}: nothing was suggested, so there are no times to tell`)
  const both = (what: string, times: readonly number[]): Row[] => [
    limitRow(`${when}: ${what}, median`, median(times), 'ms', 'target', TARGET.median),
    limitRow(`${when}: ${what}, p95`, quantile(times, 0.95), 'ms', 'target', TARGET.p95),
  ]
  const shown = offers.length > 0 ? both('key to offer on the screen', offers) : []
  return [...both('key to suggestion', answers), ...shown]
}

const paintRows = (when: string, { paints }: Found, control?: Found): Row[] => [
  besideRow(`${when}: key to its own letter, median`, median(paints), control && median(control.paints)),
  limitRow(
    `${when}: key to its own letter, p95`,
    quantile(paints, 0.95),
    'ms',
    'three frames',
    TARGET.frames,
  ),
]

const taskRows = (when: string, found: Found, control?: Found): Row[] => {
  const walls = found.tasks.map(({ wall }) => wall)
  const owns = found.tasks.map(({ own }) => own)
  return [
    limitRow(`${when}: main-thread task, p99`, quantile(walls, 0.99), 'ms', 'target', TARGET.task),
    limitRow(`${when}: main-thread task, longest`, Math.max(...walls), 'ms', 'target', TARGET.task),
    // By the clock a task lasts longer where other programs are given the processor meanwhile.
    limitRow(`${when}: processor time of a task, longest`, Math.max(...owns), 'ms', 'target', TARGET.task),
    besideRow(`${when}: tasks over 8 ms in 100 keys`, longIn(found), control && longIn(control), ''),
    besideRow(`${when}: processor time of a key`, timePerKey(found), control && timePerKey(control)),
  ]
}

const longIn = ({ tasks, paints }: Found): number =>
  (100 * tasks.filter(({ wall }) => wall > TARGET.task).length) / paints.length
const timePerKey = ({ tasks, paints }: Found): number =>
  tasks.reduce((sum, { own }) => sum + own, 0) / paints.length

/** Ours beside what the editor takes with no assistant in it; less is better. */
const besideRow = (what: string, ours: number, theirs: number | undefined, unit = 'ms'): Row =>
  theirs === undefined
    ? figure(what, ours, unit)
    : { ...figure(what, ours, unit), against: 'no assistant', theirs, ratio: ours > 0 ? theirs / ours : null }

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

/** The part of all processors' time that is taken, over one second in which this program takes none. */
const busyShare = async (): Promise<number> => {
  const times = () => {
    const all = cpus().map((one) => one.times)
    const idle = all.reduce((sum, one) => sum + one.idle, 0)
    return {
      idle,
      whole: all.reduce((sum, { user, nice, sys, idle, irq }) => sum + user + nice + sys + idle + irq, 0),
    }
  }
  const before = times()
  await sleep(1000)
  const after = times()
  return 1 - (after.idle - before.idle) / (after.whole - before.whole)
}

/** What the page has in its global scope: its own assistants, and the watch of test/page/watch-keys.ts. */
type Scope = {
  readonly watch: {
    readonly paints: number[]
    readonly offers: number[]
    readonly answers: number[]
    clear(): void
    overtaken(): number
    learn(): void
    rest(): number
  }
  readonly assistant: { set(settings: object): Promise<unknown> }
  readonly builder: { set(settings: object): Promise<unknown> }
}
