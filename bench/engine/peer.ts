import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { gptWeights, mlpWeights, type Order } from './order.ts'
import { pinThreads } from './pin-threads.ts'

/**
 * What others offer for the same work. Each runs in a process of its own that is told its threads and its order on the
 * command line, builds it once, and answers one line of JSON: {version, check} or {absent}. After that each line `run`
 * on its input is one run, answered by {seconds} as the process itself measures them.
 */
const PEERS = {
  openblas: { label: 'OpenBLAS', program: 'python', file: 'openblas.py' },
  pytorch: { label: 'PyTorch', program: 'python', file: 'pytorch.py' },
  'onnxruntime-node': { label: 'onnxruntime-node', program: 'node', file: 'onnxruntime.mjs' },
  'onnxruntime-web': { label: 'onnxruntime-web', program: 'node', file: 'onnxruntime.mjs' },
  'tfjs-wasm': { label: 'tfjs-wasm', program: 'node', file: 'tfjs.mjs' },
  'jax-js': { label: 'jax-js', program: 'node', file: 'jax-js.mjs' },
} as const
export type PeerName = keyof typeof PEERS
export const PEER_NAMES = Object.keys(PEERS) as readonly PeerName[]
export type { Order } from './order.ts'

export type Peer = {
  readonly label: string
  readonly version: string
  /** Numbers of its result that are compared with ours. */
  readonly check: readonly number[]
  /** Runs once; the seconds that it took. */
  run(): Promise<number>
  close(): Promise<void>
}

/**
 * Threads of a library spin for a while after its turn: the other side's turn begins when they sleep. OpenBLAS's look
 * for work for 2^28 ticks of the processor's clock, 103 ms at the 2.6 GHz of the machine where this was seen.
 */
const REST_MS = 200

const PEER_FILES = join(dirname(import.meta.dirname), 'peers')

/** The Python that has numpy: Debian's, where there is one. */
const python = (): string => (existsSync('/usr/bin/python3') ? '/usr/bin/python3' : 'python3')

export const peerLabel = (name: PeerName): string => PEERS[name].label

/** Starts a peer on an order; null where it is not installed. */
export const startPeer = async (
  name: PeerName,
  order: Order | { readonly case: 'version' },
  threads: number,
): Promise<Peer | null> => {
  const { label, program, file } = PEERS[name]
  const weights = order.case === 'mlp' ? mlpWeights(order) : order.case === 'gpt' ? gptWeights(order) : []
  const given = JSON.stringify({ ...order, weights, threads, peer: name })
  const args = [join(PEER_FILES, file), given]
  const [command, flags] =
    program === 'python' ? [python(), []] : [process.execPath, ['--disable-warning=ExperimentalWarning']]
  const child = spawn(command, [...flags, ...args], {
    stdio: ['pipe', 'pipe', 'pipe'],
    cwd: PEER_FILES,
    env: { ...process.env, ...pinThreads(threads) },
  })
  const gone = new Promise<void>((resolve) => child.once('close', () => resolve()))
  const lines = answers(child)
  const first = (await lines()) as { absent?: string; version?: string; check?: number[] }
  if (first.version === undefined) {
    child.kill('SIGKILL')
    if (first.absent === undefined) throw new Error(`${label}: ${JSON.stringify(first)}`)
    return null
  }
  return {
    label,
    version: first.version,
    check: first.check ?? [],
    run: async () => {
      child.stdin?.write('run\n')
      const { seconds } = (await lines()) as { seconds?: number }
      if (seconds === undefined) throw new Error(`${label} gave no time`)
      await new Promise((resolve) => setTimeout(resolve, REST_MS))
      return seconds
    },
    close: async () => {
      child.kill('SIGKILL')
      await gone
    },
  }
}

/** The lines of a child as they are asked for. One that ends instead of answering is an error with its last words. */
const answers = (child: ChildProcess): (() => Promise<unknown>) => {
  const ready: string[] = []
  const waiting: { resolve: (line: string) => void; reject: (error: Error) => void }[] = []
  let dead: Error | undefined
  let words = ''
  createInterface({ input: child.stdout! }).on('line', (line) => {
    if (!line.startsWith('{')) return // what a library prints of itself
    const one = waiting.shift()
    if (one) one.resolve(line)
    else ready.push(line)
  })
  child.stderr!.on('data', (part: Buffer) => {
    words = (words + part).slice(-2000)
  })
  const die = (why: string): void => {
    const said = words.trim().split('\n')
    const last = said.findLast((line) => /Error/.test(line)) ?? said.slice(-3).join(' ')
    dead ??= new Error(`${why}: ${last}`)
    for (const one of waiting.splice(0)) one.reject(dead)
  }
  child.on('error', (error) => die(error.message))
  child.on('close', () => die('the process of a peer has ended'))
  return async () => {
    const line =
      ready.shift() ??
      (await new Promise<string>((resolve, reject) => {
        if (dead) reject(dead)
        else waiting.push({ resolve, reject })
      }))
    return JSON.parse(line)
  }
}

/** Installs the peers that are packages, once; false where that fails. */
export const installPeers = (say: (line: string) => void): boolean => {
  if (existsSync(join(PEER_FILES, 'node_modules', '.package-lock.json'))) return true
  say('installing the peers of the benchmark (bench/peers, about 500 MB) ...')
  const { status } = spawnSync(
    'npm',
    ['ci', '--prefix', PEER_FILES, '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'],
    {
      cwd: PEER_FILES,
      stdio: ['ignore', 'ignore', 'inherit'],
      env: { ...process.env, ONNXRUNTIME_NODE_INSTALL: 'skip' },
      shell: process.platform === 'win32',
    },
  )
  if (status !== 0) say('the peers could not be installed: a package registry must be reachable once')
  return status === 0
}
