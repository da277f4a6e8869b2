import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { after, before, test } from 'node:test'
import {
  type Assistant,
  type GridAction,
  type GridState,
  importEpisodes,
  type TextAction,
  type TextState,
  textOf,
} from '@lockstep/assist'
import { findChromium, NO_CHROMIUM, openChromium } from '@lockstep/playground/chromium'
import { unwrap } from '@lockstep/tensor'
import type { Browser, Page } from 'playwright-core'
import { serveAssist } from '../src/server/serve.ts'
import { firstWord } from '../src/writing/edits.ts'

const chromium = findChromium()
const options = { skip: chromium === undefined && NO_CHROMIUM, timeout: 600_000 }
type Served = Awaited<ReturnType<typeof serveAssist>>
type Global = {
  readonly assistant: Assistant<TextState, TextAction>
  readonly builder: Assistant<GridState, GridAction>
}

let served: Served
let browser: Browser
before(async () => {
  if (!chromium) return
  served = await serveAssist()
  browser = await openChromium(chromium)
})
after(async () => {
  await browser?.close()
  await served?.close()
})

/** The page for somebody new; what it complains of, of its own policy too, is an error. */
const openPage = async (): Promise<{ readonly page: Page; readonly errors: string[] }> => {
  const page = await (await browser.newContext({ acceptDownloads: true })).newPage()
  page.setDefaultTimeout(40_000)
  const errors: string[] = []
  page.on('pageerror', ({ message }) => errors.push(message))
  page.on('console', (message) => {
    if (message.type() === 'error') errors.push(message.text())
  })
  await page.goto(served.url)
  await page.waitForSelector('html[data-ready]')
  // However slow this machine is, what is offered is seen; and however little it saves.
  await page.evaluate(async () => {
    const { assistant, builder } = globalThis as unknown as Global
    for (const one of [assistant, builder])
      await one.set({ attention: 0, least: 0, latency: 10_000, patience: 100, steps: 8 })
  })
  return { page, errors }
}

const written = (page: Page): Promise<string> =>
  page.evaluate(() => {
    const copy = document.querySelector('.cm-content')!.cloneNode(true) as HTMLElement
    for (const ghost of copy.querySelectorAll('.ghost')) ghost.remove()
    return copy.textContent ?? ''
  })

/** What would be offered after a text, whatever was offered before, and what the model says of its least sure symbol. */
const offered = (page: Page, before: string) =>
  page.evaluate(async (before) => {
    const { assistant } = globalThis as unknown as Global
    const state = { before, after: '', kind: 'prose' } as const
    const offer = await assistant.offer(state)
    const explanation = offer && assistant.explain(offer)
    // It is sent away, and the next question is one after something was done.
    if (offer) await assistant.dismissed(offer)
    await assistant.acted(state, { deleted: 0 })
    if (!offer || !explanation || !('typed' in offer.action)) return undefined
    return { typed: offer.action.typed, version: offer.version, worst: explanation.features.worst }
  }, before)
/** What is told to whoever listens to the page. */
const said = (page: Page, words: string): Promise<void> =>
  page.locator('#spoken', { hasText: words }).waitFor({ state: 'attached' })
/** The editor asks for nothing itself while it has no focus. */
const leaveEditor = (page: Page): Promise<void> => page.locator('#learn').focus()

/** So long that an offer of it ends with it. */
const LONG = 'thequickbrownfoxjumpsoverthelazydogpackmyboxwithfive'
const USUAL = 'the ship sailed over the grey sea and the crew slept. '
const LINE = `they wrote ${LONG} on the wall. `

