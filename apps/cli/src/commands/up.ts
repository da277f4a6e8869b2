import { spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createLog, isRunning, type PartStatus, readHolder, runParts, type Supervisor } from '@lockstep/node'
import { unwrap } from '@lockstep/tensor'
import { badEnvironment, badInput } from '../cli-error.ts'
import { type Home, homeOf } from '../network/home.ts'
import { type Counts, partsOf, readSettings, type Settings, writeSettings } from '../network/local-network.ts'
import { freePort, freePorts, reachOf, USUAL_PORT } from '../network/ports.ts'
import { makeDirectory } from '../run/make-directory.ts'
import type { Terminal } from '../terminal.ts'

export type UpOptions = Counts & {
  readonly home?: string
  readonly listen?: string
  readonly port?: number
  readonly detach?: boolean
}

/** A part that has ended so often before everything was up does not come up. */
const MOST_RESTARTS = 2

/** Starts a local network, or goes on with the one that this home has, and keeps it until it is told to stop. */
export const upCommand = async (
  options: UpOptions,
  stopped: Promise<void>,
  terminal: Terminal,
): Promise<void> => {
  const home = homeOf(options.home)
  const holder = await readHolder(home.lock)
  if (holder && isRunning(holder))
    throw badInput(
      'network-up',
      '--home',
      `${home.directory}, whose network is up (process ${holder.pid})`,
      'a home whose network is down',
      'Stop it with `lockstep down`, or choose another --home.',
    )
  const settings = await settingsFor(home, options)
  if (options.detach === true) return detach(home, terminal)
  const log = createLog({
    level: 'info',
    format: 'line',
    file: { path: home.log('up'), size: 2 ** 24, files: 4 },
  })
  const parts = partsOf(home, settings, options, log)
  const supervisor = unwrap(await runParts({ lockFile: home.lock, parts, log }))
  try {
    terminal.note(`starting ${parts.map(({ name }) => name).join(', ')}`)
    const isUp = await untilUp(supervisor, stopped, terminal)
    if (isUp) {
      show(home, settings, supervisor, terminal)
      process.send?.('up')
      await stopped
    }
  } finally {
    terminal.note('stopping')
    const killed = await supervisor.stop()
    for (const name of killed) terminal.note(`${name} did not stop in time and was killed`)
    log.close()
  }
}

/** Where a network is reached: as the first time, unless it is said otherwise; its ports must be free. */
const settingsFor = async (home: Home, { listen, port }: UpOptions): Promise<Settings> => {
  const known = await readSettings(home)
  const reach = known !== undefined && listen === undefined ? known : reachOf(listen)
  const { host, bind } = reach
  let ports = known?.ports
  if (ports === undefined || (port !== undefined && port !== 0 && port !== ports.http)) {
    const found = await freePorts(bind, port ?? USUAL_PORT, 4, '--port')
    const [http, tcp, ws, chain] = found as [number, number, number, number]
    ports = { http, tcp, ws, chain }
  } else for (const one of Object.values(ports)) await freePort(bind, one, '--port')
  const settings = { host, bind, ports }
  await makeDirectory(home.logs)
  await writeSettings(home, settings)
  return settings
}

/** Waits until all parts are up; gives up on one that ends again and again. */
const untilUp = async (
  supervisor: Supervisor,
  stopped: Promise<void>,
  terminal: Terminal,
): Promise<boolean> => {
  let over = false
  const told = new Set<string>()
  const ends = [supervisor.up, stopped].map((end, i) => end.then(() => (i === 0 ? 'up' : 'stopped')))
  const tell = (parts: readonly PartStatus[]): void => {
    for (const { name, state } of parts) {
      if (state !== 'running' || told.has(name)) continue
      told.add(name)
      terminal.note(`${name} is up`)
    }
  }
  const failing = (async () => {
    while (!over) {
      const parts = supervisor.status()
      tell(parts)
      const bad = parts.find(({ restarts }) => restarts >= MOST_RESTARTS)
      if (bad) return bad
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    return undefined
  })()
  const first = await Promise.race([...ends, failing])
  over = true
  tell(supervisor.status())
  if (typeof first !== 'object') return first === 'up'
  throw badEnvironment(
    'part-failing',
    first.name,
    first.reason ?? 'ended',
    'a part that comes up',
    'The log says why: `lockstep status` names it.',
  )
}

const show = (home: Home, settings: Settings, supervisor: Supervisor, terminal: Terminal): void => {
  const { host, bind, ports } = settings
  const parts = supervisor.status()
  const join = `http://${host}:${ports.http}`
  terminal.say(`network   ${home.network}`)
  const address = ports.http === USUAL_PORT ? host : `${host}:${ports.http}`
  terminal.say(`join      lockstep node run --join ${address}`)
  terminal.say(`chain     http://${host}:${ports.chain}, a local one: its tokens and coins are worth nothing`)
  terminal.say(`running   ${parts.map(({ name }) => name).join(', ')}`)
  terminal.say(`logs      ${home.logs}`)
  if (bind !== '127.0.0.1')
    terminal.note(
      'Others can reach it. A local chain obeys whoever reaches it: this is for people who know each other.',
    )
  terminal.say('Stop it with Ctrl-C or `lockstep down`; the same command goes on with the same chain.')
  terminal.result({
    home: home.directory,
    network: home.network,
    join,
    rpc: `http://${host}:${ports.chain}`,
    parts: parts.map(({ name, pid }) => ({ name, pid })),
    logs: home.logs,
    pid: process.pid,
  })
}

const DETACH_MS = 300_000

/** Starts the same command in the background, and waits until it says that all is up. */
const detach = async (home: Home, terminal: Terminal): Promise<void> => {
  const log = join(home.logs, 'up.out')
  const output = openSync(log, 'w', 0o600)
  const args = process.argv.slice(1).filter((arg) => arg !== '--detach')
  const child = spawn(process.execPath, [...process.execArgv, ...args], {
    detached: true,
    stdio: ['ignore', output, output, 'ipc'],
  })
  closeSync(output)
  let late: NodeJS.Timeout | undefined
  const what = await new Promise<'up' | 'ended' | 'late'>((resolve) => {
    child.once('message', () => resolve('up'))
    child.once('exit', () => resolve('ended'))
    child.once('error', () => resolve('ended'))
    late = setTimeout(() => resolve('late'), DETACH_MS)
  })
  clearTimeout(late)
  const said = (await readFile(log, 'utf8').catch(() => '')).trim().split('\n')
  if (what === 'up') {
    child.disconnect()
    child.unref()
    if (terminal.json) terminal.result(JSON.parse(said.findLast((line) => line.startsWith('{')) ?? '{}'))
    for (const line of said) if (!/^Stop it/.test(line)) terminal.say(line)
    terminal.say('It runs in the background; stop it with `lockstep down`.')
    return
  }
  if (what === 'late') child.kill('SIGTERM')
  throw badEnvironment(
    'network-down',
    'the network',
    what === 'late' ? `not up within ${DETACH_MS / 1000} s` : (said.at(-1) ?? 'ended'),
    'a network that comes up',
    `See ${home.logs}.`,
  )
}
