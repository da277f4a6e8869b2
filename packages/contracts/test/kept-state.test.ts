import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Hex, parseEther } from 'viem'
import {
  type Connection,
  connect,
  LOCAL_CHAIN,
  type LocalChain,
  type LocalChainOptions,
  startLocalChain,
} from '../src/index.ts'
import { openStateCopies } from '../src/state-copies.ts'

/** The first of the keys that anvil is known for. */
const KEY = '0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80'
const SOMEBODY = '0x00000000000000000000000000000000000000b0'

const made: string[] = []
const directory = (): string => {
  const path = mkdtempSync(join(tmpdir(), 'lockstep-state-'))
  made.push(path)
  return path
}
after(() => {
  for (const path of made) rmSync(path, { recursive: true, force: true })
})

/** A chain that ends with its test, however that ends. */
const start = async (t: TestContext, options: LocalChainOptions): Promise<LocalChain> => {
  const chain = await startLocalChain(options)
  t.after(() => chain.stop().catch(() => undefined))
  return chain
}
const at = ({ url }: Pick<LocalChain, 'url'>): Promise<Connection> =>
  connect({ url, chainId: LOCAL_CHAIN.id, account: { privateKey: KEY }, pollingInterval: 10 })
const pay = async (c: Connection): Promise<Hex> => {
  const hash = await c.wallet.sendTransaction({ to: SOMEBODY, value: parseEther('1') })
  await c.mined(hash)
  return hash
}
const kill = async (chain: LocalChain): Promise<void> => {
  process.kill(chain.pid, 'SIGKILL')
  await chain.ended
}
const copyFiles = (path: string): string[] => readdirSync(path).filter((f) => f.endsWith('.gz'))

test('a killed chain goes on with everything that its last copy has', async (t) => {
  const stateDirectory = directory()
  let chain = await start(t, { stateDirectory })
  let c = await at(chain)
  const genesis = await c.reader.getBlock({ blockNumber: 0n })
  const hashes: Hex[] = []
  // Killed three times, in the middle of its work.
  for (let round = 1; round <= 3; round++) {
    for (let i = 0; i < 5; i++) hashes.push(await pay(c))
    await chain.save()
    await pay(c) // may be lost
    await kill(chain)
    await chain.stop()
    chain = await start(t, { stateDirectory })
    c = await at(chain)
    assert.equal((await c.reader.getBlock({ blockNumber: 0n })).hash, genesis.hash)
    for (const hash of hashes)
      assert.equal((await c.reader.getTransactionReceipt({ hash })).status, 'success')
    const paid = await c.reader.getBalance({ address: SOMEBODY })
    const lost = BigInt(hashes.length + round) * parseEther('1') - paid
    assert.ok(lost >= 0n && lost <= BigInt(round) * parseEther('1'), `${lost} was lost`)
  }
  await chain.stop()
})

test('it copies by itself, soon after a transaction', async (t) => {
  const stateDirectory = directory()
  const chain = await start(t, { stateDirectory })
  const c = await at(chain)
  // Another file's name is another copy; on a busy machine it takes longer than the half second that it should.
  const copied = async (): Promise<void> => {
    const before = copyFiles(stateDirectory).join()
    for (let i = 0; i < 600 && copyFiles(stateDirectory).join() === before; i++) await sleep(100)
  }
  await copied() // of the beginning
  const hash = await pay(c)
  await copied()
  await kill(chain)
  await chain.stop().catch(() => undefined)
  const again = await start(t, { stateDirectory })
  const receipt = await (await at(again)).reader.getTransactionReceipt({ hash })
  assert.equal(receipt.status, 'success')
  await again.stop()
})

test('a chain goes on at the machine’s time', async (t) => {
  const stateDirectory = directory()
  const chain = await start(t, { stateDirectory })
  await pay(await at(chain))
  await chain.stop()
  await sleep(3_000)
  const c = await at(await start(t, { stateDirectory }))
  const before = Date.now() / 1000
  await pay(c)
  const { timestamp } = await c.reader.getBlock()
  const [late, early] = [before - Number(timestamp), Number(timestamp) - Date.now() / 1000]
  assert.ok(late < 2 && early < 2, `${late} s late, ${early} s early`)
})

