import { type ChildProcess, fork } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CHUNK, chunkCount, openBlobStore, parseBlobId } from '@lockstep/network'
import { unwrap } from '@lockstep/tensor'
import type { Fetched, Order } from './blobs/process.ts'
import { type Bench, type Row, workRow } from './row.ts'

/**
 * A blob from one process to another on this machine, written to the disk, hashed on both sides and synced, against
 * bytes over a bare libp2p stream with the same encryption and multiplexing that nobody keeps.
 */
const MIB = 2 ** 20
/** No new round begins after so many seconds. */
const BUDGET = 60
/** The bare stream takes so many seconds at most for one blob: on a machine that is busy or slow the blob is smaller. */
const ONCE = 12

/**
 * Our nodes run as they come. The bare ones get little room for young objects: their network buffers, garbage outside
 * of V8's heap, would else cost them twice the time (packages/network/src/young-garbage.ts).
 */
const BARE_FLAGS = ['--max-semi-space-size=1']

type Node = {
  readonly address: string
  ask<T>(order: Order): Promise<T>
  kill(): Promise<void>
}

const start = async (args: string[], nodes: Set<Node>): Promise<Node> => {
  const child: ChildProcess = fork(join(import.meta.dirname, 'blobs', 'process.ts'), args, {
    execArgv: ['--disable-warning=ExperimentalWarning', ...(args[0] === 'raw' ? BARE_FLAGS : [])],
  })
  const closed = new Promise<void>((resolve) => child.on('close', () => resolve()))
  const answer = <T>(): Promise<T> =>
    new Promise((resolve, reject) => {
      const ended = (): void => reject(new Error('The process has ended.'))
      child.once('close', ended)
      child.once('message', (message: { answer?: T; error?: string }) => {
        child.off('close', ended)
        if (message.error === undefined) resolve(message.answer as T)
        else reject(new Error(message.error))
      })
    })
  const address = await answer<string>()
  const node: Node = {
    address,
    ask: (order) => {
      child.send(order)
      return answer()
    },
    async kill() {
      nodes.delete(node)
      child.kill('SIGKILL')
      await closed
    },
  }
  nodes.add(node)
  return node
}

export const bench: Bench = async ({ quick }) => {
  const root = mkdtempSync(join(tmpdir(), 'lockstep-bench-blobs-'))
  const nodes = new Set<Node>()
  try {
    const raw = [await start(['raw'], nodes), await start(['raw'], nodes)] as const
    const source = await start(['blob', join(root, 'source')], nodes)
    const sink = await start(['blob', join(root, 'sink')], nodes)
    // The first megabytes of either meet code that is not compiled yet.
    const warm = 64 * MIB
    await raw[1].ask({ do: 'receive', bytes: warm, from: raw[0].address })
    const seconds = await raw[1].ask<number>({ do: 'receive', bytes: warm, from: raw[0].address })
    const first = await source.ask<string>({ do: 'put', bytes: warm })
    await sink.ask({ do: 'fetch', id: first, from: [source.address] })
    await sink.ask({ do: 'delete', id: first })

    let bytes = (quick ? 128 : 1024) * MIB
    while (bytes > warm && (bytes / warm) * seconds > ONCE) bytes /= 2
    const id = await source.ask<string>({ do: 'put', bytes })
    const rows = [await transfer(source, sink, raw, id, bytes, quick ? 3 : 5)]
    for (const node of raw) await node.kill()
    rows.push(await resume(root, source, id, nodes))
    rows.push(await garbage(root, source, sink, Math.min(bytes / 2, 160 * MIB), nodes))
    return rows
  } finally {
    for (const node of nodes) await node.kill()
    rmSync(root, { recursive: true, force: true })
  }
}

const transfer = async (
  source: Node,
  sink: Node,
  [sender, receiver]: readonly [Node, Node],
  id: string,
  bytes: number,
  rounds: number,
): Promise<Row> => {
  const ours: number[] = []
  const theirs: number[] = []
  const begun = performance.now()
  for (let i = 0; i < rounds && (i === 0 || performance.now() - begun < BUDGET * 1000); i++) {
    const { seconds, fetched } = await sink.ask<Fetched>({ do: 'fetch', id, from: [source.address] })
    if (fetched !== bytes / CHUNK) throw new Error(`${fetched} chunks came.`)
    ours.push(seconds)
    await sink.ask({ do: 'delete', id })
    theirs.push(await receiver.ask<number>({ do: 'receive', bytes, from: sender.address }))
  }
  return workRow(
    `${bytes / MIB} MiB, verified and on the disk (median of ${ours.length})`,
    bytes / MIB,
    'MiB/s',
    ours,
    'bare libp2p stream',
    theirs,
    0.5,
  )
}

/** Kills the fetching process in the middle: how many of the chunks that it had verified are asked for again. */
const resume = async (root: string, source: Node, text: string, nodes: Set<Node>): Promise<Row> => {
  const id = unwrap(parseBlobId(text))
  const directory = join(root, 'resumed')
  await source.ask({ do: 'reads' })
  let sink = await start(['blob', directory], nodes)
  const killed = sink.ask({ do: 'fetch', id, from: [source.address] }).catch(() => null)
  let reads = 0
  while (reads < chunkCount(id) * 0.4) {
    await new Promise((resolve) => setTimeout(resolve, 50))
    reads += (await source.ask<number[]>({ do: 'reads' })).length
  }
  await sink.kill()
  await killed
  const store = unwrap(await openBlobStore(directory, { maxBytes: 2 ** 34 }))
  const held = store.chunks(id)
  await store.close()
  await source.ask({ do: 'reads' })
  sink = await start(['blob', directory], nodes)
  await sink.ask<Fetched>({ do: 'fetch', id, from: [source.address] })
  const again = (await source.ask<number[]>({ do: 'reads' })).filter((chunk) => held.has(chunk)).length
  await sink.kill()
  const ratio = 1 - again / held.size
  return {
    what: 'verified chunks that were fetched again after a kill',
    ours: again,
    unit: 'chunks',
    against: 'held when it was killed',
    theirs: held.size,
    ratio,
    target: 1,
    met: ratio >= 1 && held.size > 0,
  }
}

/** Three sources of which one changes a bit in every chunk, against the same three before it began to. */
const garbage = async (
  root: string,
  source: Node,
  sink: Node,
  bytes: number,
  nodes: Set<Node>,
): Promise<Row> => {
  const others = [
    await start(['blob', join(root, 'b')], nodes),
    await start(['blob', join(root, 'c')], nodes),
  ]
  const all = [source, ...others]
  let id = ''
  for (const node of all) id = await node.ask<string>({ do: 'put', bytes })
  const from = all.map((node) => node.address)
  const honest = await sink.ask<Fetched>({ do: 'fetch', id, from })
  await sink.ask({ do: 'delete', id })
  await all[1]!.ask({ do: 'lie' })
  const mixed = await sink.ask<Fetched>({ do: 'fetch', id, from })
  if (mixed.ends[1] !== 'garbage') throw new Error(`The source of garbage was ${mixed.ends[1]}.`)
  return workRow(
    `${bytes / MIB} MiB from three sources of which one serves garbage`,
    bytes / MIB,
    'MiB/s',
    [mixed.seconds],
    'three honest sources',
    [honest.seconds],
    null,
  )
}
