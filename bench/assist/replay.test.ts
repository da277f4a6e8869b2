import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { acceptRateOf, NOTHING, savedOf, sum, type Use, unwantedOf } from './measure.ts'
import { personOf } from './person.ts'
import { alone, type Helper, type ReplayPlan, replay } from './replay.ts'
import { checkDisjoint, codeWriters, proseWriters, type Writer } from './writers.ts'

const PLAN: ReplayPlan = { parts: 2, session: 300, wait: 100 }
const TEXT = 'The owl flew. It flew far, and then it saw a mouse.\n\n  "No mouse," said the owl, "is safe."\n'
const writerOf = (seed: number, documents: readonly string[] = [TEXT, TEXT]): Writer => ({
  ...{ name: 'test', kind: 'prose', person: personOf(seed), documents, sources: [] },
})

/** Offers what is asked for, and keeps what the screen must show, from what it is told alone. */
const watcher = (offerOf: (screen: string) => string | undefined) => {
  let screen = ''
  const finished: string[] = []
  const endings: string[] = []
  let last = 0
  const helper: Helper = {
    ...alone,
    begin: async () => {
      if (screen !== '') finished.push(screen)
      screen = ''
    },
    offer: async (before) => {
      assert.equal(before, screen)
      return offerOf(before)
    },
    taken: async (before, text) => {
      assert.equal(before, screen)
      endings.push('accepted')
      screen += text
    },
    ended: async (ending) => void endings.push(ending),
    acted: async (before, action, at) => {
      assert.equal(before, screen)
      assert.ok(at > last)
      last = at
      screen = 'typed' in action ? screen + action.typed : screen.slice(0, screen.length - action.deleted)
    },
  }
  return { helper, endings, documents: () => [...finished, screen] }
}

test('whoever helps, what stands on the screen in the end is the text', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(1e6), fc.nat(6), fc.string({ maxLength: 9 }), async (seed, right, wrong) => {
      const writer = writerOf(seed)
      const { helper, endings, documents } = watcher((screen) => {
        const rest: string = TEXT.startsWith(screen) ? TEXT.slice(screen.length, screen.length + right) : ''
        return rest + wrong || undefined
      })
      const all = sum((await replay(writer, helper, PLAN)).parts)
      assert.deepEqual(documents(), writer.documents)
      const count = (of: string): number => endings.filter((ending) => ending === of).length
      assert.equal(all.accepted, count('accepted'))
      assert.equal(all.undone, count('undone'))
      assert.equal(all.edited, count('edited'))
      assert.equal(all.offered, count('accepted') + count('dismissed') + count('ignored'))
    }),
    { numRuns: 60 },
  )
})

test('who types alone saves nothing; who is told the truth saves much; lies cost and save nothing', async () => {
  const [prose] = proseWriters(3000) as [Writer]
  const use = async (offerOf: (screen: string) => string | undefined): Promise<Use> =>
    sum((await replay(prose, watcher(offerOf).helper, PLAN)).parts)
  const none = await use(() => undefined)
  assert.equal(none.actions, none.alone)
  assert.equal(savedOf(none), 0)
  assert.equal(
    none.characters,
    prose.documents.reduce((s, text) => s + text.replace(/\n[ \t]*/g, '\n').length, 0),
  )
  // Some slips: more keys than characters, not many more.
  assert.ok(none.actions > none.characters && none.actions < 1.5 * none.characters)
  const truth = await use((screen) => {
    const of = prose.documents.find((text) => text.startsWith(screen))
    return of?.slice(screen.length, screen.length + 12) || undefined
  })
  assert.ok(savedOf(truth) > 30, `${savedOf(truth)}`)
  assert.ok(unwantedOf(truth) < 60)
  const lies = await use(() => 'Q#')
  assert.ok(savedOf(lies) <= 0)
  assert.equal(acceptRateOf(lies), 0)
  assert.equal(lies.offered - lies.accepted + lies.undone, lies.offered)
})

test('a replay comes to the same whenever it is made, and every person is another', async () => {
  const offer = (screen: string): string | undefined =>
    TEXT.startsWith(screen) ? TEXT.slice(screen.length, screen.length + 6) || undefined : undefined
  const of = (seed: number) => replay(writerOf(seed), watcher(offer).helper, PLAN)
  assert.deepEqual(await of(7), await of(7))
  assert.notDeepEqual(await of(7), await of(8))
  assert.notDeepEqual(personOf(7).spellings, personOf(9).spellings)
})

test('at least ten people of either kind, each with enough to type, and none that a base was trained on', () => {
  for (const writers of [proseWriters(8000), codeWriters(8000)]) {
    assert.ok(writers.length >= 10)
    for (const { name, documents } of writers) {
      const length = documents.reduce((s, text) => s + text.length, 0)
      assert.ok(
        length > 6000 && length < 10000 && documents.length >= 3,
        `${name} has ${length} in ${documents.length}`,
      )
    }
  }
  const writers = [...proseWriters(2000), ...codeWriters(2000)]
  checkDisjoint(writers, ['package:viem@2.1.0', 'address:1903', 'moby-dick:0-0.8'])
  for (const source of ['package:pino@9.0.0', 'package:@scure/base@1', 'address:1913', 'moby-dick:0-0.9'])
    assert.throws(() => checkDisjoint(writers, [source]), /which is replayed/, source)
})

test('nothing adds up to nothing', () => {
  assert.deepEqual(sum([]), NOTHING)
  assert.equal(savedOf(NOTHING), 0)
})
