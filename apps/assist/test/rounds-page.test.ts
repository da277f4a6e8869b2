import assert from 'node:assert/strict'
import { test } from 'node:test'
import { memoryStorage } from '@lockstep/assist'
import type { RoundEnd } from '@lockstep/assist/federated'
import { findChromium, NO_CHROMIUM, openChromium } from '@lockstep/playground/chromium'
import type { Browser } from 'playwright-core'
import { serveAssist } from '../src/server/serve.ts'
import { recordingProxy } from './recording-proxy.ts'
import { holds } from './word-in-bytes.ts'

const chromium = findChromium()

/** What both write about; each with a word that only they write. */
const LINE = 'the keeper of the north light wrote the weather down twice a day. '
const CONSENTS = `a heron stood on the rocks. ${LINE.repeat(6)}`
const REFUSES = `towards evening an osprey came over the bay, and the crew went below to mend two sails, count the
casks and wait for a better wind. nobody had any letters. the cook made soup of what there was. ${LINE}`

/** A keeper beside the page whose rounds end with the first update, and a wire of their own for two people. */
const open = async () => {
  let port = 0
  const wires = [await recordingProxy(() => port), await recordingProxy(() => port)] as const
  let published: (end: RoundEnd) => void = () => {}
  const ended = new Promise<RoundEnd>((resolve) => {
    published = resolve
  })
  const served = await serveAssist({
    rounds: {
      storage: memoryStorage(),
      settings: { seconds: 3600, least: 1, most: 1 },
      ended: published,
      hosts: wires.map((wire) => `127.0.0.1:${wire.port}`),
    },
  })
  port = Number(new URL(served.url).port)
  const close = async (): Promise<void> => {
    for (const wire of wires) await wire.close()
    await served.close()
  }
  return { wires, ended, close }
}

const openPerson = async (browser: Browser, wire: { readonly port: number }, text: string) => {
  const page = await (await browser.newContext({ viewport: { width: 1000, height: 900 } })).newPage()
  page.setDefaultTimeout(120_000)
  const errors: string[] = []
  page.on('pageerror', ({ message }) => errors.push(message))
  page.on('console', (message) => {
    if (message.type() === 'error') errors.push(message.text())
  })
  await page.goto(`http://127.0.0.1:${wire.port}/`)
  await page.waitForSelector('html[data-ready]')
  await page.keyboard.insertText(text)
  await page.locator('#consent-card summary').first().click()
  const standing = (words: string) => page.locator('#standing', { hasText: words }).waitFor()
  const left = () => page.locator('#left li').allTextContents()
  return { page, standing, left, errors }
}

test('two people at the page: one shares and one refuses; who refuses is better for it, and nothing of theirs leaves', {
  skip: chromium === undefined && NO_CHROMIUM,
  timeout: 600_000,
}, async (t) => {
  const { wires, ended, close } = await open()
  t.after(close)
  const browser = await openChromium(chromium!)
  t.after(() => browser.close())
  const [consents, refuses] = await Promise.all([
    openPerson(browser, wires[0], CONSENTS),
    openPerson(browser, wires[1], REFUSES),
  ])

  // Who agrees gives, and sees what left.
  await consents.page.locator('#left', { hasText: 'Nothing has ever left.' }).waitFor()
  await consents.page.check('input[value=episodes]')
  await consents.page.getByRole('button', { name: 'Give and fetch now' }).click()
  await consents.standing('Given to round 1')
  await consents.page.locator('#left li', { hasText: 'an update of' }).waitFor()
  const [update, episodes] = await consents.left()
  assert.match(update ?? '', /an update of 1\.\d MiB, from 1 episode/)
  assert.match(episodes ?? '', /episodes of .*, from 1 episode/)
  const end = await ended
  assert.ok(end.kind === 'published', end.kind)

  // Who has not agreed may fetch what came of it: checked here, tried here, and used because it is better.
  await refuses.page.getByRole('button', { name: 'Fetch now' }).click()
  await refuses.standing('It is better for you, and in use')
  const told = (await refuses.page.locator('#standing').textContent()) ?? ''
  assert.match(told, /Nothing was given: you have not allowed it\./)
  assert.match(
    told,
    /Round 1 of this server: the mean of 1 update\. ?From shared episodes this server ran 1 update again/,
  )
  assert.match(told, /made the base again .* same bits\. 1 receipt was run again here\./)
  assert.match(
    (await refuses.page.locator('#members').textContent()) ?? '',
    /with episodes, receipt run again/,
  )
  await refuses.page.locator('#versions .current', { hasText: 'Shared by others' }).waitFor()
  assert.deepEqual(await refuses.left(), ['Nothing has ever left.'])

  // Who takes it back gives nothing more, whatever they press.
  const posts = (wire: { sent(): Buffer }): number =>
    wire.sent().toString('latin1').split('POST /rounds/update').length - 1
  await consents.page.locator('#consents').getByRole('button', { name: 'Withdraw' }).click()
  await consents.page.getByRole('button', { name: 'Fetch now', exact: true }).click()
  await consents.standing('Nothing was given: you have not allowed it.')
  assert.equal(posts(wires[0]), 1)
  assert.equal((await consents.left()).length, 2)

  // The search is able to find: of who agreed to it their words are on the wire.
  assert.ok(holds(wires[0].sent(), 'heron'))
  assert.ok(!holds(wires[1].sent(), 'osprey'))
  const lines = wires[1].sent().toString('latin1').split('\r\n')
  const asked = lines.filter((line) => /^[A-Z]+ \S+ HTTP/.test(line))
  assert.ok(asked.includes('GET /rounds/base HTTP/1.1'))
  assert.ok(
    !asked.some((line) => line.includes('/rounds/open')),
    'who refuses does not even ask for the round',
  )
  assert.deepEqual(
    asked.filter((line) => !line.startsWith('GET ')),
    [],
  )
  await consents.page.locator('#tab-build').click()
  await consents.page.locator('#rounds').waitFor({ state: 'hidden' })
  assert.deepEqual([...consents.errors, ...refuses.errors], [])
})
