import type { Call } from '@lockstep/contracts'
import type { Fault } from '@lockstep/tensor'
import { type Address, encodeAbiParameters, type Hex, keccak256, type TransactionReceipt } from 'viem'
import { fromJson, type Json, toJson } from '../store/json.ts'
import type { Query } from '../store/open-store.ts'
import type { OutboxTable, TransactionsTable } from '../store/tables.ts'

/**
 * An intent's way:
 *
 *   waiting -> sent -> mined -> ended        its nonce is used up, by its call or by nothing
 *      |         ^        |       |
 *      v         +--------+-------+          a reorganisation has taken the block back
 *   refused                                  never signed
 *
 * Before anything is sent it is signed and stored with its nonce. Whatever is signed for it afterwards has the same
 * nonce, so at most one of these transactions can ever be mined.
 */
export const INTENT_STATUS = ['waiting', 'sent', 'mined', 'ended', 'refused'] as const
export type IntentStatus = (typeof INTENT_STATUS)[number]

export type Intent = {
  readonly intent: string
  readonly sequence: number
  readonly account: Address
  readonly call: Call
  readonly digest: Hex
  readonly gas: bigint | undefined
  readonly deadline: number | undefined
  readonly status: IntentStatus
  readonly nonce: number | undefined
  /** It was mined once, and the chain took that back. */
  readonly fallen: boolean
  readonly receipt: TransactionReceipt | undefined
  /** Why it was refused, or given up, or what became of it on the chain. */
  readonly fault: Fault | undefined
}

export type SignedTransaction = {
  readonly hash: Hex
  readonly nonce: number
  /** `nothing` only uses up the nonce of an intent that was given up. */
  readonly kind: 'call' | 'nothing'
  readonly raw: Hex
  readonly maxFee: bigint
  readonly tip: bigint
}

export type NewIntent = {
  readonly intent: string
  readonly account: Address
  readonly call: Call
  readonly gas?: bigint | undefined
  readonly deadline?: number | undefined
}

export const intentDigest = (account: Address, { to, value, data }: Call): Hex =>
  keccak256(
    encodeAbiParameters(
      [{ type: 'address' }, { type: 'address' }, { type: 'uint256' }, { type: 'bytes' }],
      [account, to, value, data],
    ),
  )

/** Puts an intent into the outbox, or back into it where nothing that was done for it can have an effect any more. */
export const enqueue = async (q: Query, wanted: NewIntent): Promise<Intent> => {
  const held = await readIntent(q, wanted.intent)
  if (held !== undefined && !isRetryable(held)) return held
  const { intent, account, call, gas, deadline } = wanted
  const last = await q
    .selectFrom('outbox')
    .select((e) => e.fn.max('sequence').as('sequence'))
    .executeTakeFirst()
  const values = {
    sequence: (last?.sequence ?? 0) + 1,
    account: account.toLowerCase(),
    target: call.to.toLowerCase(),
    data: call.data,
    value: call.value.toString(),
    call: call.name,
    digest: intentDigest(account, call),
    gas: gas === undefined ? null : Number(gas),
    deadline: deadline ?? null,
    status: 'waiting',
    nonce: null,
    fallen: 0,
    receipt_json: null,
    fault_json: null,
  }
  await q
    .insertInto('outbox')
    .values({ intent, ...values })
    .onConflict((c) => c.column('intent').doUpdateSet(values))
    .execute()
  return (await readIntent(q, intent))!
}

/** Nothing was sent for it, or its nonce is used up for good by something that changed nothing. */
const isRetryable = ({ status, fault }: Intent): boolean =>
  status === 'refused' || (status === 'ended' && fault !== undefined)

export const readIntent = async (q: Query, intent: string): Promise<Intent | undefined> => {
  const row = await q.selectFrom('outbox').selectAll().where('intent', '=', intent).executeTakeFirst()
  return row && intentOf(row)
}

