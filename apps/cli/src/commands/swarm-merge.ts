import { mkdir, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { modelOf, type SwarmManifest, swarmManifestHash } from '@lockstep/client'
import { exportHub } from '@lockstep/models'
import { writeAtomic } from '@lockstep/node/atomic-file'
import { codingOf, openLearner } from '@lockstep/node/swarm'
import {
  encodeLineage,
  type Lineage,
  lineageHash,
  type Measure,
  type Method,
  makeMetaModel,
  parametersIn,
} from '@lockstep/swarm'
import type { Executor, Tensor } from '@lockstep/tensor'
import { badInput } from '../cli-error.ts'
import { defaultThreads } from '../estimates.ts'
import { openExecutor } from '../executor.ts'
import { askSwarm } from '../network/ask-swarm.ts'
import { homeOf } from '../network/home.ts'
import { networkFor } from '../network/network-source.ts'
import {
  familiesOf,
  type SwarmModels,
  type SwarmModelsOptions,
  swarmModelsOf,
} from '../network/swarm-models.ts'
import type { Terminal } from '../terminal.ts'

export type SwarmMergeOptions = SwarmModelsOptions & {
  readonly method: 'average' | 'greedy' | 'ties' | 'distil'
  readonly tasks: number
  readonly seed: number
  readonly out?: string
  /** Seconds for which participants are asked for their models; absent if they are not. */
  readonly ask?: number
}

/** Tasks that all members answer for a student, and the steps of its training. */
const LESSONS = 512
const STUDENT = { batch: 32, steps: 100, warmup: 10, rate: 1e-3 }

/**
 * Makes the meta-model of a swarm's participants, measures it beside each of them, and writes it as the field's hub has
 * models, with its lineage. It needs the models, and the chain only where participants are asked for theirs.
 */
export const swarmMergeCommand = async (
  swarm: number,
  options: SwarmMergeOptions,
  terminal: Terminal,
): Promise<void> => {
  const { out = `swarm-${swarm}-model`, method: chosen, tasks, seed } = options
  await requireFree(out)
  if (options.ask !== undefined) {
    if (options.models !== undefined)
      throw badInput(
        'option-invalid',
        '--ask',
        'given beside --models',
        'one of the two',
        'Leave --models out: all that was asked is taken.',
      )
    const home = homeOf(options.home)
    const network = await networkFor(home, options.network)
    await askSwarm(home, network, swarm, options.manifest, options.ask, terminal)
  }
  const { network, manifest, models } = await swarmModelsOf(swarm, options)
  const method = methodOf(chosen, models)
  const measure: Measure = {
    kinds: manifest.families.map(({ family, level }) => ({ family, level })),
    ...{ validation: tasks, heldOut: tasks, reward: manifest.learning.reward },
    ...{ temperature: manifest.learning.temperature, seed },
  }
  const executor = await openExecutor(defaultThreads())
  try {
    terminal.note(`measuring ${models.members.length} participants`)
    const base = method.kind === 'ties' ? await startOf(executor, manifest) : undefined
    const { parameters, lineage } = await makeMetaModel(executor, {
      swarm: {
        ...{ chainId: network.chainId, number: swarm, manifest: swarmManifestHash(manifest) },
        market: network.addresses.market.toLowerCase() as `0x${string}`,
      },
      ...{ families: familiesOf(manifest), ...models, measure, method, base },
    })
    const { model } = models.builds[method.build]!
    const { config, weights } = exportHub({ model, parameters })
    await mkdir(out)
    await writeAtomic(join(out, 'config.json'), config)
    await writeAtomic(join(out, 'model.safetensors'), weights)
    await writeAtomic(join(out, 'lineage.json'), encodeLineage(lineage))
    show(lineage, chosen, terminal)
    terminal.say(`model     ${out}, ${lineage.result.modelRoot}`)
    terminal.result({ swarm, out, method: chosen, lineage: lineageHash(lineage), ...rowsOf(lineage) })
  } finally {
    await executor.close()
  }
}

/** The result is of the build that most members have, the first of several. */
const methodOf = (chosen: SwarmMergeOptions['method'], { builds, members }: SwarmModels): Method => {
  const counts = builds.map((_, b) => members.filter(({ build }) => build === b).length)
  const build = counts.indexOf(Math.max(...counts))
  if (chosen === 'average') return { kind: 'average', build, choice: 'all' }
  if (chosen === 'greedy') return { kind: 'average', build, choice: 'greedy' }
  if (chosen === 'ties') return { kind: 'ties', build, choice: 'greedy', keep: 200, scale: 1000 }
  return {
    ...{ kind: 'distil', build, start: 'best', answers: 'members', keep: 'right' },
    ...{ tasks: LESSONS, train: STUDENT },
  }
}

/** Where participants with the manifest's model began: its warm start. */
export const startOf = async (executor: Executor, manifest: SwarmManifest): Promise<readonly Tensor[]> => {
  const learner = await openLearner(executor, manifest)
  try {
    const { vocab } = codingOf(manifest, learner.families)
    return parametersIn(modelOf(manifest.model, vocab), await learner.first())
  } finally {
    learner.close()
  }
}

const rowsOf = ({ members, made, result, tasks }: Lineage) => {
  const reward = (points: number, count: number): number => points / count / 100
  const measured = (one: { readonly validation: number; readonly heldOut: number }) => ({
    validation: reward(one.validation, tasks.validation),
    heldOut: reward(one.heldOut, tasks.heldOut),
  })
  return {
    tasks,
    members: members.map((one, m) => ({
      ...{ name: one.name, build: one.build, round: one.round, modelRoot: one.modelRoot, ...measured(one) },
      ...(made.kind === 'merged' ? { taken: made.weights[m] !== 0 } : {}),
    })),
    ...(made.kind === 'taught' ? { rows: made.rows } : {}),
    result: { modelRoot: result.modelRoot, ...measured(result) },
  }
}

const show = (lineage: Lineage, method: string, terminal: Terminal): void => {
  const { tasks, members, result, rows } = rowsOf(lineage)
  const width = Math.max(...members.map(({ name }) => name.length), 'meta-model, distil'.length)
  const line = (name: string, validation: string, heldOut: string, more = ''): void =>
    terminal.say(
      `${name.padEnd(width)}  ${validation.padStart(10)}  ${heldOut.padStart(8)}  ${more}`.trimEnd(),
    )
  terminal.say(`reward on ${tasks.validation} validation tasks and on ${tasks.heldOut} held-out ones:`)
  line('', 'validation', 'held out')
  for (const { name, validation, heldOut, taken } of members)
    line(name, validation.toFixed(3), heldOut.toFixed(3), taken === true ? 'taken in' : '')
  const more = rows === undefined ? '' : `taught ${rows} answers`
  line(`meta-model, ${method}`, result.validation.toFixed(3), result.heldOut.toFixed(3), more)
}

const requireFree = async (path: string): Promise<void> => {
  await stat(dirname(path)).catch(() => {
    throw badInput(
      'out-missing',
      '--out',
      `${path}, in no directory`,
      'a directory that is there',
      'Make it first.',
    )
  })
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw Object.assign(error, { path })
    return undefined
  })
  if (found)
    throw badInput(
      'file-exists',
      '--out',
      `${path}, which is there already`,
      'a new directory',
      'Name another one, or remove this one.',
    )
}
