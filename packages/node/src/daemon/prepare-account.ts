import { setTimeout as sleep } from 'node:timers/promises'
import { faucetProtocol } from '@lockstep/client'
import {
  type Connection,
  connect,
  type Deployment,
  dripCall,
  MARKET_ABIS,
  MARKET_ERRORS,
  type MarketChain,
  marketChain,
  permitData,
  SCOPES,
  type Scope,
  sendCall,
  signData,
} from '@lockstep/contracts'
import type { Peer } from '@lockstep/network'
import { type Fault, fail, ok, type Result } from '@lockstep/tensor'
import type { Address, Hex } from 'viem'
import { accept, delegate } from '../keys/delegation.ts'
import type { Secret } from '../keys/secret.ts'

export type PrepareOptions = {
  readonly rpc: string
  readonly deployment: Deployment
  readonly account: Secret
  /** The key that is to act for the account; the account itself where there is none. */
  readonly key?: Secret
  readonly scopes: readonly Scope[]
  /** Stake that a provider has at least, and what a verifier's seat holds; 0 where that is not its role. */
  readonly stake: bigint
  readonly seat: bigint
  /** Asks somebody for a drip to these addresses, where the network has a faucet. */
  readonly drip?: (to: readonly Address[]) => Promise<Result<unknown>>
  readonly tell?: (step: PrepareStep) => void
}

export type PrepareStep = {
  readonly step: 'funded' | 'deposited' | 'staked' | 'delegated' | 'enrolled'
  readonly amount?: bigint
  readonly who: Address
}

/** Coins below which an address is poor: some hundred transactions and a bond or two. */
const FEW_COINS = 10n ** 17n
const PERMIT_SECONDS = 3_600
/** How long a node's key acts for its account, in seconds. */
const DELEGATION_SECONDS = 90 * 86_400
/** Less than this left, and it is signed anew. */
const RENEWAL_SECONDS = 7 * 86_400

/**
 * Brings an account and its node key to where the node can work: coins, stake, delegation, a verifier's seat. Every
 * step is taken only where the chain says that it is missing, so it may be cut off and begun again at any time.
 */
export const prepareAccount = async (options: PrepareOptions): Promise<Result<void>> => {
  const { rpc, deployment, account, key, scopes, stake, seat, drip, tell = () => {} } = options
  const { chainId, addresses } = deployment
  const connection = await connect({ url: rpc, chainId, account: account.account() })
  const market = await marketChain(connection, addresses)
  const { read } = market
  const own = account.address
  const needed = stake + seat

  const funded = await fund(connection, market, { own, key: key?.address, needed, drip, tell })
  if (!funded.ok) return funded
  const send = async (chain: Connection, call: Parameters<typeof sendCall>[1]): Promise<Result<unknown>> =>
    sendCall(chain, call, MARKET_ERRORS)

  const enrolment = await read.enrolment(own)
  const missingSeat = enrolment.place === 0 && !enrolment.leaving ? seat : 0n
  const free = await read.freeStake(own)
  const missing = stake + missingSeat > free ? stake + missingSeat - free : 0n
  if (missing > 0n) {
    const { credit } = await read.account(own)
    if (credit < missing) {
      const deposited = await deposit(connection, market, account, missing - credit)
      if (!deposited.ok) return deposited
      tell({ step: 'deposited', amount: missing - credit, who: own })
    }
    const staked = await send(connection, market.calls.stake(missing))
    if (!staked.ok) return staked
    tell({ step: 'staked', amount: missing, who: own })
  }

  if (key !== undefined) {
    const known = await read.delegationOf(key.address)
    const now = await market.now()
    const bits = scopes.reduce((sum, scope) => sum | SCOPES[scope], 0)
    const holds =
      known !== undefined &&
      !known.revoked &&
      known.expiry > now + RENEWAL_SECONDS &&
      (known.scopes & bits) === bits &&
      known.account.toLowerCase() === own.toLowerCase()
    if (!holds) {
      const place = { chainId, contract: addresses.delegations }
      const signed = await delegate(account, {
        ...place,
        key: key.address,
        scopes,
        now,
        lasts: DELEGATION_SECONDS,
      })
      if (!signed.ok) return signed
      const accepted = await accept(key, signed.value)
      if (!accepted.ok) return accepted
      const { accountSignature, keySignature } = accepted.value
      const call = market.calls.registerDelegation(accepted.value, accountSignature, keySignature as Hex)
      const registered = await send(connection, call)
      if (!registered.ok) return registered
      tell({ step: 'delegated', who: key.address })
    }
  }

  if (missingSeat > 0n) {
    const enrolled = await send(connection, market.calls.enroll(missingSeat))
    if (!enrolled.ok) return enrolled
    tell({ step: 'enrolled', amount: missingSeat, who: own })
  }
  return ok(undefined)
}