test(
  'learning makes a version, going back is going back to its offers, and an offer is taken by the word',
  options,
  async () => {
    const { page, errors } = await openPage()
    const { keyboard } = page
    // Nothing is offered meanwhile, so that what is learned from is the same however fast this machine is.
    const offering = (offers: boolean) =>
      page.evaluate((offers) => (globalThis as unknown as Global).assistant.set({ offers }), offers)
    await offering(false)
    for (let times = 0; times < 2; times++) await keyboard.insertText(LINE)
    for (let times = 0; times < 14; times++) await keyboard.insertText(USUAL)

    await leaveEditor(page)
    await offering(true)
    const place = `${LINE}they wrote thequ`
    const first = await offered(page, place)
    assert.equal(first?.typed.trim(), LONG.slice(5))
    assert.match(first.version, /^base-/)
    await page.getByRole('button', { name: 'Learn now' }).press('Enter')
    await page.locator('#learn-words', { hasText: 'Better than before, and in use' }).waitFor()
    const current = page.locator('#versions .current')
    await current.filter({ hasText: 'Learned from you' }).waitFor()
    assert.match(
      (await current.textContent()) ?? '',
      /\d\.\d{3} → \d\.\d{3} bits a symbol.*Receipt: 8 steps from 1 episode/,
    )
    assert.equal(await current.locator('dd').count(), await current.locator('dt').count())
    const learned = await offered(page, place)
    assert.match(learned?.version ?? '', /^own-/)
    assert.notEqual(learned?.worst, first.worst)

    await page.getByRole('button', { name: /^Go back to What it came with/ }).press('Enter')
    await said(page, 'Went back to another version.')
    await current.filter({ hasText: 'What it came with' }).waitFor()
    assert.deepEqual(await offered(page, place), first, 'bit for bit')

    // Ctrl-Right takes one word of several and leaves the others on offer.
    await page.locator('.cm-content').focus()
    await keyboard.press('Control+End')
    await keyboard.type('the ship sai')
    const ghost = page.locator('.ghost')
    await ghost.waitFor()
    const [stands, rest] = [await written(page), (await ghost.textContent()) ?? '']
    const word = firstWord(rest)
    assert.ok(word.length < rest.length, `${rest} is one word`)
    await keyboard.press('Control+ArrowRight')
    assert.equal(await written(page), stands + word)
    assert.equal(await ghost.textContent(), rest.slice(word.length))
    await keyboard.press('Tab')
    assert.equal(await written(page), stands + rest)
    assert.deepEqual(errors, [])
  },
)

test('patience, the cost of attention and the switch decide whether there are offers', options, async () => {
  const { page, errors } = await openPage()
  for (let times = 0; times < 4; times++) await page.keyboard.insertText(LINE)
  // What comes after a harbour is never the same, so that an offer ends with it.
  const harbours = ['one', 'two', 'six', 'red', 'lot', 'vex', 'jam', 'bad', 'fog', 'hub'].map(
    (word) => `harbour ${word}. `,
  )
  for (const harbour of harbours) await page.keyboard.insertText(harbour)
  const few = `${harbours.join('')}harb`
  const least = (least: number) =>
    page.evaluate((least) => (globalThis as unknown as Global).assistant.set({ least }), least)
  await leaveEditor(page)
  await page.locator('#settings-card summary').click()
  const place = `${LINE}they wr`
  const set = async (id: string, key: string, value: number | boolean): Promise<void> => {
    await page.locator(`#${id}`).press(key)
    await page.waitForFunction(
      ([id, value]) => {
        const settings = (globalThis as unknown as Global).assistant.settings()
        return settings[id as keyof typeof settings] === value
      },
      [id, value] as const,
    )
  }
  // What would save three keys is not worth the look if that costs five.
  await least(0.2)
  assert.ok(await offered(page, few))
  await set('attention', 'End', 5)
  assert.equal(await offered(page, few), undefined)
  await set('attention', 'Home', 0)
  assert.ok(await offered(page, few))
  await least(0)

  assert.ok(await offered(page, place))
  await set('offers', 'Space', false)
  assert.equal(await offered(page, place), undefined)
  await page.locator('#status', { hasText: 'Watches, and offers nothing' }).waitFor()
  await set('offers', 'Space', true)
  assert.ok(await offered(page, place))

  await set('patience', 'Home', 0)
  assert.equal(await offered(page, place), undefined)
  await set('patience', 'End', 50)
  assert.ok(await offered(page, place))

  assert.deepEqual(errors, [])
})

