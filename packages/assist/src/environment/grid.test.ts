import assert from 'node:assert/strict'
import { test } from 'node:test'
import { emptyGrid, type GridMove, moved } from '../grid/board.ts'
import { goalOf } from '../grid/goal.ts'
import { gridEnvironment, gridSymbols, MOST_BLOCKS } from './grid.ts'

const place = (cell: number, colour: number): GridMove => ({ kind: 'place', cell, colour })
const remove = (cell: number): GridMove => ({ kind: 'remove', cell })
const symbols = gridSymbols()

test('what is written is read as the same moves, after any others', () => {
  assert.equal(symbols.count, 231)
  assert.equal(gridSymbols({ size: 10, colours: 6 }).count, 369)
  const moves = [place(0, 1), place(63, 1), remove(0), remove(63), place(7, 0), place(56, 3), remove(7)]
  for (let n = 0; n <= moves.length; n++) {
    const written = symbols.write(moves.slice(n), moves.slice(0, n))
    assert.deepEqual(symbols.read(written, moves.slice(0, n))!.moves, moves.slice(n))
  }
  const open = symbols.read([...symbols.write([place(9, 2)]), symbols.toolOf(4)])!
  assert.deepEqual(open, { moves: [place(9, 2)], tool: 4, from: 9, open: true })
})

test('what means no moves is not read', () => {
  const one = symbols.write([place(0, 1)])
  const left = symbols.offsetOf(0, 1)
  for (const bad of [
    [left],
    [...one, left],
    [...one, symbols.toolOf(1)],
    [symbols.toolOf(0), symbols.toolOf(1)],
    [symbols.begin],
    [999],
  ])
    assert.equal(symbols.read(bad), undefined)
})

test('the same structure is written alike wherever it is built, but for where it begins', () => {
  const blocks = goalOf('letter', 4).blocks
  const by = blocks.every(({ cell }) => cell < 56) ? 8 : -8
  const written = (shift: number): number[] =>
    symbols.write(blocks.map(({ cell, colour }) => place(cell + shift, colour)))
  assert.notDeepEqual(written(by), written(0))
  assert.deepEqual(written(by).slice(2), written(0).slice(2))
})

test('moves are refused that the board does not allow, with field, value and limit', () => {
  const state = moved(emptyGrid(), [place(9, 2)])
  assert.throws(() => moved(state, [place(9, 1)]), /move\.cell is 9; allowed: an empty cell/)
  assert.throws(() => moved(state, [remove(8)]), /move\.cell is 8; allowed: a cell with a block/)
  assert.throws(() => moved(state, [place(64, 1)]), /move\.cell is 64; allowed: 0 to 63/)
  assert.throws(() => moved(state, [place(1, 4)]), /move\.colour is 4; allowed: 0 to 3/)
  assert.throws(() => emptyGrid({ size: 11, colours: 4 }), /grid\.size is 11; allowed: 4 to 10/)
  assert.throws(() => gridEnvironment({ size: 8, colours: 7 }), /grid\.colours is 7; allowed: 1 to 6/)
  assert.equal(state.board[9], 3)
  assert.equal(moved(state, [remove(9)]).board[9], 0)
})

test('a context is the game as played, and what lies on the board where the game is longer than it', () => {
  const world = gridEnvironment()
  const moves = [place(0, 1), remove(0), place(1, 1), place(2, 1), place(0, 2)]
  const state = moved(emptyGrid(), moves)
  const context = (...told: GridMove[]): number[] => [symbols.begin, ...symbols.write(told)]
  assert.deepEqual([...world.context(state, 128)], context(...moves))
  assert.deepEqual([...world.context(state, 6)], context(place(1, 1), place(2, 1), place(0, 2)))
  assert.deepEqual([...world.context(state, 5)], context(place(2, 1), place(0, 2)))
  assert.deepEqual([...world.context(state, 2)], [symbols.begin])
  assert.deepEqual([...world.context(emptyGrid(), 128)], [symbols.begin])
})

test('an offer is two or more placements that the board allows', () => {
  const world = gridEnvironment()
  const state = moved(emptyGrid(), [place(0, 0)])
  const written = (...moves: GridMove[]): Uint16Array => world.symbolsOf(moves, state)
  const good = written(place(1, 0), place(2, 1))
  assert.ok(world.offers.ends(good, state))
  assert.equal(world.saved(good, state), 1)
  assert.deepEqual(world.actionOf(good, state), [place(1, 0), place(2, 1)])
  assert.ok(!world.offers.ends(written(place(1, 0)), state))
  assert.ok(!world.offers.ends(written(remove(0), place(0, 1)), state))
  assert.deepEqual(world.actionOf(written(remove(0)), state), [remove(0)])
  for (const bad of [
    written(place(0, 1)),
    written(place(1, 1), place(1, 2)),
    written(remove(1)),
    good.slice(0, 2),
    new Uint16Array(0),
  ])
    assert.equal(world.actionOf(bad, state), undefined)
  const long = Array.from({ length: MOST_BLOCKS + 1 }, (_, i) => place(8 + i, 0))
  assert.equal(world.actionOf(written(...long), state), undefined)
})
