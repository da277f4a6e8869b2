import type { Client, ProgressMessage } from '@lockstep/client'
import type { MarketEvent } from '@lockstep/contracts'
import { unwrap } from '@lockstep/tensor'
import type { Hex } from 'viem'
import { EXIT, type ExitCode } from '../cli-error.ts'
import { namesIn } from '../network/accounts.ts'
import { describeEvent, eventJson, type NameOf, newPlaces, short } from '../network/describe-event.ts'
import { homeOf } from '../network/home.ts'
import { untilInterrupted, withClient } from '../network/join.ts'
import { lossLine } from '../network/loss-line.ts'
import { networkFor } from '../network/network-source.ts'
import type { Terminal } from '../terminal.ts'

export type WatchOptions = {
  readonly home?: string
  readonly network?: string
  /** With --json: each event as a line of its own, too. */
  readonly stream?: boolean
}

/** Follows a job to its end. */
export const watchCommand = async (
  job: number,
  options: WatchOptions,
  terminal: Terminal,
): Promise<ExitCode> => {
  const home = homeOf(options.home)
  const network = await networkFor(home, options.network)
  const names = await namesIn(home)
  return withClient(network, undefined, (client) =>
    untilInterrupted((signal) => watchJob(client, job, { terminal, names, signal, ...options })),
  )
}

export type Watching = Pick<WatchOptions, 'stream'> & {
  readonly terminal: Terminal
  readonly names: NameOf
  readonly signal: AbortSignal
  /** What else the result is to say. */
  readonly also?: object
}

/** Longer than anybody waits to close a job whose slices have ended. */
const CLOSE_MS = 60_000
/** Words about losses that are kept for the curve. */
const MOST_LOSSES = 100_000

/** Tells everything that happens to a job until it is closed. Exit code 1 where it ends without what was wanted. */
export const watchJob = async (client: Client, job: number, watching: Watching): Promise<ExitCode> => {
  const { terminal, names, signal, stream = false, also = {} } = watching
  unwrap(await client.state(job)) // an unknown one is refused at once
  const nameOf: NameOf = (address) => {
    const name = names(address)
    return name.startsWith('0x') ? short(name) : name
  }
  const events: object[] = []
  const emit = (event: object): void => {
    events.push(event)
    if (stream) terminal.result(event)
  }
  const stop = new AbortController()
  const over = AbortSignal.any([signal, stop.signal])
  const curve = await followProgress(client, job, terminal, stream)
  const closing = closeInTime(client, job, stop, over)
  const places = newPlaces()
  const clock = clockOf(client)
  try {
    for await (const event of client.watch(job, over)) {
      const line = describeEvent(event, places, nameOf)
      if (line === undefined) continue
      curve.pause()
      const time = await clock.ofBlock(event.block)
      const wait = event.name === 'AuditOver' ? await untilFinal(client, event, clock.since) : ''
      terminal.say(`${time.padStart(8)}  ${line}${wait}`)
      emit(eventJson(event))
    }
  } finally {
    stop.abort()
    curve.end()
    await closing
  }
  if (signal.aborted) {
    terminal.note('stopped watching: the job goes on')
    return EXIT.ok
  }
  const state = unwrap(await client.state(job))
  const settled = state.slices.filter(({ status }) => status === 'settled').length
  const good = settled === state.slices.length
  const loss = curve.losses()
  if (loss.length > 1) terminal.say(`loss, as the providers report it: ${lossLine(loss)}`)
  terminal.say(
    good
      ? `Job ${job} is settled. Next: lockstep fetch ${job}`
      : `Job ${job} has ended with ${settled} of ${state.slices.length} slices settled: lockstep explain ${job}`,
  )
  terminal.result({
    ...also,
    job,
    status: state.job.status,
    settled: good,
    slices: state.slices.map(({ status, attempt, account, pricePerUnit, claim, stateRoot }, slice) => ({
      slice,
      status,
      attempt,
      provider: account,
      pricePerUnit: String(pricePerUnit),
      claim,
      stateRoot,
    })),
    loss,
    events,
  })
  return good ? EXIT.ok : EXIT.difference
}

/** Chain's time since the job's first event. */
const clockOf = (client: Client) => {
  const times = new Map<number, number>()
  let start: number | undefined
  const since = (time: number): string => `${time - (start ?? time)} s`
  const ofBlock = async (block: number): Promise<string> => {
    let time = times.get(block)
    if (time === undefined) {
      const { timestamp } = await client.chain.connection.reader.getBlock({ blockNumber: BigInt(block) })
      time = Number(timestamp)
      times.set(block, time)
    }
    start ??= time
    return since(time)
  }
  return { since, ofBlock }
}

/** Most of a job's time is the wait for a challenge that does not come: whoever watches should know how long. */
const untilFinal = async (
  { chain }: Client,
  { args }: MarketEvent,
  since: (time: number) => string,
): Promise<string> => {
  const { status, until } = await chain.disputes.readClaim((args as { claim: Hex }).claim)
  return status === 'standing' ? `; the claim is final at ${since(until)} if nobody disputes it` : ''
}

/** Ends the watching where all slices have ended and nobody closes the job. */
const closeInTime = async (
  client: Client,
  job: number,
  stop: AbortController,
  over: AbortSignal,
): Promise<void> => {
  const settled = await client.settled(job, over).catch((error) => {
    if (over.aborted) return undefined
    throw error
  })
  if (settled === undefined) return
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, CLOSE_MS)
    over.addEventListener('abort', () => {
      clearTimeout(timer)
      resolve()
    })
    if (over.aborted) resolve()
  })
  stop.abort()
}

/** Shows how far the providers say that they are. */
const followProgress = async (client: Client, job: number, terminal: Terminal, stream: boolean) => {
  const { slices } = unwrap(await client.state(job))
  const { read } = client.chain
  const specs = await Promise.all(slices.map((_, slice) => read.slice(job, slice)))
  const total = specs.reduce((sum, { steps }) => sum + steps, 0)
  // How many slices lie before each: what a loss curve is ordered by.
  const depths: number[] = []
  for (const { initialFrom, inputsFrom } of specs)
    depths.push(1 + Math.max(-1, ...[initialFrom, ...inputsFrom].flatMap((from) => depths[from] ?? [])))
  const last = new Map<number, ProgressMessage>()
  const losses: { readonly depth: number; readonly step: number; readonly loss: number }[] = []
  let bar: ReturnType<Terminal['progress']> | undefined
  const show = (message: ProgressMessage): void => {
    const { slice, step, loss } = message
    last.set(slice, message)
    if (loss !== undefined && losses.length < MOST_LOSSES) losses.push({ depth: depths[slice]!, step, loss })
    bar ??= terminal.progress('train', total)
    const done = [...last.values()].reduce((sum, one) => sum + one.step, 0)
    const running = [...last.values()]
      .filter((one) => one.step < one.steps)
      .sort((x, y) => x.slice - y.slice)
      .map((one) => `slice ${one.slice} ${one.step}/${one.steps}`)
    bar.update(done, [...(loss === undefined ? [] : [`loss ${loss.toFixed(3)}`]), ...running].join(', '))
  }
  const stop = client.onProgress((message) => {
    if (message.job !== job || message.slice >= slices.length) return
    show(message)
    if (stream) terminal.result({ progress: message })
  })
  return {
    losses: (): readonly number[] =>
      losses.toSorted((a, b) => a.depth - b.depth || a.step - b.step).map(({ loss }) => loss),
    /** Makes room for a line; the bar comes again with the next message. */
    pause: (): void => bar?.end(),
    end: (): void => {
      stop()
      bar?.end()
    },
  }
}
