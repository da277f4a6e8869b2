import { findNative, nativeUrl } from '@lockstep/native'
import { createWasmExecutor, type WasmExecutor } from '@lockstep/tensor'
import { measureCeilings } from '../apps/cli/src/profile/ceilings.ts'
import { nativePeaks } from './engine/native-peak.ts'
import { installPeers, PEER_NAMES, type Peer, peerLabel, startPeer } from './engine/peer.ts'
import type { Context, Section } from './engine/section.ts'
import type { Bench, Row } from './row.ts'

/**
 * The engine beside the machine's ceilings and beside what else a user can pick, on the same work, in turns:
 * `npm run bench -- engine [--only SECTION,...] [--quick] [--json]`. Each section is a file under bench/engine and
 * takes about two minutes at most.
 */
const SECTIONS = [
  'products',
  'products-peers',
  'shapes',
  'elementwise',
  'mlp',
  'gpt',
  'gpt-tfjs',
  'generation',
  'generation-16',
  'compile',
  'memory',
  'commitments',
  'bits',
  'learning',
] as const

export const bench: Bench = async ({ quick, only, tell }) => {
  const names = only ?? SECTIONS
  for (const name of names)
    if (!(SECTIONS as readonly string[]).includes(name)) {
      console.error(`--only has ${name}; allowed: ${SECTIONS.join(', ')}.`)
      process.exit(2)
    }
  const say = (line: string): void => console.error(line)
  const rounds = 7
  const packages = process.env.LOCKSTEP_BENCH_PEERS !== 'none' && installPeers(say)
  const offered = PEER_NAMES.filter((name) => packages || name === 'openblas' || name === 'pytorch')
  const absent = new Set(PEER_NAMES.filter((name) => !offered.includes(name)))
  if (process.env.LOCKSTEP_BENCH_PEERS === 'none') for (const name of PEER_NAMES) absent.add(name)
  for (const name of PEER_NAMES) {
    const peer = absent.has(name) ? null : await startPeer(name, { case: 'version' }, 1)
    if (peer === null) absent.add(name)
    tell(peerLabel(name), peer?.version ?? 'absent')
    await peer?.close()
  }
  const native = findNative()
  const addon = 'native' in native ? { accelerator: { url: nativeUrl() } } : null
  tell(
    'addon',
    'native' in native ? native.native.products.map(({ set }) => set).join(', ') : `absent: ${native.why}`,
  )
  const ceilings = await measureCeilings(rounds, { quick })
  const both = (xs: readonly [number, number], unit: string): string =>
    `${xs[0].toFixed(1)} ${unit} on one thread, ${xs[1].toFixed(1)} on two`
  tell('fma ceiling, 128 bits, WebAssembly', both(ceilings.fma, 'GFLOP/s'))
  for (const { bits, one, two } of await nativePeaks(rounds))
    tell(`fma ceiling, ${bits} bits, native`, both([one, two], 'GFLOP/s'))
  tell('read ceiling, WebAssembly', both(ceilings.read, 'GB/s'))
  tell('copy ceiling, WebAssembly, read and written', both(ceilings.copy, 'GB/s'))

  const rows: Row[] = []
  for (const name of names) {
    const executors: WasmExecutor[] = []
    const peers: Peer[] = []
    const context: Context = {
      quick,
      rounds,
      ceilings,
      addon,
      tell,
      executor: async (options) => {
        const executor = await createWasmExecutor(options)
        executors.push(executor)
        return executor
      },
      peer: async (which, order, threads) => {
        const peer = absent.has(which) ? null : await startPeer(which, order, threads)
        if (peer) peers.push(peer)
        return peer
      },
    }
    say(`section ${name} ...`)
    const begun = performance.now()
    const { section } = (await import(`./engine/${name}.ts`)) as { section: Section }
    try {
      rows.push(...(await section(context)))
    } catch (error) {
      // What the other sections have measured is not lost.
      say(`section ${name} failed: ${error instanceof Error ? error.message : error}`)
      process.exitCode = 1
    } finally {
      for (const peer of peers) await peer.close()
      for (const executor of executors) await executor.close()
    }
    say(`section ${name}: ${((performance.now() - begun) / 1000).toFixed(0)} s`)
  }
  return rows
}
