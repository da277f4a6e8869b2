import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { promisify } from 'node:util'

/** A machine of its own as far as the network goes: it has one address, and reaches others by a cable. */
export type Machine = {
  readonly address: string
  /** A command, as it is started on this machine. */
  readonly command: (command: string, args: readonly string[]) => readonly [string, readonly string[]]
  /** From now on nothing goes in or out, and nobody is told: what is sent is lost. */
  readonly cut: () => Promise<void>
  readonly heal: () => Promise<void>
}

export type Machines = {
  readonly machines: readonly Machine[]
  readonly close: () => Promise<void>
}

const run = promisify(execFile)
const READY_MS = 10_000

/**
 * Machines in one network: Linux network namespaces, joined by a bridge in another one, all in a user namespace of
 * their own. So this machine's network is not touched, nobody has to be root, and all of it is gone when this process
 * is, however it ends. Gives why not, where the system does not allow it.
 */
export const openMachines = async (count: number): Promise<Machines | string> => {
  const holders: ChildProcess[] = []
  const close = async (): Promise<void> => {
    await Promise.all(
      holders.reverse().map(async (holder) => {
        if (holder.exitCode !== null || holder.signalCode !== null) return
        const gone = new Promise((resolve) => holder.once('close', resolve))
        holder.stdin?.end()
        await gone
      }),
    )
  }
  try {
    const hub = await holdNamespace('unshare', ['--user', '--map-root-user', '--net'])
    holders.push(hub)
    const inHub = (...args: string[]): Promise<unknown> => run(...enter(hub.pid!, args[0]!, args.slice(1)))
    await inHub('ip', 'link', 'add', 'hub', 'type', 'bridge')
    await inHub('ip', 'link', 'set', 'hub', 'up')
    const machines: Machine[] = []
    for (let i = 0; i < count; i++) {
      const [command, args] = enter(hub.pid!, 'unshare', ['--net'])
      const holder = await holdNamespace(command, args)
      holders.push(holder)
      const [port, address] = [`port${i}`, `10.77.0.${i + 1}`]
      const inside = (...words: string[]): Promise<unknown> =>
        run(...enter(holder.pid!, words[0]!, words.slice(1)))
      const end = ['peer', 'name', 'eth0', 'netns', String(holder.pid)]
      await inHub('ip', 'link', 'add', port, 'type', 'veth', ...end)
      await inHub('ip', 'link', 'set', port, 'master', 'hub', 'up')
      await inside('ip', 'address', 'add', `${address}/24`, 'dev', 'eth0')
      await inside('ip', 'link', 'set', 'eth0', 'up')
      await inside('ip', 'link', 'set', 'lo', 'up')
      // The bridge's end stays up, so that no socket hears of it.
      const state = (to: string) => async (): Promise<void> =>
        void (await inHub('bridge', 'link', 'set', 'dev', port, 'state', to))
      machines.push({
        address,
        command: (name, words) => enter(holder.pid!, name, words),
        cut: state('0'),
        heal: state('3'),
      })
    }
    return { machines, close }
  } catch (error) {
    await close()
    const { stderr, message } = error as Error & { readonly stderr?: string }
    return `no network namespaces here: ${(stderr || message).trim().split('\n').at(-1)}`
  }
}

const enter = (pid: number, command: string, args: readonly string[]): [string, string[]] => [
  'nsenter',
  ['--user', '--preserve-credentials', '--net', '--target', String(pid), '--', command, ...args],
]

/** A process that does nothing but be in a namespace, until it hears no more of this one. */
const holdNamespace = async (command: string, args: readonly string[]): Promise<ChildProcess> => {
  const holder = spawn(command, [...args, 'sh', '-c', 'echo ready && exec cat >/dev/null'], {
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  let said = ''
  holder.stderr.on('data', (text) => {
    said += String(text)
  })
  const ready = new Promise<void>((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`${command} is not ready in ${READY_MS} ms`)), READY_MS)
    late.unref()
    holder.once('error', reject)
    holder.once('close', () => reject(new Error(said || `${command} has ended`)))
    holder.stdout.once('data', () => {
      clearTimeout(late)
      resolve()
    })
  })
  try {
    await ready
    return holder
  } catch (error) {
    holder.kill('SIGKILL')
    throw error
  }
}
