import { randomBytes } from 'node:crypto'
import {
  type Delegation,
  delegationData,
  SCOPES,
  type Scope,
  type SignedData,
  type SigningPlace,
  signData,
  signerOf,
} from '@lockstep/contracts'
import { type Fault, fail, ok, type Result } from '@lockstep/tensor'
import { type Address, bytesToBigInt, type Hex, hexToBigInt, isAddressEqual } from 'viem'
import { z } from 'zod'
import { decode } from '../schema-fault.ts'
import type { Secret } from './secret.ts'

/** A delegation with its signatures, for one contract of one chain. */
export type SignedDelegation = SigningPlace &
  Delegation & {
    readonly accountSignature: Hex
    /** The key's own, of the same: else a stranger's account could take a key. Missing until the node gives it. */
    readonly keySignature?: Hex | undefined
  }

/** Longer than this nobody should trust a key on a machine that is always on. */
export const LONGEST_DELEGATION = 366 * 86_400

export type DelegateOptions = SigningPlace & {
  readonly key: Address
  readonly scopes: readonly Scope[]
  /** In the chain's seconds. */
  readonly now: number
  /** How long it lasts, in seconds. */
  readonly lasts: number
}

/** Signs a delegation of `options.key` with the account's secret. */
export const delegate = async (
  account: Secret,
  { chainId, contract, key, scopes, now, lasts }: DelegateOptions,
): Promise<Result<SignedDelegation>> => {
  if (!(lasts > 0 && lasts <= LONGEST_DELEGATION))
    return fail(refused('lasts', `${lasts}`, `1 to ${LONGEST_DELEGATION} seconds`, 'Choose a time within.'))
  if (scopes.length === 0)
    return fail(refused('scopes', 'empty', Object.keys(SCOPES).join(', '), 'Name at least one.'))
  if (isAddressEqual(account.address, key))
    return fail(refused('key', key, 'another key than the account', 'An account needs no delegation.'))
  const place = { chainId, contract }
  const delegation: Delegation = {
    account: account.address,
    key,
    scopes: [...new Set(scopes)].reduce((bits, scope) => bits | SCOPES[scope], 0),
    expiry: BigInt(Math.floor(now + lasts)),
    salt: bytesToBigInt(randomBytes(32)),
  }
  const accountSignature = await signData(account.account(), delegationData(place, delegation))
  return ok({ ...place, ...delegation, accountSignature })
}

/** Signs a delegation with the key that it names, where the key's node agrees to it. */
export const accept = async (key: Secret, d: SignedDelegation): Promise<Result<SignedDelegation>> => {
  if (!isAddressEqual(d.key, key.address))
    return fail(refused('key', d.key, key.address, 'Let the account delegate to this node’s key.'))
  if (!(await isSigned(d)) && d.accountSignature.length === EOA_SIGNATURE)
    return fail(refused('accountSignature', 'another', `one by ${d.account}`, ABOUT.remedy))
  return ok({ ...d, keySignature: await signData(key.account(), dataOf(d)) })
}

const ABOUT = {
  code: 'delegation-malformed',
  whole: 'delegation',
  remedy: 'Let the account sign a delegation again.',
}
export const MAX_DELEGATION_BYTES = 8192

const ALL_SCOPES = Object.values(SCOPES).reduce((bits, bit) => bits | bit, 0)
const address = z
  .string()
  .regex(/^0x[0-9a-fA-F]{40}$/, '0x and 40 hexadecimal digits')
  .transform((text) => text.toLowerCase() as Address)

const signature = (least: number, most: number) =>
  z
    .string()
    .regex(
      new RegExp(`^0x([0-9a-fA-F]{2}){${least},${most}}$`),
      least === most
        ? `0x and ${least} bytes in hexadecimal`
        : `0x and ${least} to ${most} bytes in hexadecimal`,
    )
    .transform((text) => text as Hex)

