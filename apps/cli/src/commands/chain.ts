import { connect, deployDisputes, LOCAL_CHAIN, startLocalChain } from '@lockstep/contracts'
import { getAddress } from 'viem'
import { developmentAccount } from '../chain/keys.ts'
import { badEnvironment } from '../cli-error.ts'
import type { Terminal } from '../terminal.ts'

export type LocalChainCommand = { readonly port: number }

/** What the contract fixes on a local chain. A public one is deployed with rules of its own. */
const RULES = { rewardShare: 2_000, gasPriceCap: 100n * 10n ** 9n, minimumTime: 1 } as const

/** Starts a local chain with the contracts, and keeps it until it is told to stop. */
export const chainCommand = async (
  { port }: LocalChainCommand,
  stopped: Promise<void>,
  terminal: Terminal,
): Promise<void> => {
  const chain = await startLocalChain({ port }).catch((error) => {
    throw explain(error, port)
  })
  try {
    const account = developmentAccount('deployer')
    const connection = await connect({
      url: chain.url,
      chainId: LOCAL_CHAIN.id,
      account,
      pollingInterval: 20,
    })
    const deployed = await deployDisputes(connection, { ...RULES, treasury: account.address })
    const contract = getAddress(deployed)
    terminal.say(`chain     ${chain.url}, id ${LOCAL_CHAIN.id}: a local one, its coins are worth nothing`)
    terminal.say(`contract  ${contract}`)
    for (const role of ['claimant', 'challenger'] as const)
      terminal.say(
        `${`${role}:`.padEnd(12)}${developmentAccount(role).address}, a public development account`,
      )
    terminal.say('Stop it with Ctrl-C.')
    terminal.result({ rpc: chain.url, chainId: LOCAL_CHAIN.id, contract, pid: chain.pid })
    await Promise.race([stopped, chain.ended])
  } finally {
    await chain.stop()
  }
}

const explain = (error: unknown, port: number): unknown => {
  const { code, message } = error as { code?: string; message?: string }
  switch (code) {
    case 'port-in-use':
      return badEnvironment(
        'port-in-use',
        '--port',
        port,
        'a free port',
        'Stop its owner, or choose another; 0 finds one.',
      )
    case 'anvil-missing':
    case 'start-failed':
    case 'start-timeout':
      return badEnvironment(code, 'the local chain', message, 'a chain that starts', 'See the message.')
    default:
      return error
  }
}
