import assert from 'node:assert/strict'
import { test } from 'node:test'
import { countSuggester } from '../../test/count-suggester.ts'
import { textSymbols } from '../environment/text.ts'
import { withId } from '../episode/episode.ts'
import { type Apart, learnApart } from './learn-apart.ts'

const lessons = (() => {
  const events = [{ kind: 'acted' as const, at: 0, symbols: textSymbols('aaab') }]
  const one = withId({ version: 1, environment: 'text', bytes: true, began: 0, redacted: false, events })
  return { episodes: [one], heldOut: [one], steps: 4, seed: 1 }
})()

/** Places to learn in, and how many were opened and ended. */
const places = () => {
  const count = { opened: 0, ended: 0 }
  const open = async (): Promise<Apart> => {
    count.opened++
    return { suggester: countSuggester(), end: () => void count.ended++ }
  }
  return { count, open }
}

test('what is learned apart is what would be learned in place, from the present state on', async () => {
  const { count, open } = places()
  const inPlace = countSuggester()
  const apart = learnApart(countSuggester(), open)
  for (let update = 0; update < 2; update++) {
    const [one, other] = [await inPlace.learn(lessons), await apart.learn(lessons)]
    assert.deepEqual(other, one)
    // Nothing of it is in place before it is loaded.
    assert.deepEqual(await apart.state(), await inPlace.state())
    await inPlace.load(one!.state)
    await apart.load(other!.state)
  }
  const exam = { after: lessons.episodes, on: lessons.heldOut }
  assert.equal(await apart.evaluate(exam), await inPlace.evaluate(exam))
  assert.deepEqual(count, { opened: 3, ended: 3 })
})

test('a suggestion that is asked for while it learns is answered before the next step', async () => {
  let answer = (): void => undefined
  const waits = (): Promise<void> =>
    new Promise((go) => {
      answer = go
    })
  const { open } = places()
  const apart = learnApart(countSuggester({ waits }), open)
  const told: string[] = []
  let asked: Promise<unknown> | undefined
  const between = async (): Promise<boolean> => {
    told.push('step')
    if (told.length === 2)
      asked = apart.suggest(textSymbols('a'), { most: 1, least: -9 }).then(() => told.push('answered'))
    return true
  }
  const learned = apart.learn({ ...lessons, between })
  for (let turn = 0; !asked && turn < 1000; turn++) await new Promise(setImmediate)
  // As long as nobody answers nothing goes on, however long that is.
  for (let turn = 0; turn < 50; turn++) await new Promise(setImmediate)
  assert.deepEqual(told, ['step', 'step'])
  answer()
  assert.equal((await learned)!.receipt.steps, lessons.steps)
  assert.deepEqual(told, ['step', 'step', 'answered', 'step', 'step'])
})

test('a place is ended where learning stops, fails, or never begins', async () => {
  const { count, open } = places()
  const apart = learnApart(countSuggester(), open)
  assert.equal(await apart.learn({ ...lessons, between: async () => false }), undefined)
  const fails = async (): Promise<boolean> => Promise.reject(new Error('no more'))
  await assert.rejects(apart.learn({ ...lessons, between: fails }), /no more/)
  assert.deepEqual(count, { opened: 2, ended: 2 })
  const nowhere = learnApart(countSuggester(), async () => Promise.reject(new Error('no place')))
  await assert.rejects(nowhere.learn(lessons), /no place/)
  // A suggestion that fails is over, too.
  const broken = learnApart(
    { ...countSuggester(), suggest: async () => Promise.reject(new Error('no words')) },
    open,
  )
  await assert.rejects(broken.suggest(textSymbols('a'), { most: 1, least: -9 }), /no words/)
  assert.ok(await broken.learn(lessons))
})
