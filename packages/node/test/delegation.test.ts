import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import {
  type Connection,
  connect,
  deploy,
  LOCAL_CHAIN,
  type LocalChain,
  MARKET_ABIS,
  SCOPES,
  startLocalChain,
} from '@lockstep/contracts'
import { unwrap } from '@lockstep/tensor'
import type { Address, Hex } from 'viem'
import { Delegations } from '../../contracts/src/generated/Delegations.ts'
import {
  accept,
  delegate,
  encodeDelegation,
  parseDelegation,
  type SignedDelegation,
} from '../src/keys/delegation.ts'
import { Secret } from '../src/keys/secret.ts'

/** The first public development key of every local chain: it carries what others have signed. */
const CARRIER = '0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80'
const abi = MARKET_ABIS.delegations

let chain: LocalChain
let connection: Connection
let contract: Address
before(async () => {
  chain = await startLocalChain()
  connection = await connect({
    url: chain.url,
    chainId: LOCAL_CHAIN.id,
    account: { privateKey: CARRIER },
    pollingInterval: 20,
  })
  contract = await deploy(connection, Delegations, [])
})
after(() => chain?.stop())

const register = async (d: SignedDelegation, keySignature: Hex): Promise<void> => {
  const args = [d, d.accountSignature, keySignature] as const
  const { request } = await connection.reader.simulateContract({
    account: connection.account,
    address: contract,
    abi,
    functionName: 'register',
    args,
  })
  await connection.mined(await connection.wallet.writeContract(request))
}
const accountOf = (key: Address, scope: number) =>
  connection.reader.readContract({
    address: contract,
    abi,
    functionName: 'accountOf',
    args: [key, BigInt(scope)],
  })

test('what an account and a key have signed is registered by a stranger, and holds in its scopes alone', async () => {
  const [account, key] = [Secret.generate(), Secret.generate()]
  const { timestamp } = await connection.reader.getBlock()
  const place = { chainId: LOCAL_CHAIN.id, contract }
  const options = { ...place, key: key.address, scopes: ['provide', 'verify'] as const }
  const signed = unwrap(await delegate(account, { ...options, now: Number(timestamp), lasts: 3600 }))
  await assert.rejects(register(signed, '0x'), /WrongSignature/)
  const carried = unwrap(
    parseDelegation(new TextEncoder().encode(encodeDelegation(unwrap(await accept(key, signed))))),
  )
  await assert.rejects(register({ ...carried, scopes: 7 }, carried.keySignature!), /WrongSignature/)
  await register(carried, carried.keySignature!)
  assert.equal(await accountOf(key.address, SCOPES.provide), account.address)
  assert.equal(await accountOf(key.address, SCOPES.verify), account.address)
  assert.match(await accountOf(key.address, SCOPES.post), /^0x0{40}$/)
})
