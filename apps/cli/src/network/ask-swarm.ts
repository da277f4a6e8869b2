import { rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { NetworkFile, SwarmManifest } from '@lockstep/client'
import { askSwarmModels, keepAskedModel } from '@lockstep/node/swarm'
import type { Terminal } from '../terminal.ts'
import type { Home } from './home.ts'
import { withClient } from './join.ts'
import { swarmFiles } from './swarm-files.ts'
import { accountsIn, familiesOf } from './swarm-models.ts'
import { fetched, keptManifest, viewOf } from './swarm-part.ts'

/**
 * Asks the participants that the chain announces, and that are not this home's, for their models, and keeps what they give beside this home's own, in place
 * of what they gave before. Who was not reached, or gave something else than it said, is named.
 * @param seconds How long one that cannot be reached is tried
 */
export const askSwarm = async (
  home: Home,
  network: NetworkFile,
  swarm: number,
  given: string | undefined,
  seconds: number,
  terminal: Terminal,
): Promise<SwarmManifest> => {
  const files = swarmFiles(home, network, swarm)
  const kept = await keptManifest(given, files.manifest, swarm)
  return withClient(network, undefined, async (client) => {
    const view = await viewOf(client, network, swarm)
    const manifest = kept ?? (await fetched(client, view, files.manifest, terminal))
    const without = await accountsIn(dirname(files.manifest))
    const others = [...view.members.keys()].filter((account) => !without.has(account))
    terminal.note(`asking ${others.length} participants for their models`)
    const { models, missing } = await askSwarmModels(client.peer, {
      ...{ swarm, manifest, families: familiesOf(manifest), view, without, within: 1000 * seconds },
    })
    for (const { account, why } of missing) terminal.note(`${account} gave no model: ${why}`)
    await rm(files.asked, { recursive: true, force: true })
    for (const model of models) await keepAskedModel(files.askedOf(model.account), model)
    return manifest
  })
}