const delegationSchema = z.strictObject({
  chainId: z.int().min(1),
  contract: address,
  account: address,
  key: address,
  scopes: z.int().min(1).max(ALL_SCOPES),
  expiry: z.int().min(1).transform(BigInt),
  salt: z
    .string()
    .regex(/^0x[0-9a-fA-F]{64}$/, '0x and 64 hexadecimal digits')
    .transform((text) => hexToBigInt(text as Hex)),
  // A contract account's signature has a length of its own.
  accountSignature: signature(1, 2048),
  keySignature: signature(65, 65).optional(),
})

export const encodeDelegation = (d: SignedDelegation): string =>
  `${JSON.stringify(
    {
      chainId: d.chainId,
      contract: d.contract,
      account: d.account,
      key: d.key,
      scopes: d.scopes,
      expiry: Number(d.expiry),
      salt: `0x${d.salt.toString(16).padStart(64, '0')}`,
      accountSignature: d.accountSignature,
      keySignature: d.keySignature,
    },
    null,
    2,
  )}\n`

/** Reads what encodeDelegation wrote, or what a peer sent instead. */
export const parseDelegation = (source: Uint8Array): Result<SignedDelegation> => {
  if (source.length > MAX_DELEGATION_BYTES)
    return fail({
      ...ABOUT,
      field: 'delegation',
      value: `${source.length} bytes`,
      limit: `at most ${MAX_DELEGATION_BYTES}`,
    })
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(source))
  } catch {
    return fail({ ...ABOUT, field: 'delegation', value: 'no JSON', limit: 'a JSON object' })
  }
  return decode(delegationSchema, value, ABOUT)
}

/** What a delegation is held against. */
export type DelegationUse = SigningPlace & {
  readonly key: Address
  readonly scope: Scope
  /** In the chain's seconds. */
  readonly now: number
}

/** Whether a delegation lets the key do this, here and now. Whether the account signed it is `isSigned`. */
export const allows = (d: SignedDelegation, use: DelegationUse): Result<Address> => {
  const { chainId, contract, key, scope, now } = use
  const again = 'Let the account sign one for it.'
  if (d.chainId !== chainId) return fail(refused('chain', `${d.chainId}`, `chain ${chainId}`, again))
  if (!isAddressEqual(d.contract, contract)) return fail(refused('contract', d.contract, contract, again))
  if (!isAddressEqual(d.key, key)) return fail(refused('key', d.key, key, again))
  if (d.expiry <= BigInt(Math.floor(now)))
    return fail(refused('expiry', `${d.expiry}`, `after ${Math.floor(now)}`, 'Delegate to the key anew.'))
  if ((d.scopes & SCOPES[scope]) === 0)
    return fail(refused('scopes', scopesOf(d.scopes).join(' and '), scope, again))
  return ok(d.account)
}

/**
 * Whether the account's own key signed it. False also where the account is a contract: then its chain decides
 * (ERC-1271), and the contract Delegations asks it.
 */
export const isSigned = (d: SignedDelegation): Promise<boolean> => isBy(d, d.account, d.accountSignature)

/** Whether the key has signed it, too. */
export const isAccepted = async (d: SignedDelegation): Promise<boolean> =>
  d.keySignature !== undefined && (await isBy(d, d.key, d.keySignature))

const isBy = async (d: SignedDelegation, account: Address, signature: Hex): Promise<boolean> => {
  const signer = await signerOf(dataOf(d), signature)
  return signer.ok && isAddressEqual(signer.value, account)
}

const dataOf = ({ account, key, scopes, expiry, salt, ...place }: SignedDelegation): SignedData =>
  delegationData(place, { account, key, scopes, expiry, salt })

/** The length of an ordinary key's signature in hexadecimal. */
const EOA_SIGNATURE = 2 + 2 * 65

/** The names of scopes that were added up. */
export const scopesOf = (bits: number): Scope[] =>
  (Object.keys(SCOPES) as Scope[]).filter((scope) => (bits & SCOPES[scope]) !== 0)

const refused = (field: string, value: string, limit: string, remedy: string): Fault => ({
  code: 'delegation-refused',
  field: `delegation.${field}`,
  value,
  limit,
  remedy,
})
