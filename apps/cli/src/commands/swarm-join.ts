import { setTimeout as sleep } from 'node:timers/promises'
import type { ParticipantEvent } from '@lockstep/node/swarm'
import { untilInterrupted } from '../network/join.ts'
import { metricsLine } from '../network/swarm-metrics.ts'
import { type SwarmPartOptions, withSwarmPart } from '../network/swarm-part.ts'
import type { Terminal } from '../terminal.ts'

export type SwarmJoinOptions = SwarmPartOptions & {
  /** With --json: each event as a line of its own, too. */
  readonly stream?: boolean
}

/** From one look at the chain to the next. */
const LOOK_MS = 500

/** Takes part in a swarm until it is over or Ctrl-C; the same command goes on after that, or after a kill. */
export const swarmJoinCommand = (
  swarm: number,
  options: SwarmJoinOptions,
  terminal: Terminal,
): Promise<void> =>
  withSwarmPart(
    swarm,
    { ...options, joins: true },
    terminal,
    (event) => show(event, terminal, options.stream ?? false),
    async ({ manifest, account, directory, participant }) => {
      terminal.say(`swarm     ${swarm}, ${manifest.name}`)
      terminal.say(`account   ${account}`)
      terminal.say(`files     ${directory}`)
      terminal.say('Stop it with Ctrl-C; the same command goes on.')
      await untilInterrupted(async (signal) => {
        while (!signal.aborted) {
          const { over } = await participant.turn()
          if (over) return
          await sleep(LOOK_MS, undefined, { signal }).catch(() => {})
        }
      })
      const { round } = participant.model()
      const closed = participant.view()?.closed ?? false
      terminal.say(closed ? `Swarm ${swarm} is over: learned from ${round} rounds.` : 'Stopped.')
      terminal.result({ swarm, account, learned: round, closed, directory })
    },
  )

const show = (event: ParticipantEvent, terminal: Terminal, stream: boolean): void => {
  if (stream) terminal.result(event)
  if (event.event === 'metrics') terminal.say(metricsLine(event))
  else if (event.event === 'failed') terminal.note(`${event.what} failed, and is begun again: ${event.why}`)
  else if (event.event === 'computing' && event.what === 'open' && event.round === 0)
    terminal.note('opening the model; a first one is made by its warm start')
  else if (event.event === 'did' && event.duty.do !== 'learn') {
    const { do: what, ...where } = event.duty
    terminal.say([what, ...Object.entries(where).map(([name, value]) => `${name} ${value}`)].join(' '))
  }
}