test(
  'episodes are listed, deleted one by one, exported, and known where they are imported',
  options,
  async () => {
    const { page, errors } = await openPage()
    const kept = 'the harbour master counted the boats at noon. '
    // An offer that came after the end would begin another one.
    await page.evaluate(() => (globalThis as unknown as Global).assistant.set({ offers: false }))
    const ended = (count: number) =>
      page.waitForFunction(
        (count) =>
          document.querySelectorAll('#episodes button[aria-label^="Look"]:not([aria-label*="still open"])')
            .length === count,
        count,
      )
    const end = async (text: string, listed: number): Promise<void> => {
      await page.locator('.cm-content').focus()
      for (let times = 0; times < 3; times++) await page.keyboard.insertText(text)
      await page.locator('#end').press('Enter')
      await ended(listed)
    }
    await page.locator('#episodes-card summary').first().click()
    await end(kept, 1)
    await end('a secret that nobody should keep. ', 2)
    await page
      .getByRole('button', { name: /^Look into (?!This one)/ })
      .first()
      .press('Enter')
    await page.locator('#episode', { hasText: 'a secret that nobody' }).waitFor()
    await page
      .getByRole('button', { name: /^Delete (?!This one)/ })
      .first()
      .press('Enter')
    await ended(1)
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'Export' }).press('Enter'),
    ])
    const file = await readFile(await download.path())
    const exported = unwrap(importEpisodes(file))
    assert.deepEqual(
      exported.map(({ events }) =>
        events.map((event) => (event.kind === 'acted' ? textOf(event.symbols) : '')).join(''),
      ),
      [kept.repeat(3)],
    )

    const other = await openPage()
    const place = `${kept}the harb`
    const unknown = await offered(other.page, place)
    await other.page.locator('#episodes-card summary').first().click()
    await other.page
      .locator('#import-file')
      .setInputFiles({ name: 'episodes.jsonl', mimeType: 'application/jsonl', buffer: file })
    await said(other.page, '1 episode imported.')
    await other.page.getByRole('button', { name: /^Look into (?!This one)/ }).waitFor()
    const known = await offered(other.page, place)
    assert.ok(known && kept.repeat(2).includes(`the harb${known.typed}`), known?.typed)
    assert.notDeepEqual(known, unknown)
    assert.deepEqual([...errors, ...other.errors], [])
  },
)

test(
  'the game is played with keys alone: blocks are placed, taken away, offered, taken and taken back',
  options,
  async () => {
    const { page, errors } = await openPage()
    const { keyboard } = page
    await page.locator('#tab-write').focus()
    await keyboard.press('ArrowRight')
    await page.locator('#game .game-board').focus()
    await keyboard.press('2')
    await said(page, 'blue in hand')
    const counts = (pattern: RegExp) => page.locator('.game-count', { hasText: pattern }).waitFor()
    await keyboard.press('Space')
    await counts(/^1 blocks/)
    await keyboard.press('Space')
    await counts(/^0 blocks/)
    // What was finished once is offered when it is begun again.
    const row = async (blocks: number): Promise<void> => {
      for (let n = 0; n < blocks; n++) {
        await keyboard.press('Space')
        await counts(new RegExp(`^${n + 1} blocks`))
        await keyboard.press('ArrowRight')
      }
    }
    await row(4)
    await keyboard.press('n')
    await counts(/^0 blocks/)
    for (let n = 0; n < 4; n++) await keyboard.press('ArrowLeft')
    await row(2)
    await counts(/^2 blocks, \d offered$/)
    const told = (await page.locator('.game-count').textContent()) ?? ''
    const offered = Number(/(\d) offered/.exec(told)?.[1])
    await keyboard.press('Tab')
    await counts(new RegExp(`^${2 + offered} blocks`))
    await keyboard.press('u')
    await counts(/^2 blocks/)
    assert.deepEqual(errors, [])
  },
)
