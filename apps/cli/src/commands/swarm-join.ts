import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { swarmsTopic } from '@lockstep/client'
import { parseAmount } from '@lockstep/market'
import { prepareAccount, takeLock } from '@lockstep/node'
import { openParticipant, type ParticipantEvent } from '@lockstep/node/swarm'
import { unwrap } from '@lockstep/tensor'
import { openExecutor } from '../executor.ts'
import { type ActingOptions, actingKey } from '../network/accounts.ts'
import { homeOf } from '../network/home.ts'
import { untilInterrupted, withClient } from '../network/join.ts'
import { networkFor } from '../network/network-source.ts'
import { dripThrough } from '../network/reach.ts'
import { readSwarmManifest, swarmFiles } from '../network/swarm-files.ts'
import { makeDirectory } from '../run/make-directory.ts'
import type { Terminal } from '../terminal.ts'

export type SwarmJoinOptions = ActingOptions & {
  readonly manifest?: string
  /** With --json: each event as a line of its own, too. */
  readonly stream?: boolean
}

/** From one look at the chain to the next. */
const LOOK_MS = 500

/** Takes part in a swarm until it is over or Ctrl-C; the same command goes on after that, or after a kill. */
export const swarmJoinCommand = async (
  swarm: number,
  options: SwarmJoinOptions,
  terminal: Terminal,
): Promise<void> => {
  const home = homeOf(options.home)
  const network = await networkFor(home, options.network)
  const files = swarmFiles(home, network, swarm)
  const manifest = await readSwarmManifest(options.manifest ?? files.manifest, swarm)
  const { account } = options
  const secret = await actingKey(home, options)
  const directory = files.participant(account)
  await makeDirectory(dirname(directory))
  await makeDirectory(directory)
  const lock = unwrap(await takeLock(join(directory, 'participant.lock')))
  try {
    const { addresses } = network
    unwrap(
      await prepareAccount({
        ...{ rpc: network.rpc, deployment: network, account: secret, scopes: [], seat: 0n },
        stake: parseAmount(manifest.stake)!,
        ...(addresses.faucet === undefined ? {} : { drip: dripThrough(network) }),
      }),
    )
    await withClient(network, secret.account(), async (client) => {
      const executor = await openExecutor(1)
      try {
        terminal.note(`opening the model of ${account}`)
        const participant = unwrap(
          await openParticipant({
            ...{ market: client.chain, fromBlock: network.fromBlock, account: secret.address },
            ...{ swarm, manifest, executor, directory, peerId: client.peer.id },
            topic: client.peer.topic(swarmsTopic),
            blame: (peer, why) => client.peer.penalise(peer, 'rejected', `swarm ${swarm}: ${why}`),
            tell: (event) => show(event, terminal, options.stream ?? false),
          }),
        )
        terminal.say(`swarm     ${swarm}, ${manifest.name}`)
        terminal.say(`account   ${secret.address}`)
        terminal.say(`files     ${directory}`)
        terminal.say('Stop it with Ctrl-C; the same command goes on.')
        try {
          await untilInterrupted(async (signal) => {
            while (!signal.aborted) {
              const { over } = await participant.turn()
              if (over) return
              await sleep(LOOK_MS, undefined, { signal }).catch(() => {})
            }
          })
        } finally {
          participant.close()
        }
        const { round } = participant.model()
        const closed = participant.view()?.closed ?? false
        terminal.say(closed ? `Swarm ${swarm} is over: learned from ${round} rounds.` : 'Stopped.')
        terminal.result({ swarm, account: secret.address, learned: round, closed, directory })
      } finally {
        await executor.close()
      }
    })
  } finally {
    await lock.release()
  }
}

const show = (event: ParticipantEvent, terminal: Terminal, stream: boolean): void => {
  if (stream) terminal.result(event)
  if (event.event === 'metrics') {
    const { round, rewards, local, external, nats, tokensPerSecond } = event
    const reward = rewards.map(({ family, level, reward: mean }) => `${family}:${level} ${mean.toFixed(3)}`)
    terminal.say(
      `round ${round}: reward ${reward.join(', ')}; learned from ${local} own and ${external} other groups; ` +
        `${nats.toFixed(2)} nats, ${Math.round(tokensPerSecond)} tokens/s`,
    )
  } else if (event.event === 'did' && event.duty.do !== 'learn') {
    const { do: what, ...where } = event.duty
    terminal.say([what, ...Object.entries(where).map(([name, value]) => `${name} ${value}`)].join(' '))
  }
}