type Funding = {
  readonly own: Address
  readonly key: Address | undefined
  readonly needed: bigint
  readonly drip: PrepareOptions['drip']
  readonly tell: (step: PrepareStep) => void
}

/** Sees to it that account and key have coins, and the account tokens for what it is to stake. */
const fund = async (
  { reader }: Connection,
  { read }: MarketChain,
  { own, key, needed, drip, tell }: Funding,
): Promise<Result<void>> => {
  const poor = async (address: Address): Promise<boolean> =>
    (await reader.getBalance({ address })) < FEW_COINS
  const lacksTokens = async (): Promise<boolean> => {
    const { credit, stake } = await read.account(own)
    return (await read.tokens(own)) + credit + stake < needed
  }
  const to: Address[] = []
  if ((await poor(own)) || (await lacksTokens())) to.push(own)
  if (key !== undefined && (await poor(key))) to.push(key)
  if (to.length === 0) return ok(undefined)
  if (drip === undefined) {
    const [who] = to
    return fail(unfunded(who!, (await poor(who!)) ? 'no coins' : 'too few tokens'))
  }
  const given = await drip(to)
  if (!given.ok) return given
  for (const who of to) {
    if (await poor(who)) return fail(unfunded(who, 'no coins after the faucet'))
    tell({ step: 'funded', who })
  }
  return (await lacksTokens()) ? fail(unfunded(own, 'too few tokens after the faucet')) : ok(undefined)
}

const deposit = async (
  connection: Connection,
  { calls, read, now, addresses }: MarketChain,
  account: Secret,
  amount: bigint,
): Promise<Result<unknown>> => {
  const { reader, chainId } = connection
  const owner = account.address
  const held = await read.tokens(owner)
  if (held < amount) return fail(unfunded(owner, `${held} units of the token`))
  const nonce = await reader.readContract({
    address: addresses.token,
    abi: MARKET_ABIS.token,
    functionName: 'nonces',
    args: [owner],
  })
  const deadline = (await now()) + PERMIT_SECONDS
  const permit = { owner, spender: addresses.vault, amount, nonce, deadline }
  const signature = await signData(
    account.account(),
    permitData({ chainId, contract: addresses.token }, permit),
  )
  return sendCall(connection, calls.depositWithPermit(owner, { amount, deadline, signature }), MARKET_ERRORS)
}

/** Faults that say to ask again a little later, and how often that is done. */
const LATER = new Set(['busy', 'rate-limited'])
const [ASKS, ASK_AGAIN_MS] = [20, 1_500]

/** Asks the relays among a peer's peers, one after another, for a drip; a busy one is asked again. */
export const dripFromPeers =
  (peer: Peer) =>
  async (to: readonly Address[]): Promise<Result<unknown>> => {
    const asked = peer.protocol(faucetProtocol)
    let last: Result<unknown> = fail(unfunded(to[0]!, 'no peer that serves a faucet'))
    for (let ask = 0; ask < ASKS; ask++) {
      let isBusy = false
      for (const { id } of peer.peers()) {
        const given = await asked.request(id, { to: to.map((address) => address.toLowerCase() as Address) })
        if (given.ok) return given
        if (LATER.has(given.fault.code)) isBusy = true
        // Most peers serve no faucet: what a relay says is worth more.
        if (given.fault.code !== 'protocol-unsupported') last = given
      }
      if (!isBusy) return last
      await sleep(ASK_AGAIN_MS)
    }
    return last
  }

/** Asks the faucet with an account that has coins of its own. */
export const dripFrom =
  (connection: Connection, faucet: Address) =>
  async (to: readonly Address[]): Promise<Result<unknown>> => {
    for (const address of to) {
      const sent = await sendCall(connection, dripCall(faucet, address), MARKET_ERRORS)
      if (!sent.ok) return sent
    }
    return ok(undefined)
  }

const unfunded = (who: Address, value: string): Fault => ({
  code: 'unfunded',
  field: who,
  value,
  limit: 'coins for transactions and bonds, and tokens for its stake',
  remedy: 'Fund the account (`lockstep account fund` on a network with a faucet), or stake less.',
})
