import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gridSymbols } from '../environment/grid.ts'
import { emptyGrid, moved } from './board.ts'
import { gameRows } from './game-rows.ts'

test('rows are games that the board allows, the first from its beginning, and one seed has one table', async () => {
  const symbols = gridSymbols()
  const table = await gameRows(['house', 'stairs'], 12, 65, 5)
  assert.deepEqual(await gameRows(['house', 'stairs'], 12, 65, 5), table)
  assert.notDeepEqual(await gameRows(['house', 'stairs'], 12, 65, 6), table)
  for (let row = 0; row < 12; row++) {
    const written = [...table.subarray(row * 65, row * 65 + 65)]
    assert.equal(written[0], symbols.begin)
    for (let from = 0; from < 65; ) {
      const next = written.indexOf(symbols.begin, from + 1)
      const read = symbols.read(written.slice(from + 1, next < 0 ? 65 : next))
      assert.ok(read)
      moved(emptyGrid(), read.moves)
      from = next < 0 ? 65 : next
    }
  }
})
