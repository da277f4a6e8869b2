import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Hex } from 'viem'
import { type AnvilProcess, LOCAL_CHAIN } from './anvil-process.ts'
import { LocalChainError } from './local-chain-error.ts'
import { openStateCopies, type StateCopies, writeDurably } from './state-copies.ts'

export type KeptChain = {
  readonly anvil: AnvilProcess
  readonly save: () => Promise<void>
  readonly stop: () => Promise<void>
}

/**
 * How the state is kept. anvil writes a state file only in place and only at its end or at intervals: a kill may tear
 * it, and anvil does not start from a torn one. So this process asks for the state over RPC and stores it itself.
 *
 * A look every LOOK ms finds out whether there are new blocks. They are copied when none came since the look before, or
 * SPACING ms after the last copy; and for a fifth of the time at most, because anvil does nothing else meanwhile.
 *
 * What a kill of anvil loses is what was mined since the last copy. Measured on two busy cores, a copy takes 8 ms at
 * first, 30 to 70 ms with 300 transactions in the chain, 0.1 s with 1,000 and 0.3 to 1.7 s with 3,000. So up to 1,000
 * transactions the loss is at most half a second's where the chain falls silent, a second's where it does not; then up
 * to five copies' time. A kill of this process loses nothing: anvil runs on, and the next owner takes it over. Who sends
 * a transaction keeps it until it is some blocks old, as on every chain.
 */
const LOOK = 200
const SPACING = 1_000
const SHARE = 5

type Ask = (method: string, params?: readonly unknown[]) => Promise<unknown>

/** Starts a chain from the newest good copy, and copies its state while it runs. */
export const keepState = async (
  directory: string,
  start: (args: readonly string[]) => Promise<AnvilProcess>,
): Promise<KeptChain> => {
  const copies = openStateCopies(directory)
  try {
    await endOrphan(copies)
    const anvil = await startFromCopy(copies, start)
    writeDurably(join(directory, 'running.json'), Buffer.from(JSON.stringify(await runningOf(anvil))))
    return keepCopying(copies, anvil)
  } catch (error) {
    copies.close()
    throw error
  }
}

const startFromCopy = async (
  copies: StateCopies,
  start: (args: readonly string[]) => Promise<AnvilProcess>,
): Promise<AnvilProcess> => {
  if (!copies.any()) return start([])
  const file = join(copies.directory, 'loading.json')
  const refused: string[] = []
  try {
    for (const { json, head, begun, sequence } of copies.good()) {
      writeDurably(file, Buffer.from(json))
      let anvil: AnvilProcess | undefined
      try {
        // anvil makes a first block of its own: with this it is the one that the chain began with.
        anvil = await start(['--load-state', file, '--timestamp', `${begun}`])
        await goOnInTime(askAt(anvil.url), head)
        return anvil
      } catch (error) {
        await anvil?.stop()
        // Another port's owner says nothing about the copy.
        if (!(error instanceof LocalChainError) || error.code !== 'start-failed') throw error
        refused.push(`copy ${sequence}: ${error.message.slice(0, 200)}`)
      }
    }
  } finally {
    rmSync(file, { force: true })
  }
  throw new LocalChainError(
    'state-damaged',
    `none of the copies in ${copies.directory} is good (${refused.join('; ') || 'all are torn'}): move the directory away to begin a new chain`,
  )
}

/**
 * anvil's time would begin with the first block's again. The chain goes on at the machine's time, or at its last block's
 * where that was ahead, so that no time comes twice.
 */
const goOnInTime = async (ask: Ask, head: number): Promise<void> => {
  const latest = await blockAt(ask, 'latest')
  if (Number(latest.number) !== head) {
    throw new LocalChainError('start-failed', `anvil has block ${Number(latest.number)} of ${head}`)
  }
  const next = Number((await blockAt(ask, 'pending')).timestamp)
  const due = Math.max(Math.floor(Date.now() / 1000), Number(latest.timestamp) + 1)
  if (due > next) await ask('evm_increaseTime', [due - next])
}