export const intentsWith = async (
  q: Query,
  status: readonly IntentStatus[],
  { account, limit = 1_000 }: { readonly account?: Address; readonly limit?: number } = {},
): Promise<readonly Intent[]> => {
  let asked = q
    .selectFrom('outbox')
    .selectAll()
    .where('status', 'in', [...status])
  if (account !== undefined) asked = asked.where('account', '=', account.toLowerCase())
  return (await asked.orderBy('sequence').limit(limit).execute()).map(intentOf)
}

/** The intents of an account that have a nonce from this one on, in the order of their nonces. */
export const intentsFromNonce = async (
  q: Query,
  account: Address,
  nonce: number,
  limit = 1_000,
): Promise<readonly Intent[]> =>
  (
    await q
      .selectFrom('outbox')
      .selectAll()
      .where('account', '=', account.toLowerCase())
      .where('nonce', '>=', nonce)
      .orderBy('nonce')
      .limit(limit)
      .execute()
  ).map(intentOf)

export type IntentChange = {
  readonly status?: IntentStatus
  readonly nonce?: number | undefined
  readonly fallen?: boolean
  readonly receipt?: TransactionReceipt | undefined
  readonly fault?: Fault | undefined
}

export const changeIntent = async (q: Query, intent: string, change: IntentChange): Promise<void> => {
  const set: Partial<OutboxTable> = {
    ...(change.status === undefined ? {} : { status: change.status }),
    ...('nonce' in change ? { nonce: change.nonce ?? null } : {}),
    ...(change.fallen === undefined ? {} : { fallen: change.fallen ? 1 : 0 }),
    ...('receipt' in change
      ? { receipt_json: change.receipt === undefined ? null : toJson(change.receipt as unknown as Json) }
      : {}),
    ...('fault' in change ? { fault_json: change.fault === undefined ? null : toJson(change.fault) } : {}),
  }
  await q.updateTable('outbox').set(set).where('intent', '=', intent).execute()
}

export const addTransaction = async (
  q: Query,
  { intent, account }: Pick<Intent, 'intent' | 'account'>,
  transaction: SignedTransaction,
): Promise<void> => {
  const { hash, nonce, kind, raw, maxFee, tip } = transaction
  await q
    .insertInto('transactions')
    .values({
      hash,
      intent,
      account: account.toLowerCase(),
      nonce,
      kind,
      raw,
      max_fee: maxFee.toString(),
      tip: tip.toString(),
    })
    .onConflict((c) => c.column('hash').doNothing())
    .execute()
}

/** What was signed for an intent with the nonce that it has, the dearest last. */
export const transactionsOf = async (q: Query, { intent, nonce }: Intent): Promise<SignedTransaction[]> => {
  if (nonce === undefined) return []
  const rows = await q
    .selectFrom('transactions')
    .selectAll()
    .where('intent', '=', intent)
    .where('nonce', '=', nonce)
    .execute()
  return rows.map(transactionOf).sort((a, b) => (a.maxFee < b.maxFee ? -1 : a.maxFee > b.maxFee ? 1 : 0))
}

const intentOf = (row: OutboxTable): Intent => ({
  intent: row.intent,
  sequence: row.sequence,
  account: row.account as Address,
  call: {
    name: row.call,
    to: row.target as Address,
    data: row.data as Hex,
    value: BigInt(row.value),
  },
  digest: row.digest as Hex,
  gas: row.gas === null ? undefined : BigInt(row.gas),
  deadline: row.deadline ?? undefined,
  status: row.status as IntentStatus,
  nonce: row.nonce ?? undefined,
  fallen: row.fallen === 1,
  receipt:
    row.receipt_json === null ? undefined : (fromJson(row.receipt_json) as unknown as TransactionReceipt),
  fault: row.fault_json === null ? undefined : (fromJson(row.fault_json) as unknown as Fault),
})

const transactionOf = (row: TransactionsTable): SignedTransaction => ({
  hash: row.hash as Hex,
  nonce: row.nonce,
  kind: row.kind as SignedTransaction['kind'],
  raw: row.raw as Hex,
  maxFee: BigInt(row.max_fee),
  tip: BigInt(row.tip),
})
