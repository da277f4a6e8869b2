import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { unwrap } from '@lockstep/tensor'
import { parseEther, zeroAddress } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import {
  type Connection,
  checkDeployment,
  connect,
  type Delegation,
  type Deployment,
  delegationData,
  deployMarket,
  dripCall,
  LOCAL_CHAIN,
  LOCAL_RULES,
  type LocalChain,
  type MarketChain,
  marketChain,
  PUBLIC_RULES,
  readDeployment,
  SCOPES,
  signData,
  startLocalChain,
} from '../src/index.ts'

/** The first of the keys that anvil is known for; and three that have nothing. */
const DEPLOYER = '0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80'
const account = privateKeyToAccount(`0x${'a1'.repeat(32)}`)
const key = privateKeyToAccount(`0x${'b2'.repeat(32)}`)

let chain: LocalChain
let connection: Connection
let deployment: Deployment
let market: MarketChain

before(async () => {
  chain = await startLocalChain()
  connection = await connect({
    url: chain.url,
    chainId: LOCAL_CHAIN.id,
    account: { privateKey: DEPLOYER },
    pollingInterval: 10,
  })
  deployment = await deployMarket(connection, LOCAL_RULES)
  market = await marketChain(connection, deployment.addresses)
})
after(() => chain?.stop())

const as = async (who: typeof account): Promise<MarketChain> =>
  marketChain(
    await connect({ url: chain.url, chainId: LOCAL_CHAIN.id, account: who, pollingInterval: 10 }),
    deployment.addresses,
  )

test('a deployment is found from the market alone, and its contracts name each other', async () => {
  const { faucet, ...named } = deployment.addresses
  assert.ok(faucet)
  assert.deepEqual(await readDeployment(connection, named.market), { ok: true, value: named })
  assert.deepEqual(await checkDeployment(connection, deployment), { ok: true, value: undefined })
  assert.ok(deployment.fromBlock >= 1 && deployment.chainId === LOCAL_CHAIN.id)
})

test('a contract of another deployment among them is found', async () => {
  const other = await deployMarket(connection, PUBLIC_RULES)
  assert.deepEqual(await checkDeployment(connection, other), { ok: true, value: undefined })
  assert.equal(other.addresses.faucet, undefined)
  for (const name of Object.keys(other.addresses) as (keyof typeof other.addresses)[]) {
    const mixed = {
      ...deployment,
      addresses: { ...deployment.addresses, [name]: other.addresses[name] },
    }
    const found = await checkDeployment(connection, mixed)
    assert.ok(!found.ok && found.fault.code === 'deployment-inconsistent', name)
  }
  const foreign = await checkDeployment(connection, { ...deployment, chainId: 1 })
  assert.ok(!foreign.ok && foreign.fault.field === 'chainId')
  const nothing = await readDeployment(connection, zeroAddress)
  assert.ok(!nothing.ok && nothing.fault.field === 'market')
})

test('a newcomer needs nothing: the faucet gives, and the tokens become stake', async () => {
  const { calls, read } = market
  const dripped = await market.send(dripCall(deployment.addresses.faucet!, account.address))
  assert.ok(dripped.ok)
  assert.equal(await read.tokens(account.address), parseEther('10000'))
  const again = await market.send(dripCall(deployment.addresses.faucet!, account.address))
  assert.ok(!again.ok && again.fault.value === 'TooSoon' && again.fault.field === 'faucet.drip')
  assert.match(`${again.fault.limit}`, new RegExp(`to ${account.address}, time \\d+, from \\d+`))

  const own = await as(account)
  const amount = parseEther('500')
  for (const call of [
    calls.approve(deployment.addresses.vault, amount),
    calls.deposit(account.address, amount),
    calls.stake(parseEther('300')),
    calls.enroll(parseEther('200')),
  ]) {
    unwrap(await own.send(call))
  }
  const { credit, stake, locked } = await read.account(account.address)
  assert.deepEqual(
    [credit, stake, locked].map((n) => Number(n / 10n ** 18n)),
    [200, 300, 200],
  )
  assert.equal((await read.enrolment(account.address)).locked, parseEther('200'))
  const early = await own.wouldSend(calls.unstake(parseEther('101')))
  assert.ok(!early.ok && early.fault.value === 'NotEnough')
  // The error is the vault's; its field is text.
  assert.equal(early.fault.limit, `what stake, amount ${parseEther('101')}, available ${parseEther('100')}`)
  // Another contract's refusal inside a call has its name, too.
  const inner = await own.send(calls.enroll(parseEther('101')))
  assert.ok(!inner.ok && inner.fault.value === 'NotEnough' && inner.fault.field === 'verifiers.enroll')
})

test('a weight counts after its delay, and events tell it in order', async () => {
  const { read, calls } = market
  const { due } = await read.changesWaiting()
  await connection.reader.request({
    method: 'anvil_setNextBlockTimestamp',
    params: [Math.max(due, (await market.now()) + 1)],
  } as never)
  const sent = await market.send(calls.applyChanges(16))
  assert.ok(sent.ok)
  assert.deepEqual(
    sent.value.events.map(({ contract, name }) => `${contract}.${name}`),
    ['verifiers.WeightApplied'],
  )
  assert.equal(await read.weightOf(account.address), parseEther('200'))
  const head = Number(await connection.reader.getBlockNumber())
  const events = await market.events(deployment.fromBlock, head)
  const places = events.map((event) => event.block * 1_000 + event.logIndex)
  assert.deepEqual(
    places,
    [...places].sort((a, b) => a - b),
  )
  const enrolled = events.find((e) => e.contract === 'verifiers' && e.name === 'Enrolled')
  assert.equal((enrolled!.args as { account: string }).account, account.address)
  const block = await connection.reader.getBlock({ blockNumber: BigInt(enrolled!.block) })
  assert.equal(enrolled!.blockHash, block.hash)
  assert.ok(events.some((e) => e.contract === 'market' && e.name === 'ChargesSet'))
})

test('a delegation that both sides signed is carried by anyone, and hashes as the contract hashes it', async () => {
  const { read, calls, addresses } = market
  const delegation: Delegation = {
    account: account.address,
    key: key.address,
    scopes: SCOPES.provide | SCOPES.verify,
    expiry: BigInt((await market.now()) + 1_000),
    salt: 7n,
  }
  const data = delegationData({ chainId: connection.chainId, contract: addresses.delegations }, delegation)
  unwrap(
    await market.send(
      calls.registerDelegation(delegation, await signData(account, data), await signData(key, data)),
    ),
  )
  assert.equal(await read.accountOf(key.address, SCOPES.verify), account.address)
  assert.equal(await read.accountOf(key.address, SCOPES.post), zeroAddress)
  assert.equal((await read.delegationOf(key.address))?.scopes, 3)
  assert.equal(await read.delegationOf(account.address), undefined)
})
