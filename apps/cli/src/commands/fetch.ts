import { stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { writeAtomic } from '@lockstep/node/atomic-file'
import { unwrap } from '@lockstep/tensor'
import { badInput } from '../cli-error.ts'
import { homeOf } from '../network/home.ts'
import { withClient } from '../network/join.ts'
import { networkFor } from '../network/network-source.ts'
import { bytes, type Terminal } from '../terminal.ts'

export type FetchOptions = { readonly home?: string; readonly network?: string; readonly out?: string }

/** Gets a job's models from whoever has them. Each is checked against the state that was settled on the chain. */
export const fetchCommand = async (job: number, options: FetchOptions, terminal: Terminal): Promise<void> => {
  const home = homeOf(options.home)
  const { out = `job-${job}.safetensors` } = options
  await requireFree(out)
  const network = await networkFor(home, options.network)
  const models = await withClient(network, undefined, async (client) => unwrap(await client.fetch(job)))
  const written: object[] = []
  for (const { slice, stateRoot, model } of models) {
    const path = models.length === 1 ? out : named(out, slice)
    if (models.length > 1) await requireFree(path)
    await writeAtomic(path, model)
    terminal.say(`model     ${path}, ${bytes(model.length)}: slice ${slice}, settled as ${stateRoot}`)
    written.push({ path, slice, stateRoot, bytes: model.length })
  }
  const [first] = models.length === 1 ? [out] : [named(out, models[0]!.slice)]
  terminal.say(`Next: lockstep sample ${first}`)
  terminal.result({ job, models: written })
}

/** Several models are told apart by their slices. */
const named = (out: string, slice: number): string =>
  /\.[^./\\]+$/.test(out) ? out.replace(/(\.[^./\\]+)$/, `-${slice}$1`) : `${out}-${slice}`

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
      'a new file',
      'Name another file, or remove this one.',
    )
}
