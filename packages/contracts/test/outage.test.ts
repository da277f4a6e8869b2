import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { unwrap } from '@lockstep/tensor'
import { parseEther } from 'viem'
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts'
import {
  type Call,
  type Connection,
  connect,
  LOCAL_CHAIN,
  type LocalChain,
  sendCall,
  startLocalChain,
} from '../src/index.ts'
import { type FalteringServer, type Fate, startFalteringServer } from './faltering-server.ts'

/** The first of the keys that anvil is known for. */
const DEPLOYER = '0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80'

let chain: LocalChain
let server: FalteringServer
let fate: (method: string) => Fate = () => 'pass'
before(async () => {
  chain = await startLocalChain()
  server = await startFalteringServer(chain.url, (method) => fate(method))
})
after(async () => {
  await server?.stop()
  await chain?.stop()
})

const opened = (patience = 0): Promise<Connection> =>
  connect({
    url: server.url,
    chainId: LOCAL_CHAIN.id,
    account: { privateKey: DEPLOYER },
    pollingInterval: 20,
    patience,
  })
const gift = (): Call => ({
  name: 'gift',
  to: privateKeyToAccount(generatePrivateKey()).address,
  data: '0x',
  value: parseEther('1'),
})

for (const what of ['unanswered', 'lost'] as const)
  for (const times of [1, 3])
    test(`a transaction that is ${what} ${times} times on its way has its effect once`, async () => {
      const connection = await opened()
      const { reader, account } = connection
      const nonce = await reader.getTransactionCount({ address: account.address })
      const call = gift()
      let left = times
      fate = (method) => (method === 'eth_sendRawTransaction' && left-- > 0 ? what : 'pass')
      unwrap(await sendCall(connection, call, []))
      assert.ok(left < times, 'it happened')
      assert.equal(await reader.getBalance({ address: call.to }), call.value)
      assert.equal(await reader.getTransactionCount({ address: account.address }), nonce + 1)
    })

test('whoever is patient is answered when the chain is there again', async () => {
  fate = () => 'pass'
  const connection = await opened(60_000)
  const begin = performance.now()
  fate = () => (performance.now() - begin < 4_000 ? 'lost' : 'pass')
  const [head] = await Promise.all([
    connection.reader.getBlockNumber(),
    sendCall(connection, gift(), []).then(unwrap),
  ])
  assert.ok(head >= 0n && performance.now() - begin >= 4_000)
})

test('whoever connects to a chain that is not there is told at once, however patient', async () => {
  fate = () => 'lost'
  const begin = performance.now()
  await assert.rejects(opened(60_000), { name: 'HttpRequestError' })
  assert.ok(performance.now() - begin < 50_000)
})
