import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import { test } from 'node:test'
import { createPublicClient, http } from 'viem'
import { LOCAL_CHAIN, LocalChainError, startLocalChain } from '../src/index.ts'

test('a local chain answers, with the pinned chain id, until it is stopped', async () => {
  const chain = await startLocalChain()
  const client = createPublicClient({ transport: http(chain.url, { retryCount: 0 }) })
  try {
    assert.equal(await client.getChainId(), LOCAL_CHAIN.id)
  } finally {
    await chain.stop()
  }
  await assert.rejects(client.getChainId())
  await chain.stop()
})

test('the pinned hardfork prices calldata at its floor and counts leading zeros', async () => {
  const chain = await startLocalChain()
  try {
    const client = createPublicClient({ transport: http(chain.url) })
    const account = '0x00000000000000000000000000000000000000aa'
    const floor = await client.estimateGas({
      account,
      to: '0x00000000000000000000000000000000000000bb',
      data: `0x${'11'.repeat(1000)}`,
    })
    assert.equal(floor, 21_000n + 40n * 1000n)
    // init code: return clz(1)
    const { data } = await client.call({ data: '0x60011e5f5260205ff3' })
    assert.equal(BigInt(data!), 255n)
  } finally {
    await chain.stop()
  }
})

test('a port that is in use is named, and the remedy with it', async () => {
  const server = createServer()
  const port = await new Promise<number>((resolve) =>
    server.listen(0, LOCAL_CHAIN.host, () => {
      const address = server.address()
      resolve(typeof address === 'object' && address ? address.port : 0)
    }),
  )
  try {
    await assert.rejects(startLocalChain({ port }), (error) => {
      assert.ok(error instanceof LocalChainError)
      assert.equal(error.code, 'port-in-use')
      assert.match(error.message, new RegExp(`${port}`))
      return true
    })
  } finally {
    server.close()
  }
})

test('a machine without anvil is told what to install', async () => {
  const { PATH } = process.env
  const platform = Object.getOwnPropertyDescriptor(process, 'platform')!
  try {
    process.env.PATH = ''
    Object.defineProperty(process, 'platform', { ...platform, value: 'plan9' })
    await assert.rejects(startLocalChain(), { code: 'anvil-missing', message: /plan9.*npm ci/ })
  } finally {
    process.env.PATH = PATH
    Object.defineProperty(process, 'platform', platform)
  }
})
