import assert from 'node:assert/strict'
import { test } from 'node:test'
import { emptyGrid, type GridMove, moved } from '../grid/board.ts'
import { gridEnvironment, gridSymbols, MOST_BLOCKS } from './grid.ts'

const place = (cell: number, colour: number): GridMove => ({ kind: 'place', cell, colour })
const remove = (cell: number): GridMove => ({ kind: 'remove', cell })

test('every symbol is a move and back, and none is two', () => {
  const symbols = gridSymbols({ size: 8, colours: 4 })
  assert.equal(symbols.count, 321)
  for (let symbol = 0; symbol < symbols.begin; symbol++)
    assert.equal(symbols.of(symbols.moveOf(symbol)!), symbol)
  assert.equal(symbols.moveOf(symbols.begin), undefined)
  assert.equal(symbols.moveOf(-1), undefined)
})

test('moves are refused that the board does not allow, with field, value and limit', () => {
  const state = moved(emptyGrid(), [place(9, 2)])
  assert.throws(() => moved(state, [place(9, 1)]), /move\.cell is 9; allowed: an empty cell/)
  assert.throws(() => moved(state, [remove(8)]), /move\.cell is 8; allowed: a cell with a block/)
  assert.throws(() => moved(state, [place(64, 1)]), /move\.cell is 64; allowed: 0 to 63/)
  assert.throws(() => moved(state, [place(1, 4)]), /move\.colour is 4; allowed: 0 to 3/)
  assert.throws(() => emptyGrid({ size: 11, colours: 4 }), /grid\.size is 11; allowed: 4 to 10/)
  assert.throws(() => gridEnvironment({ size: 10, colours: 5 }), /601 symbols; allowed: 512/)
  assert.equal(state.board[9], 3)
  assert.equal(moved(state, [remove(9)]).board[9], 0)
})

test('a context is the game as played, and the board where the game is longer than it', () => {
  const world = gridEnvironment()
  const { begin, of } = gridSymbols({ size: 8, colours: 4 })
  const moves = [place(0, 1), remove(0), place(1, 1), place(0, 2)]
  const state = moved(emptyGrid(), moves)
  assert.deepEqual([...world.context(state, 128)], [begin, ...moves.map(of)])
  assert.deepEqual([...world.context(state, 4)], [begin, of(place(1, 1)), of(place(0, 2))])
  assert.deepEqual([...world.context(state, 2)], [begin, of(place(0, 2))])
  assert.deepEqual([...world.context(emptyGrid(), 128)], [begin])
})

test('an offer is two or more placements that the board allows', () => {
  const world = gridEnvironment()
  const state = moved(emptyGrid(), [place(0, 0)])
  const written = (...moves: GridMove[]): Uint16Array => world.symbolsOf(moves, state)
  const good = written(place(1, 0), place(2, 0))
  assert.ok(world.offers.ends(good, state))
  assert.equal(world.saved(good, state), 1)
  assert.deepEqual(world.actionOf(good, state), [place(1, 0), place(2, 0)])
  assert.ok(!world.offers.ends(written(place(1, 0)), state))
  assert.ok(!world.offers.ends(written(remove(0), place(0, 1)), state))
  assert.deepEqual(world.actionOf(written(remove(0)), state), [remove(0)])
  for (const bad of [
    written(place(0, 1)),
    written(place(1, 1), place(1, 2)),
    written(remove(1)),
    Uint16Array.of(320),
    new Uint16Array(0),
  ])
    assert.equal(world.actionOf(bad, state), undefined)
  const long = Array.from({ length: MOST_BLOCKS + 1 }, (_, i) => place(8 + i, 0))
  assert.equal(world.actionOf(written(...long), state), undefined)
})
