import { randomBytes } from 'node:crypto'
import { type Fault, fail, ok, type Result } from '@lockstep/tensor'
import {
  type Address,
  bytesToBigInt,
  type Hex,
  hexToBigInt,
  isAddressEqual,
  recoverTypedDataAddress,
  type TypedDataDomain,
} from 'viem'
import { z } from 'zod'
import { decode } from '../schema-fault.ts'
import type { Secret } from './secret.ts'

/** What a node key may do for its account; the numbers are the contract's bits. */
export const SCOPES = { provide: 1, verify: 2, post: 4 } as const
export type Scope = keyof typeof SCOPES

/** An account's word, for the contract Delegations, that a key acts for it within these scopes until it expires. */
export type Delegation = {
  readonly account: Address
  readonly key: Address
  /** Scopes added up. */
  readonly scopes: number
  /** In the chain's seconds. */
  readonly expiry: bigint
  readonly salt: bigint
}

/** The contract that the word is given to: no other, and on no other chain. */
export type DelegationPlace = { readonly chainId: number; readonly contract: Address }
export type SignedDelegation = DelegationPlace &
  Delegation & {
    readonly accountSignature: Hex
    /** The key's own, of the same: else a stranger's account could take a key. Missing until the node gives it. */
    readonly keySignature?: Hex | undefined
  }

/** Longer than this nobody should trust a key on a machine that is always on. */
export const LONGEST_DELEGATION = 366 * 86_400

const TYPES = {
  Delegation: [
    { name: 'account', type: 'address' },
    { name: 'key', type: 'address' },
    { name: 'scopes', type: 'uint8' },
    { name: 'expiry', type: 'uint64' },
    { name: 'salt', type: 'uint256' },
  ],
} as const

const domainOf = ({ chainId, contract }: DelegationPlace): TypedDataDomain => ({
  name: 'Lockstep Delegations',
  version: '1',
  chainId,
  verifyingContract: contract,
})

/** The typed data of a delegation, for wallets that sign elsewhere. */
export const delegationTypedData = (place: DelegationPlace, message: Delegation) =>
  ({ domain: domainOf(place), types: TYPES, primaryType: 'Delegation', message }) as const

export type DelegateOptions = DelegationPlace & {
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
  const accountSignature = await account.account().signTypedData(delegationTypedData(place, delegation))
  return ok({ ...place, ...delegation, accountSignature })
}

/** Signs a delegation with the key that it names, where the key's node agrees to it. */
export const accept = async (key: Secret, d: SignedDelegation): Promise<Result<SignedDelegation>> => {
  if (!isAddressEqual(d.key, key.address))
    return fail(refused('key', d.key, key.address, 'Let the account delegate to this node’s key.'))
  if (!(await isSigned(d)) && d.accountSignature.length === EOA_SIGNATURE)
    return fail(refused('accountSignature', 'another', `one by ${d.account}`, ABOUT.remedy))
  return ok({ ...d, keySignature: await key.account().signTypedData(delegationTypedData(d, d)) })
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
export type DelegationUse = DelegationPlace & {
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

const isBy = async (d: SignedDelegation, signer: Address, signature: Hex): Promise<boolean> => {
  if (signature.length !== EOA_SIGNATURE || !isCanonical(signature)) return false
  try {
    const found = await recoverTypedDataAddress({ ...delegationTypedData(d, d), signature })
    return isAddressEqual(found, signer)
  } catch {
    return false // no point of the curve
  }
}

/** The length of an ordinary key's signature in hexadecimal. */
const EOA_SIGNATURE = 2 + 2 * 65

export const scopesOf = (bits: number): Scope[] =>
  (Object.keys(SCOPES) as Scope[]).filter((scope) => (bits & SCOPES[scope]) !== 0)

const HALF_ORDER = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0n

/** The contract refuses the mirrored form of a signature (EIP-2), so it is refused here. */
const isCanonical = (signature: Hex): boolean => {
  const s = BigInt(`0x${signature.slice(66, 130)}`)
  const v = Number.parseInt(signature.slice(130), 16)
  return s <= HALF_ORDER && (v === 27 || v === 28)
}

const refused = (field: string, value: string, limit: string, remedy: string): Fault => ({
  code: 'delegation-refused',
  field: `delegation.${field}`,
  value,
  limit,
  remedy,
})
