import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { encodeEpisode, readTextBase, textSymbols, withId } from '@lockstep/assist'
import { httpCarriage, takePart, textTraining } from '@lockstep/assist/federated'
import { createWasmExecutor, unwrap } from '@lockstep/tensor'
import { start } from './lockstep.ts'

const BASE = join(import.meta.dirname, '../../../data/assist-base-text.safetensors')
const LINE = 'the keeper of the north light wrote the weather down twice a day. '
const episode = encodeEpisode(
  withId({
    ...{ version: 1, environment: 'text', bytes: true, began: 0, redacted: false },
    events: [{ kind: 'acted', at: 0, symbols: textSymbols(LINE.repeat(4)) }],
  }),
)

/** What a keeper has said for programs, one JSON value a line. */
const linesOf = (stdout: string) =>
  stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))

test('a node keeps a round by one command, and goes on from its base when it is started again', {
  timeout: 300_000,
}, async (t) => {
  const home = await mkdtemp(join(tmpdir(), 'lockstep-rounds-'))
  t.after(() => rm(home, { recursive: true, force: true }))
  const keeps = (...more: string[]) =>
    start(home, 'assist', 'rounds', '--home', 'home', '--port', '0', '--json', ...more)
  const once = keeps('--least', '1', '--most', '1', '--rounds', '1', '--name', 'lighthouse')
  t.after(() => once.kill('SIGKILL'))
  await once.said('\n')
  const [{ url, base }] = linesOf(once.output())
  assert.equal(base.lineage, null, 'it begins with a base of no round')

  const executor = await createWasmExecutor({ threads: 1 })
  t.after(() => executor.close())
  const training = textTraining(executor, readTextBase(await readFile(BASE)))
  const part = { executor, training, carriage: httpCarriage(url, fetch) }
  unwrap(await takePart(part, [episode], 'episodes', `0x${'ab'.repeat(16)}`))
  const { code, stdout, stderr } = await once.ended
  assert.equal(code, 0, stderr)
  const [, published] = linesOf(stdout)
  assert.equal(published.kind, 'published')
  assert.equal(published.lineage.keeper, 'lighthouse')
  assert.deepEqual(
    published.lineage.members.map(({ checked }: { checked: string }) => checked),
    ['re-executed'],
  )
  assert.match(stderr, /an update of \d+ bytes is taken\nthe new base is 0x[0-9a-f]{64}/)

  const again = keeps()
  t.after(() => again.kill('SIGKILL'))
  await again.said('\n')
  const [here] = linesOf(again.output())
  assert.deepEqual(here.base, published.base)
  assert.deepEqual(unwrap(await httpCarriage(here.url, fetch).base()), published.base)
  again.kill('SIGINT')
  assert.equal((await again.ended).code, 0)
})
