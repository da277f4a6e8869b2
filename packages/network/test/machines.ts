import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { promisify } from 'node:util'

/** A machine of its own as far as the network goes: it has one address, and reaches others by a cable. */
export type Machine = {
  readonly address: string
  /** A command, as it is started on this machine. */
  readonly command: StartedAs
  /** From now on nothing goes in or out, and nobody is told: what is sent is lost. */
  readonly cut: () => Promise<void>
  readonly heal: () => Promise<void>
}
type StartedAs = (command: string, args: readonly string[]) => [string, string[]]

export type Machines = {
  readonly machines: readonly Machine[]
  readonly close: () => Promise<void>
}

const run = promisify(execFile)
const READY_MS = 10_000
const APART = ['--user', '--map-root-user', '--net']
const addressAt = (place: number): string => `10.77.0.${place}`
/** What a process that holds the switch is reached by from the machines. */
export const HUB_ADDRESS: string = addressAt(254)

/**
 * Machines in one network: Linux network namespaces, joined by a bridge in another one, all in a user namespace of
 * their own. So this machine's network is not touched, nobody has to be root, and all of it is gone when this process
 * is, however it ends. Gives why not, where the system does not allow it.
 */
export const openMachines = async (count: number): Promise<Machines | string> =>
  orWhyNot(async (holders) => {
    const hub = await holdNamespace('unshare', APART)
    holders.push(hub)
    return joinMachines(count, entering(hub, FROM_OUTSIDE), FROM_OUTSIDE, holders)
  })

/** The same with this process at the switch, at HUB_ADDRESS: it has to be started by `atTheSwitch`. */
export const openMachinesHere = (count: number): Promise<Machines | string> =>
  orWhyNot(async (holders) => {
    await run('ip', ['link', 'set', 'lo', 'up'])
    return joinMachines(count, (command, args) => [command, [...args]], [], holders)
  })

/** A command in a network of its own, in which it may make machines. */
export const atTheSwitch: StartedAs = (command, args) => [
  'unshare',
  [...APART, '--fork', '--kill-child', '--', command, ...args],
]

const orWhyNot = async (
  open: (holders: ChildProcess[]) => Promise<readonly Machine[]>,
): Promise<Machines | string> => {
  const holders: ChildProcess[] = []
  const close = async (): Promise<void> => {
    await Promise.all(holders.reverse().map(endHolder))
  }
  try {
    return { machines: await open(holders), close }
  } catch (error) {
    await close()
    const { stderr, message } = error as Error & { readonly stderr?: string }
    return `no network namespaces here: ${(stderr || message).trim().split('\n').at(-1)}`
  }
}

const joinMachines = async (
  count: number,
  inHub: StartedAs,
  from: readonly string[],
  holders: ChildProcess[],
): Promise<readonly Machine[]> => {
  const at = async (place: StartedAs, line: string): Promise<void> => {
    const [command, ...args] = line.split(' ')
    await run(...place(command!, args))
  }
  await at(inHub, 'ip link add hub type bridge')
  await at(inHub, `ip address add ${HUB_ADDRESS}/24 dev hub`)
  await at(inHub, 'ip link set hub up')
  const machines: Machine[] = []
  for (let place = 1; place <= count; place++) {
    const holder = await holdNamespace(...inHub('unshare', ['--net']))
    holders.push(holder)
    const command = entering(holder, from)
    const port = `port${place}`
    await at(inHub, `ip link add ${port} type veth peer name eth0 netns ${holder.pid}`)
    await at(inHub, `ip link set ${port} master hub up`)
    await at(command, `ip address add ${addressAt(place)}/24 dev eth0`)
    await at(command, 'ip link set eth0 up')
    await at(command, 'ip link set lo up')
    // The cable stays plugged in, so that no socket hears of it.
    const cut = (): Promise<void> => at(inHub, `bridge link set dev ${port} state 0`)
    const heal = (): Promise<void> => at(inHub, `bridge link set dev ${port} state 3`)
    machines.push({ address: addressAt(place), command, cut, heal })
  }
  return machines
}

/** What it takes to enter from outside the user namespace. */
const FROM_OUTSIDE = ['--user', '--preserve-credentials']

const entering =
  ({ pid }: ChildProcess, from: readonly string[]): StartedAs =>
  (command, args) => ['nsenter', [...from, '--net', '--target', String(pid), '--', command, ...args]]

/** A process that does nothing but be in a namespace, until it hears no more of this one. */
const holdNamespace = async (command: string, args: readonly string[]): Promise<ChildProcess> => {
  const holder = spawn(command, [...args, 'sh', '-c', 'echo ready && exec cat >/dev/null'], {
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  let said = ''
  holder.stderr.on('data', (text) => {
    said += String(text)
  })
  let late: NodeJS.Timeout | undefined
  const ready = new Promise<void>((resolve, reject) => {
    late = setTimeout(() => reject(new Error(`${command} is not ready in ${READY_MS} ms`)), READY_MS)
    holder.once('error', reject)
    holder.once('close', () => reject(new Error(said || `${command} has ended`)))
    holder.stdout.once('data', () => resolve())
  })
  try {
    await ready
    return holder
  } catch (error) {
    holder.kill('SIGKILL')
    throw error
  } finally {
    clearTimeout(late)
  }
}

const endHolder = async (holder: ChildProcess): Promise<void> => {
  if (holder.exitCode !== null || holder.signalCode !== null) return
  const gone = new Promise((resolve) => holder.once('close', resolve))
  holder.stdin?.end()
  await gone
}