test('no time comes twice, also where the chain was ahead of the machine', async (t) => {
  const stateDirectory = directory()
  const chain = await start(t, { stateDirectory })
  const c = await at(chain)
  await c.reader.request({ method: 'evm_increaseTime', params: [100_000] } as never)
  await pay(c)
  const { timestamp: before } = await c.reader.getBlock()
  await chain.stop()
  const again = await start(t, { stateDirectory })
  const d = await at(again)
  assert.equal((await d.reader.getBlock()).timestamp, before)
  await pay(d)
  const { timestamp: then } = await d.reader.getBlock()
  assert.ok(then > before && then < before + 900n, `${before}, then ${then}`)
  await again.stop()
})

test('torn copies are passed over, and a chain of which nothing is left is not begun anew', async (t) => {
  const stateDirectory = directory()
  let chain = await start(t, { stateDirectory })
  const first = await pay(await at(chain))
  await chain.save()
  await pay(await at(chain))
  await chain.save()
  await chain.stop()
  const files = copyFiles(stateDirectory).sort()
  assert.ok(files.length >= 2 && files.length <= 3)
  const newest = join(stateDirectory, files.at(-1)!)
  truncateSync(newest, readFileSync(newest).length - 7)
  writeFileSync(join(stateDirectory, 'state-999999999999.json.gz'), 'no state at all')
  chain = await start(t, { stateDirectory })
  assert.equal((await (await at(chain)).reader.getTransactionReceipt({ hash: first })).status, 'success')
  await chain.stop()
  for (const file of copyFiles(stateDirectory)) truncateSync(join(stateDirectory, file), 20)
  await assert.rejects(startLocalChain({ stateDirectory }), {
    code: 'state-damaged',
    message: /move the directory away/,
  })
})

test('whole copies that anvil does not take are passed over, too', async (t) => {
  const stateDirectory = directory()
  const chain = await start(t, { stateDirectory })
  const hash = await pay(await at(chain))
  await chain.stop()
  const copies = openStateCopies(stateDirectory)
  const { gzipSync } = await import('node:zlib')
  const odd = gzipSync('{"best_block_number":1,"blocks":[],"accounts":{"no address":1}}')
  copies.write(`0x${odd.toString('hex')}`)
  copies.close()
  const again = await start(t, { stateDirectory })
  assert.equal((await (await at(again)).reader.getTransactionReceipt({ hash })).status, 'success')
  await again.stop()
})

test('a directory has one chain at a time', async (t) => {
  const stateDirectory = directory()
  const chain = await start(t, { stateDirectory })
  await assert.rejects(startLocalChain({ stateDirectory }), { code: 'state-in-use', message: /another/ })
  await chain.stop()
  await (await start(t, { stateDirectory })).stop()
})

test('where the owner was killed, nothing of its chain is lost, and the chain is ended', async (t) => {
  const stateDirectory = directory()
  const owner = spawn(
    process.execPath,
    [
      '--input-type=module',
      '-e',
      `import { startLocalChain } from ${JSON.stringify(new URL('../src/local-chain.ts', import.meta.url).href)}
       const { url, pid } = await startLocalChain({ stateDirectory: ${JSON.stringify(stateDirectory)} })
       console.log(JSON.stringify({ url, pid }))`,
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  const [line] = (await once(owner.stdout, 'data')) as [Buffer]
  const orphan = JSON.parse(`${line}`) as { url: string; pid: number }
  const c = await at(orphan)
  const hashes = [await pay(c), await pay(c)]
  owner.kill('SIGKILL')
  await once(owner, 'exit')
  hashes.push(await pay(c)) // it runs on
  const port = Number(new URL(orphan.url).port)
  const chain = await start(t, { stateDirectory, port })
  assert.notEqual(chain.pid, orphan.pid)
  const d = await at(chain)
  for (const hash of hashes) assert.equal((await d.reader.getTransactionReceipt({ hash })).status, 'success')
  await chain.stop()
})
