import { join } from 'node:path'
import { swarmManifestHash } from '@lockstep/client'
import { importHub } from '@lockstep/models'
import { checkLineage, codingDigest, decodeLineage, LINEAGE_LIMITS, parametersRoot } from '@lockstep/swarm'
import { unwrap } from '@lockstep/tensor'
import { badInput, EXIT, type ExitCode, from } from '../cli-error.ts'
import { defaultThreads } from '../estimates.ts'
import { openExecutor } from '../executor.ts'
import { familiesOf, type SwarmModelsOptions, swarmModelsOf } from '../network/swarm-models.ts'
import { readBounded } from '../run/bounded-file.ts'
import type { Terminal } from '../terminal.ts'
import { startOf } from './swarm-merge.ts'

const MAX_MODEL = 2 ** 32
const MAX_CONFIG = 2 ** 16
const REMEDY = 'Name a directory that `lockstep swarm merge` has written.'

/** Makes a meta-model again as its lineage says, from its members' models, and names what differs. */
export const swarmCheckCommand = async (
  directory: string,
  options: SwarmModelsOptions,
  terminal: Terminal,
): Promise<ExitCode> => {
  const at = (name: string): string => join(directory, name)
  const written = await readBounded(at('lineage.json'), LINEAGE_LIMITS.bytes, REMEDY)
  const lineage = from(at('lineage.json'), REMEDY, () => unwrap(decodeLineage(written)))
  const config = new TextDecoder().decode(await readBounded(at('config.json'), MAX_CONFIG, REMEDY))
  const weights = await readBounded(at('model.safetensors'), MAX_MODEL, REMEDY)
  const { parameters: result } = from(directory, REMEDY, () => importHub(config, weights))
  if (lineage.swarm === null)
    throw badInput('lineage-unfit', `swarm of ${directory}`, 'none', 'a swarm of a network', REMEDY)
  const { manifest, models } = await swarmModelsOf(lineage.swarm.number, options)
  if (swarmManifestHash(manifest) !== lineage.swarm.manifest)
    throw badInput(
      'manifest-differs',
      '--manifest',
      swarmManifestHash(manifest),
      `that of the lineage, ${lineage.swarm.manifest}`,
      'Name the manifest that the swarm was created with.',
    )
  const byRoot = new Map(models.members.map((one) => [parametersRoot(one.parameters), one]))
  const codings = new Map(models.builds.map(({ coding }) => [codingDigest(coding), coding]))
  const found = <T>(what: string, known: T | undefined, root: string): T => {
    if (known !== undefined) return known
    const limit = 'one of those that --models names'
    throw badInput('models-missing', what, root, limit, 'Name the models of all of its members.')
  }
  const members = lineage.members.map(({ name, modelRoot }) =>
    found(`the model of ${name}`, byRoot.get(modelRoot), modelRoot),
  )
  // Two members may have one model: receipts are those of the member's name.
  const receipts = lineage.members.map(({ name, receipts: named }) => {
    const { updates } = models.members.find((one) => one.name === name) ?? { updates: [] }
    return named.length === 0 || updates.length === 0 ? undefined : updates
  })
  const executor = await openExecutor(defaultThreads())
  try {
    terminal.note(`making the model of ${members.length} participants again`)
    const differences = await checkLineage(executor, lineage, {
      ...{ families: familiesOf(manifest), result, receipts },
      members: members.map(({ parameters }) => parameters),
      codings: lineage.builds.map(({ coding: { name, digest } }) =>
        found(`the tokenizer ${name}`, codings.get(digest), digest),
      ),
      base: lineage.baseRoot === null ? undefined : await startOf(executor, manifest),
    })
    for (const { field, says, found: is } of differences)
      terminal.say(`${field} is ${says} in the lineage, and comes out as ${is}`)
    if (differences.length === 0) terminal.say(`The lineage is true: ${lineage.result.modelRoot}.`)
    terminal.result({ directory, modelRoot: lineage.result.modelRoot, differences })
    return differences.length === 0 ? EXIT.ok : EXIT.difference
  } finally {
    await executor.close()
  }
}
