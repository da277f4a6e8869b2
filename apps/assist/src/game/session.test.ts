import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import type { GridAction, GridState, Offer } from '@lockstep/assist'
import { createSession, type GameAssistant, type Session } from './session.ts'

/** An assistant that offers what it is given, and keeps what it is told. */
const watching = (offers: (GridAction | undefined)[]) => {
  const heard: string[] = []
  const said: string[] = []
  const note = (what: string) => async (offer: Offer<GridAction>) => void heard.push(`${what} ${offer.id}`)
  let made = 0
  const assistant: GameAssistant = {
    acted: async (state, action) =>
      void heard.push(`acted ${state.moves.length} ${action.map(({ kind, cell }) => `${kind} ${cell}`)}`),
    offer: async (_: GridState) => {
      const action = offers.shift()
      // As from a worker: not at once.
      await setImmediate()
      if (!action) return undefined
      return {
        id: `o${made++}`,
        symbols: new Uint16Array(),
        action,
        saved: 1,
        probability: 1,
        version: 'base',
      }
    },
    ...{
      accepted: note('accepted'),
      dismissed: note('dismissed'),
      edited: note('edited'),
      undone: note('undone'),
    },
    episodes: { end: async () => void heard.push('end') as undefined },
  }
  const session = createSession(assistant, {
    ...{ changed() {}, acted() {}, offered: () => void said.push('offered') },
    announce: (words) => void said.push(words),
    failed: (error) => assert.fail(error as Error),
  })
  return { session, heard, said }
}
const settle = async (): Promise<void> => {
  for (let i = 0; i < 40; i++) await setImmediate()
}
const pair: GridAction = [
  { kind: 'place', cell: 1, colour: 2 },
  { kind: 'place', cell: 2, colour: 3 },
]
const offeredId = ({ offer }: Session): string | undefined => offer?.id
const lying = ({ state }: Session): string =>
  [...state.board].flatMap((v, cell) => (v ? `${cell}:${v - 1}` : [])).join()

test('what the person does is told in order, and keys do what they say', async () => {
  const { session, heard, said } = watching([])
  session.choose(2)
  session.move(-1, 0)
  session.move(0, -9)
  session.use()
  session.use(9)
  session.use(9)
  session.choose(7)
  await settle()
  assert.equal(session.colour, 2)
  assert.equal(lying(session), '2:2')
  assert.deepEqual(heard, ['acted 0 place 2', 'acted 1 place 9', 'acted 2 remove 9'])
  assert.ok(said.includes('row 1, column 3: empty'))
  session.finish()
  await settle()
  assert.equal(lying(session), '')
  assert.equal(heard.at(-1), 'end')
})

test('an offer is taken whole, and taking it back is told', async () => {
  const { session, heard, said } = watching([pair])
  await settle()
  assert.equal(session.offer?.id, 'o0')
  assert.ok(said.some((words) => /2 blocks offered/.test(words)))
  assert.ok(session.take())
  assert.ok(!session.take())
  assert.equal(lying(session), '1:2,2:3')
  session.undo()
  await settle()
  assert.equal(lying(session), '')
  assert.deepEqual(heard, ['accepted o0', 'undone o0', 'acted 2 remove 2,remove 1'])
})

test('taking away one block of what was taken is told as an edit', async () => {
  const { session, heard } = watching([pair])
  await settle()
  session.take()
  session.use(2)
  await settle()
  assert.deepEqual(heard, ['accepted o0', 'edited o0', 'acted 2 remove 2'])
  session.undo()
  await settle()
  assert.equal(lying(session), '1:2,2:3')
})

test('an offer goes with the next move, with Escape, and is not shown where the board is another by then', async () => {
  const { session, heard } = watching([pair, pair, pair])
  for (let i = 0; i < 5; i++) await Promise.resolve()
  session.use(40)
  await settle()
  // The first was asked for an empty board, which was none any more.
  assert.equal(offeredId(session), 'o1')
  session.use(1)
  assert.equal(session.offer, undefined)
  await settle()
  assert.equal(offeredId(session), 'o2')
  assert.ok(!session.take(), 'a cell of it is no longer free')
  assert.ok(session.dismiss())
  assert.ok(!session.dismiss())
  await settle()
  assert.deepEqual(heard, ['acted 0 place 40', 'acted 1 place 1', 'dismissed o2'])
})
