/**
 * A local chain with a market on it as a process of its own: `chain-process.ts SETTINGS`, as `lockstep up` starts it.
 * It says that it is ready over its channel, and ends with its parent.
 */
import { readFile } from 'node:fs/promises'
import {
  checkDeployment,
  connect,
  type Deployment,
  deployMarket,
  LOCAL_CHAIN,
  LOCAL_RULES,
  startLocalChain,
} from '@lockstep/contracts'
import { endWithParent, sayReady } from '@lockstep/node'
import { writeAtomic } from '@lockstep/node/atomic-file'
import { z } from 'zod'
import { developmentAccount } from '../chain/keys.ts'

const settings = z.object({
  port: z.int(),
  hosts: z.array(z.string()),
  state: z.string(),
  deployment: z.string(),
})
export type ChainSettings = z.output<typeof settings>

const { port, hosts, state, deployment } = settings.parse(JSON.parse(process.argv[2] ?? ''))
const chain = await startLocalChain({ port, hosts, stateDirectory: state })
let stopping: Promise<void> | undefined
const stop = (): void => {
  stopping ??= chain.stop().then(() => process.exit(0))
}
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, stop)
endWithParent(stop)
void chain.ended.then(() => stopping ?? process.exit(1))

const account = developmentAccount('deployer')
const connection = await connect({ url: chain.url, chainId: LOCAL_CHAIN.id, account, pollingInterval: 20 })
const known = await readFile(deployment, 'utf8').catch((error: NodeJS.ErrnoException) => {
  if (error.code !== 'ENOENT') throw error
  return undefined
})
if (known === undefined) {
  const deployed = await deployMarket(connection, LOCAL_RULES)
  await chain.save() // before anyone hears of it
  await writeAtomic(deployment, `${JSON.stringify(deployed, null, 2)}\n`)
} else {
  const checked = await checkDeployment(connection, JSON.parse(known) as Deployment)
  if (!checked.ok) {
    process.stderr.write(
      `the market of ${deployment} is not on the chain that is kept in ${state}: use another --home, or move both away\n`,
    )
    await chain.stop()
    process.exit(1)
  }
}
sayReady()