const keepCopying = (copies: StateCopies, anvil: AnvilProcess): KeptChain => {
  const ask = askAt(anvil.url)
  let isOver = false
  void anvil.ended.then(() => {
    isOver = true
  })
  let copied = -1 // the head of the last copy, at least
  let copiedAt = Number.NEGATIVE_INFINITY
  let cost = 0

  const copy = async (): Promise<void> => {
    const begun = performance.now()
    const head = await headOf(ask)
    copies.write((await ask('anvil_dumpState')) as Hex)
    copied = head
    copiedAt = performance.now()
    cost = copiedAt - begun
  }
  // One at a time, whoever asks.
  let last: Promise<void> = Promise.resolve()
  const save = (): Promise<void> => {
    last = last.then(copy, copy)
    return last
  }

  const loop = async (): Promise<void> => {
    let seen = -1
    while (!isOver) {
      try {
        const head = await headOf(ask)
        const waited = performance.now() - copiedAt
        const isDue = head === seen || waited >= SPACING
        if (head !== copied && isDue && waited >= SHARE * cost) await save()
        seen = head
      } catch {
        // A chain that is busy does not answer in time. A disk that is full is heard of when the chain is stopped.
      }
      await Promise.race([sleep(LOOK, undefined, { ref: false }), anvil.ended])
    }
  }
  const looping = loop()

  let stopping: Promise<void> | undefined
  const stop = async (): Promise<void> => {
    try {
      if (!isOver) await save()
    } finally {
      await anvil.stop()
      isOver = true
      await looping
      rmSync(join(copies.directory, 'running.json'), { force: true })
      copies.close()
    }
  }
  return {
    anvil,
    save,
    stop: () => {
      stopping ??= stop()
      return stopping
    },
  }
}

/** How a chain that outlived its owner is found again. */
type Running = { readonly pid: number; readonly url: string; readonly genesis: string }

const runningOf = async ({ pid, url }: AnvilProcess): Promise<Running> => ({
  pid,
  url,
  genesis: await genesisOf(askAt(url)),
})

/**
 * Where the owner was killed, its anvil may run on, with blocks that no copy has. They are copied, and it is ended:
 * this process holds the directory's lock, so it has no owner any more. It is known by its first block's hash, which is
 * another one in every chain.
 */
const endOrphan = async (copies: StateCopies): Promise<void> => {
  const file = join(copies.directory, 'running.json')
  let running: Running
  try {
    running = JSON.parse(readFileSync(file, 'utf8')) as Running
  } catch {
    return
  }
  const prefix = `http://${LOCAL_CHAIN.host}:`
  if (Number.isSafeInteger(running.pid) && running.pid > 1 && String(running.url).startsWith(prefix)) {
    const ask = askAt(running.url)
    const genesis = await genesisOf(ask).catch(() => undefined)
    if (genesis !== undefined && genesis === running.genesis) {
      copies.write((await ask('anvil_dumpState')) as Hex)
      process.kill(running.pid, 'SIGKILL')
      for (let i = 0; i < 50 && (await genesisOf(ask).catch(() => undefined)) !== undefined; i++)
        await sleep(50)
    }
  }
  rmSync(file, { force: true })
}

const headOf = async (ask: Ask): Promise<number> => Number(await ask('eth_blockNumber'))

type Block = { readonly number: Hex; readonly hash: Hex; readonly timestamp: Hex }
const blockAt = async (ask: Ask, at: string): Promise<Block> =>
  (await ask('eth_getBlockByNumber', [at, false])) as Block

const genesisOf = async (ask: Ask): Promise<string> => (await blockAt(ask, '0x0')).hash

/** A plain JSON-RPC client: a dump may be many megabytes and take longer than an ordinary request. */
const askAt =
  (url: string): Ask =>
  async (method, params = []) => {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
      signal: AbortSignal.timeout(60_000),
    })
    const { result, error } = (await response.json()) as { result?: unknown; error?: unknown }
    if (error !== undefined) throw new Error(`${method}: ${JSON.stringify(error)}`)
    return result
  }
