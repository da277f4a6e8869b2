import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { encodeSafetensors, initialParameters, parametersOf } from '@lockstep/models'
import type { Tensor } from '@lockstep/tensor'
import { EVALUATED, type Learned, type PictureCase, type TextCase } from './learn.ts'

/** The Python that has torch: Debian's, where there is one. */
const PYTHON = '/usr/bin/python3'
const SCRIPT = join(import.meta.dirname, 'pytorch.py')
const LIMIT_MS = 600_000
const ENVIRONMENT = { ...process.env, OMP_WAIT_POLICY: 'PASSIVE' }

/** The same training by PyTorch: same data, order, initial weights, optimiser and schedule. Null where not installed. */
export const learnByPytorch = async (
  one: TextCase | PictureCase,
): Promise<(Learned & { readonly version: string }) | null> => {
  if (!existsSync(PYTHON)) return null
  const { model, train, seed } = one
  const parts: [string, Tensor][] =
    'corpus' in one
      ? [
          ['data.corpus', one.corpus],
          ['data.heldOut', one.heldOut],
        ]
      : [
          ['data.features', one.examples[0]],
          ['data.labels', one.examples[1]],
          ['data.heldOutFeatures', one.heldOut[0]],
          ['data.heldOutLabels', one.heldOut[1]],
        ]
  const specs = parametersOf(model)
  const initial = initialParameters(model, seed)
  const order = {
    ...model,
    train,
    seed,
    evaluated: EVALUATED,
    decays: specs.filter((p) => p.decay).map((p) => p.name),
  }
  const folder = await mkdtemp(join(tmpdir(), 'learning-'))
  try {
    const file = join(folder, 'case.safetensors')
    const tensors = new Map([...specs.map((p, i): [string, Tensor] => [p.name, initial[i]!]), ...parts])
    await writeFile(file, encodeSafetensors(tensors, new Map([['order', JSON.stringify(order)]])))
    const answer = await new Promise<string>((resolve, reject) =>
      // Threads that wait asleep: they are not measured, and others may need the machine.
      execFile(PYTHON, [SCRIPT, file], { timeout: LIMIT_MS, env: ENVIRONMENT }, (error, out) =>
        error ? reject(error) : resolve(out),
      ),
    )
    const result = JSON.parse(answer)
    return result.absent === undefined ? result : null
  } finally {
    await rm(folder, { recursive: true })
  }
}
