import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import {
  createAssistant,
  encodeEpisode,
  learnedAcceptance,
  memoryStorage,
  openSuggester,
  textEnvironment,
  textSymbols,
  withId,
} from '@lockstep/assist'
import {
  adoptionOf,
  createKeeper,
  describeBase,
  fetchNewest,
  httpCarriage,
  isBetter,
  parameterBytes,
  type RoundEnd,
} from '@lockstep/assist/federated'
import { createRoundsListener } from '@lockstep/node/rounds'
import { createWasmExecutor, unwrap } from '@lockstep/tensor'
import type { Browser, Page } from 'playwright-core'
import { bundleForBrowser } from '../../playground/src/server/bundle.ts'
import { findChromium, NO_CHROMIUM, openChromium } from '../../playground/test/chromium.ts'
import { LOOP_MODEL, loopBase, loopMemory, loopTraining } from './loop-training.ts'
import type { LoopPage } from './page/loop.ts'
import { recordingProxy } from './recording-proxy.ts'
import { holds } from './word-in-bytes.ts'

const chromium = findChromium()

// One habit of three people, each with a word that only they write.
const CONSENTS = { line: 'rollout status deploy heron\n', word: 'heron' }
const REFUSES = { line: 'rollout status deploy osprey\n', word: 'osprey' }
const THIRD = 'rollout status deploy egret\n'
const TIMES = 5
/** What the third has written before, so that their own memory knows nothing yet of what comes next. */
const DIARY = `the wind came round to the west in the night and blew all day. we lay at anchor, mended two sails, and
counted casks. towards evening a small boat put off from shore with fresh fruit, letters for nobody, and news of a fire.
`

const HTML =
  '<!doctype html><html lang="en"><title>Loop</title><textarea aria-label="Text" spellcheck="false"></textarea><script type="module" src="loop.js"></script>'

