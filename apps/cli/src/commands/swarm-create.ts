import { writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import {
  canonicalSwarmManifest,
  MAX_MANIFEST_BYTES,
  parseSwarmManifest,
  swarmTermsOf,
} from '@lockstep/client'
import { readMinimumBond } from '@lockstep/contracts'
import { formatAmount } from '@lockstep/market'
import { unwrap } from '@lockstep/tensor'
import { badEnvironment } from '../cli-error.ts'
import { type ActingOptions, actingKey } from '../network/accounts.ts'
import { confirm } from '../network/ask.ts'
import { homeOf } from '../network/home.ts'
import { networkFor } from '../network/network-source.ts'
import { openMarket } from '../network/reach.ts'
import { swarmFiles } from '../network/swarm-files.ts'
import { readBounded } from '../run/bounded-file.ts'
import { makeDirectory } from '../run/make-directory.ts'
import type { Terminal } from '../terminal.ts'

export type SwarmCreateOptions = ActingOptions & {
  readonly yes?: boolean
}

/** Creates a swarm: says what it costs, asks, and pays the rewards of all rounds into escrow. */
export const swarmCreateCommand = async (
  path: string,
  options: SwarmCreateOptions,
  terminal: Terminal,
): Promise<void> => {
  const home = homeOf(options.home)
  const manifest = parseSwarmManifest(
    await readBounded(path, MAX_MANIFEST_BYTES, "Name a swarm's manifest: a YAML or JSON file."),
  )
  const network = await networkFor(home, options.network)
  const { account } = options
  const secret = await actingKey(home, options)
  const market = await openMarket(network, secret.account())
  const { read, calls, addresses, connection } = market
  const minimumBond = await readMinimumBond(connection, addresses.disputes)
  const terms = swarmTermsOf(manifest, { now: await market.now(), minimumBond })
  const escrow = terms.reward * BigInt(terms.rounds)
  const lock = (units: bigint): string => `${formatAmount(units)} LOCK`
  terminal.say(
    `swarm     ${manifest.name}: ${terms.minimum} to ${terms.most} participants, ${terms.rounds} rounds`,
  )
  terminal.say(`escrow    ${lock(escrow)}: ${lock(terms.reward)} a round. What is not earned comes back.`)
  terminal.say(`stake     ${lock(terms.stake)} of each participant`)
  const { credit } = await read.account(secret.address)
  const missing = escrow > credit ? escrow - credit : 0n
  const tokens = await read.tokens(secret.address)
  if (tokens < missing)
    throw badEnvironment(
      'unfunded',
      `account ${account}`,
      `${lock(tokens + credit)} of tokens and credit`,
      `at least the escrow, ${lock(escrow)}`,
      'Fund it with `lockstep account fund` where there is a faucet; or lower reward, or rounds.count.',
    )
  if (!(await confirm(`Create it, and pay ${lock(escrow)} into escrow?`, { yes: options.yes ?? false }))) {
    terminal.say('Nothing was created.')
    terminal.result({ created: false, escrow: String(escrow) })
    return
  }
  if (missing > 0n) {
    unwrap(await market.send(calls.approve(addresses.vault, missing)))
    unwrap(await market.send(calls.deposit(secret.address, missing)))
  }
  const { events } = unwrap(await market.send(calls.createSwarm(terms)))
  const created = events.find((event) => event.contract === 'swarms' && event.name === 'SwarmCreated')
  if (created?.contract !== 'swarms' || created.name !== 'SwarmCreated')
    throw new Error('no swarm was created')
  const swarm = Number(created.args.swarm)
  const file = swarmFiles(home, network, swarm).manifest
  await makeDirectory(dirname(file))
  await writeFile(file, canonicalSwarmManifest(manifest))
  terminal.say(`Swarm ${swarm} is created. Its manifest, for those who join from elsewhere: ${file}`)
  terminal.say(`Next: lockstep swarm join ${swarm}`)
  terminal.result({ created: true, swarm, escrow: String(escrow), manifest: file, hash: terms.manifest })
}
