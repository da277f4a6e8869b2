import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { createWasmExecutor } from '@lockstep/tensor'
import { plotLines } from './plot.ts'
import { runSwarm } from './run.ts'
import { type Regime, settingOf } from './setting.ts'
import { trialOf } from './sharing.ts'

test('the sweep at its smallest: equal tokens, the same start, gone on from where it was cut', async () => {
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
  rmSync(dirname(folder), { recursive: true })
})