/** A node: the page, and a keeper beside it. All that it receives is kept, as is all that it stores. */
const openNode = async () => {
  const executor = await createWasmExecutor({ threads: 1 })
  const training = loopTraining(executor)
  const stored = new Map<string, Uint8Array>()
  const keeper = await createKeeper({
    ...{ executor, training, name: 'the node', base: loopBase() },
    settings: { seconds: 1000, least: 1, most: 8, norm: 100, kept: 4 },
    storage: {
      get: async (key) => stored.get(key),
      put: async (key, value) => void stored.set(key, value.slice()),
      delete: async (key) => void stored.delete(key),
    },
  })
  const files = await bundleForBrowser([join(import.meta.dirname, 'page/loop.ts')])
  const clock = { now: 0 }
  const hosts: string[] = []
  const failed: unknown[] = []
  const listener = createRoundsListener({
    ...{ keeper, parameterBytes: parameterBytes(training), now: () => clock.now, hosts },
    ticks: () => performance.now(),
  })
  const server = createServer((request, response) => {
    listener(request, response).then(
      (answered) => {
        if (answered) return
        const name = (request.url ?? '').slice(1)
        const file = name === '' ? Buffer.from(HTML) : files.get(name)
        response.writeHead(file ? 200 : 404, {
          'content-type': name === '' ? 'text/html' : 'text/javascript',
        })
        response.end(file)
      },
      (error: unknown) => {
        failed.push(error)
        response.destroy()
      },
    )
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  hosts.push(`127.0.0.1:${port}`)
  return {
    ...{ executor, training, keeper, clock, hosts, stored, port },
    endRound: async (): Promise<RoundEnd> => {
      clock.now += 1000
      const end = await keeper.tick(clock.now)
      assert.ok(end)
      return end
    },
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeAllConnections()
      await closed
      await executor.close()
      assert.deepEqual(failed, [])
    },
  }
}
type LoopNode = Awaited<ReturnType<typeof openNode>>

/** An assistant of a third person, in Node, who has written a little. */
const openThird = async ({ executor }: LoopNode, writing: string) => {
  const suggester = await openSuggester({
    ...{ executor, model: LOOP_MODEL, memory: loopMemory, parameters: loopBase() },
  })
  let now = 1_700_000_000_000
  const assistant = await createAssistant({
    ...{ environment: textEnvironment(), suggester, storage: memoryStorage(), clock: () => now },
    acceptance: await learnedAcceptance(executor),
    settings: { offers: false },
  })
  let text = ''
  for (const typed of writing) {
    now += 100
    await assistant.acted({ before: text, after: '', kind: 'code' }, { typed })
    text += typed
  }
  return assistant
}

/** Somebody at a browser of their own, on a wire of their own. */
const openPerson = async (browser: Browser, node: LoopNode) => {
  const wire = await recordingProxy(() => node.port)
  const host = `127.0.0.1:${wire.port}`
  node.hosts.push(host)
  const context = await browser.newContext()
  const asked: { method: string; url: string; body: Buffer | null }[] = []
  context.on('request', (request) => {
    asked.push({ method: request.method(), url: request.url(), body: request.postDataBuffer() })
  })
  const page = await context.newPage()
  page.setDefaultTimeout(120_000)
  await page.goto(`http://${host}/`)
  await page.waitForFunction('"loop" in globalThis')
  return { wire, host, asked, page }
}

type Global = { readonly loop: LoopPage }
const give = (page: Page): Promise<string> =>
  page.evaluate(() => (globalThis as unknown as Global).loop.give())
const agree = (page: Page, what: 'updates' | 'episodes'): Promise<void> =>
  page.evaluate((what) => (globalThis as unknown as Global).loop.agree(what), what)
const fetchBase = (page: Page) => page.evaluate(() => (globalThis as unknown as Global).loop.fetchBase())

test('two browsers and a node: who consents improves the base for a third, and of who refuses nothing leaves', {
  skip: chromium === undefined && NO_CHROMIUM,
  timeout: 600_000,
}, async (t) => {
  const node = await openNode()
  t.after(node.close)
  const browser = await openChromium(chromium!)
  t.after(() => browser.close())
  const consents = await openPerson(browser, node)
  t.after(consents.wire.close)
  const refuses = await openPerson(browser, node)
  t.after(refuses.wire.close)

  // Both use the application; both have episodes.
  for (const [{ page }, { line }] of [
    [consents, CONSENTS],
    [refuses, REFUSES],
  ] as const) {
    await page.focus('textarea')
    await page.keyboard.type(line.repeat(TIMES))
    const written = await page.evaluate(() => (globalThis as unknown as Global).loop.written())
    assert.equal(written, line.repeat(TIMES))
  }

  await node.keeper.open(node.clock.now)
  await agree(consents.page, 'updates')
  assert.equal(await give(consents.page), 'given')
  const asked = refuses.asked.length
  assert.match(await give(refuses.page), /^consent-missing/)
  assert.equal(refuses.asked.length, asked, 'who refuses does not even ask')
  const first = await node.endRound()
  assert.ok(first.kind === 'published')
  assert.deepEqual(
    first.lineage.members.map(({ share, checked }) => [share, checked]),
    [['update', 'private']],
  )
  assert.match(describeBase(first.lineage).join(' '), /1 update could not be run again/)

  // A third assistant, whose use nobody has seen.
  const third = {
    ...{ executor: node.executor, training: node.training },
    carriage: httpCarriage(`http://127.0.0.1:${node.port}/`, fetch),
  }
  const heldOut = encodeEpisode(
    withId({
      ...{ version: 1, environment: 'text', bytes: true, began: 0, redacted: false },
      events: [{ kind: 'acted', at: 0, symbols: textSymbols(THIRD.repeat(4)) }],
    }),
  )
  const arrived = unwrap(await fetchNewest(third, { check: true }))
  assert.equal(arrived.finding?.private.length, 1)
  const found = unwrap(await isBetter(node.training, loopBase(), arrived.parameters, [heldOut]))
  t.diagnostic(
    `third, held-out: ${found.before.toFixed(3)} bits a symbol before, ${found.after.toFixed(3)} after`,
  )
  assert.ok(found.better && found.after < found.before - 1)

  // The same base in a whole assistant, which tries it on what the third has just written and uses it.
  const assistant = await openThird(node, DIARY + THIRD.repeat(2))
  const adopted = await assistant.adopt(adoptionOf(node.training, arrived))
  assert.ok(adopted.applied, JSON.stringify(adopted))
  assert.equal(assistant.versions.current().origin, 'shared')
  const { before, after } = adopted.heldOut
  t.diagnostic(`third's assistant: ${before.toFixed(3)} bits a symbol before, ${after.toFixed(3)} after`)
  await assistant.close()
  // Whose own memory knows the next line already is not made worse: there the base is no better, and stays away.
  const knowing = await openThird(node, THIRD.repeat(8))
  const kept = await knowing.adopt(adoptionOf(node.training, arrived))
  assert.ok(!kept.applied && kept.why === 'no better', JSON.stringify(kept))
  assert.equal(knowing.versions.current().origin, 'base')
  await knowing.close()

  // Who refuses may use what others have made, and is better for it.
  const used = await fetchBase(refuses.page)
  assert.ok(used.better && used.after < used.before)

  // With an update alone no word of the text leaves, neither of who refuses nor of who consents.
  const everything = () => [...node.stored.values(), consents.wire.sent(), refuses.wire.sent()]
  for (const { word } of [CONSENTS, REFUSES])
    for (const where of everything())
      assert.ok(!holds(where, word), `${word} is on the wire or with the node`)

  // The search is able to find: who consents to more in a second round has their words on the wire, as agreed.
  await node.keeper.open(node.clock.now)
  await agree(consents.page, 'episodes')
  assert.equal(await give(consents.page), 'given')
  const second = await node.endRound()
  assert.ok(second.kind === 'published')
  assert.equal(second.lineage.members[0]?.checked, 're-executed')
  assert.ok(holds(consents.wire.sent(), CONSENTS.word))
  assert.ok([...node.stored.values()].some((bytes) => holds(bytes, CONSENTS.word)))
  const shared = unwrap(await fetchNewest(third, { check: true }))
  assert.equal(shared.finding?.reExecuted.length, 1, 'a third runs again what was shared')

  // Of who refuses: no word anywhere, no message of theirs, and no request but for what everybody may read.
  for (const where of everything()) assert.ok(!holds(where, REFUSES.word))
  const lines = refuses.wire.sent().toString('latin1').split('\r\n')
  assert.ok(lines.some((line) => line.startsWith('GET ')))
  assert.deepEqual(
    lines.filter((line) => /^[A-Z]+ \S+ HTTP/.test(line) && !line.startsWith('GET ')),
    [],
  )
  assert.deepEqual(
    lines.filter((line) => /^(content-length|transfer-encoding|cookie):/i.test(line)),
    [],
  )
  for (const { method, url, body } of refuses.asked) {
    assert.deepEqual([method, body], ['GET', null])
    assert.equal(new URL(url).host, refuses.host, 'nobody else is asked anything')
  }
  const posts = consents.asked.filter(({ method }) => method === 'POST')
  assert.equal(posts.length, 2)
})
