import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Measure } from '@lockstep/swarm'
import { createWasmExecutor } from '@lockstep/tensor'
import { work } from './merge.ts'
import { type Regime, settingOf } from './setting.ts'
import { trialOf } from './sharing.ts'

test('meta-models of a small swarm are measured beside its participants, who are made where they are missing', async () => {
  const { regime: whole } = settingOf(true)
  const regime: Regime = {
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
    ...{ members: 2, rounds: 1, every: 1, heldOut: 4 },
  }
  const top = mkdtempSync(join(tmpdir(), 'merging-'))
  const executor = await createWasmExecutor()
  const trial = trialOf(regime, '4/4', 1)
  const measure: Measure = {
    ...{ kinds: regime.kinds, validation: 6, heldOut: 6, reward: 'right', temperature: 1, seed: 1 },
  }
  const merging = {
    ...{ name: trial.name, trial },
    measure,
    methods: [{ name: 'soup', method: { kind: 'average', build: 0, choice: 'greedy' } as const }],
  }
  const first = await work(executor, join(top, 'merged'), merging)
  const [soup] = first.methods
  assert.equal(first.members.length, 2)
  assert.ok(first.members.includes(first.best))
  assert.ok(soup!.taken >= 1 && soup!.reward >= 0 && soup!.reward <= 1)
  assert.deepEqual(await work(executor, join(top, 'merged'), merging), first)
  await executor.close()
  rmSync(top, { recursive: true })
})
