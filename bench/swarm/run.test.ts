import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, test } from 'node:test'
import { createWasmExecutor } from '@lockstep/tensor'
import { work as attack } from './attacks.ts'
import { KINDS, work as mixed } from './heterogeneous.ts'
import { plotLines } from './plot.ts'
import { runSwarm } from './run.ts'
import { type Regime, settingOf } from './setting.ts'
import { trialOf } from './sharing.ts'

const whole = settingOf(true).regime
const tiny: Regime = {
  ...whole,
  model: {
    kind: 'gpt',
    config: { ...whole.model.config, width: 16, layers: 1, heads: 2 },
  } as Regime['model'],
  warm: {
    ...whole.warm,
    examples: 256,
    train: { ...whole.warm.train, batch: 16, steps: 60, warmup: 5, rate: 1e-2 },
    blur: { ...whole.warm.blur, batch: 16, steps: 5 },
  },
  kinds: whole.kinds.slice(0, 1),
  members: 3,
  rounds: 2,
  every: 1,
  heldOut: 4,
}
const folder = join(mkdtempSync(join(tmpdir(), 'sweep-')), 'runs')
const executor = await createWasmExecutor()
after(() => rmSync(dirname(folder), { recursive: true }))

test('the sweep at its smallest: equal tokens, the same start, gone on from where it was cut', async () => {
  const alone = await runSwarm(executor, folder, trialOf(tiny, '8/0', 1))
  const sharing = await runSwarm(executor, folder, trialOf(tiny, '4/4', 1))
  assert.deepEqual(
    alone.evaluations.map(({ round }) => round),
    [0, 1, 2],
  )
  assert.equal(alone.evaluations[0]!.reward, sharing.evaluations[0]!.reward)
  assert.deepEqual(alone.reports[0]!.tokens, sharing.reports[0]!.tokens)
  // A run that was killed behind an evaluation is gone on from, and comes to the same.
  const short = await runSwarm(executor, folder, {
    ...trialOf({ ...tiny, rounds: 1 }, '4/4', 1),
    name: 'cut',
  })
  assert.equal(short.evaluations.length, 2)
  assert.deepEqual(await runSwarm(executor, folder, { ...trialOf(tiny, '4/4', 1), name: 'cut' }), sharing)
  const [x, seeds] = [[0, 1, 2], [alone.evaluations.map(({ reward }) => reward)]]
  assert.match(plotLines('title', 'round', 'reward', [{ name: '8/0', x, seeds }]), /^<svg [\s\S]*<\/svg>\n$/)
})

test('who refills has generated the same when it is evaluated, in fewer rounds', async () => {
  const trial = { ...trialOf({ ...tiny, rounds: 4, every: 2 }, '8/0', 1), name: 'refilled', budget: 16 }
  const { evaluations, reports } = await runSwarm(executor, folder, trial)
  assert.deepEqual(
    evaluations.map(({ round }) => round),
    [0, 1, 2],
  )
  assert.deepEqual(
    reports.map(({ written }) => written),
    new Array(2).fill([16, 16, 16]),
  )
  const uniform = { ...trialOf(tiny, '4/4', 1), name: 'uniform', choosing: 'uniform' as const }
  const { reports: any } = await runSwarm(executor, folder, uniform)
  assert.deepEqual(any[0]!.learned, [8, 8, 8])
})

test('what is refused changes no bit, and groups that are true and poisonous are taken', async () => {
  const name = 'attack'
  const found = await attack(executor, folder, { name, regime: tiny, seed: 1, refused: true })
  assert.ok(Array.isArray(found) && found.length === 5)
  for (const { attack: of, refused, same } of found) assert.ok(same && refused > 0, of)
  const junk = await attack(executor, folder, { name, regime: tiny, seed: 1, attack: 'junk' })
  const plain = await runSwarm(executor, folder, { ...trialOf(tiny, '4/4', 1), name: 'plain' })
  assert.ok('reports' in junk && junk.reports.every(({ refused }) => refused === 0))
  assert.ok(junk.reports[0]!.learned[0]! > plain.reports[0]!.learned[0]!)
})

test('three sizes and two tokenizers learn in one swarm', async () => {
  const kinds = KINDS.map((kind) => ({ ...kind, width: kind.width / 4 }))
  const warm = { ...tiny.warm, right: 1000, train: { ...tiny.warm.train, steps: 150, batch: 32 } }
  const trial = { name: 'mixed', regime: { ...tiny, warm }, kinds, seed: 1, local: 4, external: 4 }
  const { evaluations, reports } = await mixed(executor, folder, trial)
  assert.equal(evaluations.at(-1)!.members.length, 9)
  assert.ok(reports.some(({ learned }) => learned.slice(3, 6).some((n) => n > 0)))
})
