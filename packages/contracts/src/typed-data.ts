import type { Bid, Receipt } from '@lockstep/market'
import { fail, ok, type Result } from '@lockstep/tensor'
import {
  type Address,
  getAddress,
  type Hex,
  hashTypedData,
  type LocalAccount,
  recoverTypedDataAddress,
  type TypedDataDefinition,
} from 'viem'

/** What is signed holds for this contract on this chain and for no other. */
export type SigningPlace = { readonly chainId: number; readonly contract: Address }

/** An account's word that a key acts for it; see IDelegations.sol. */
export type Delegation = {
  readonly account: Address
  readonly key: Address
  /** A sum of SCOPES. */
  readonly scopes: number
  /** The first second of the chain at which it is over. */
  readonly expiry: bigint
  readonly salt: bigint
}

/** What a key may do for its account: the contract's bits. */
export const SCOPES = { provide: 1, verify: 2, post: 4, swarm: 8 } as const
export type Scope = keyof typeof SCOPES

/** EIP-712 data: to be signed here, by a wallet elsewhere, or to be checked. */
export type SignedData = Pick<TypedDataDefinition, 'domain' | 'types' | 'primaryType' | 'message'>

const BID = [
  { name: 'job', type: 'uint256' },
  { name: 'account', type: 'address' },
  { name: 'key', type: 'address' },
  { name: 'pricePerUnit', type: 'uint128' },
  { name: 'time', type: 'uint32' },
  { name: 'slices', type: 'uint16' },
  { name: 'expiry', type: 'uint64' },
  { name: 'salt', type: 'uint256' },
] as const

const RECEIPT = [
  { name: 'job', type: 'uint256' },
  { name: 'slice', type: 'uint16' },
  { name: 'attempt', type: 'uint16' },
  { name: 'task', type: 'bytes32' },
] as const

const DELEGATION = [
  { name: 'account', type: 'address' },
  { name: 'key', type: 'address' },
  { name: 'scopes', type: 'uint8' },
  { name: 'expiry', type: 'uint64' },
  { name: 'salt', type: 'uint256' },
] as const

const SUBMISSION = [
  { name: 'swarm', type: 'uint256' },
  { name: 'round', type: 'uint256' },
  { name: 'stage', type: 'uint256' },
  { name: 'commitment', type: 'bytes32' },
] as const

const PERMIT = [
  { name: 'owner', type: 'address' },
  { name: 'spender', type: 'address' },
  { name: 'value', type: 'uint256' },
  { name: 'nonce', type: 'uint256' },
  { name: 'deadline', type: 'uint256' },
] as const

const domainOf = (name: string, { chainId, contract }: SigningPlace) => ({
  name,
  version: '1',
  chainId,
  verifyingContract: contract,
})

/** An address that came from outside may be in capital letters; which of them are capital is only a checksum. */
const plain = (address: Address): Address => getAddress(address.toLowerCase())

/** `contract` is the Market. */
export const bidData = (place: SigningPlace, bid: Bid): SignedData => ({
  domain: domainOf('Lockstep Market', place),
  types: { Bid: BID },
  primaryType: 'Bid',
  message: {
    ...bid,
    account: plain(bid.account),
    key: plain(bid.key),
    job: BigInt(bid.job),
    expiry: BigInt(bid.expiry),
  },
})

/** `contract` is the Market. */
export const receiptData = (place: SigningPlace, receipt: Receipt): SignedData => ({
  domain: domainOf('Lockstep Market', place),
  types: { Receipt: RECEIPT },
  primaryType: 'Receipt',
  message: { ...receipt, job: BigInt(receipt.job) },
})

/** `contract` is Delegations. */
export const delegationData = (place: SigningPlace, delegation: Delegation): SignedData => ({
  domain: domainOf('Lockstep Delegations', place),
  types: { Delegation: DELEGATION },
  primaryType: 'Delegation',
  message: { ...delegation, account: plain(delegation.account), key: plain(delegation.key) },
})

/** A participant's part of a stage; see ISwarms.sol. `contract` is Swarms. */
export const submissionData = (
  place: SigningPlace,
  submission: {
    readonly swarm: number
    readonly round: number
    /** 0 answer, 1 critique, 2 resolve. */
    readonly stage: number
    readonly commitment: Hex
  },
): SignedData => ({
  domain: domainOf('Lockstep Swarms', place),
  types: { Submission: SUBMISSION },
  primaryType: 'Submission',
  message: {
    ...submission,
    swarm: BigInt(submission.swarm),
    round: BigInt(submission.round),
    stage: BigInt(submission.stage),
  },
})

/** That a contract may take tokens (ERC-2612). `contract` is the Token; `nonce` is what it says of the owner. */
export const permitData = (
  place: SigningPlace,
  permit: {
    readonly owner: Address
    readonly spender: Address
    readonly amount: bigint
    readonly nonce: bigint
    readonly deadline: number
  },
): SignedData => ({
  domain: domainOf('Lockstep', place),
  types: { Permit: PERMIT },
  primaryType: 'Permit',
  message: {
    owner: plain(permit.owner),
    spender: plain(permit.spender),
    value: permit.amount,
    nonce: permit.nonce,
    deadline: BigInt(permit.deadline),
  },
})

/** The digest that is signed. */
export const hashData = (data: SignedData): Hex => hashTypedData(data as TypedDataDefinition)

export const signData = (account: Pick<LocalAccount, 'signTypedData'>, data: SignedData): Promise<Hex> =>
  account.signTypedData(data as TypedDataDefinition)

const HALF_ORDER = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0n

/** Whose key has signed; a fault where the contracts would take it for no signature at all. */
export const signerOf = async (data: SignedData, signature: Hex): Promise<Result<Address>> => {
  const malformed = (limit: string): Result<never> =>
    fail({
      code: 'signature-malformed',
      field: `${data.primaryType}.signature`,
      value: signature.length > 140 ? `${signature.slice(0, 140)}...` : signature,
      limit,
      remedy: 'Let the key sign again.',
    })
  if (!/^0x[0-9a-fA-F]{130}$/.test(signature)) return malformed('0x and 65 bytes in hexadecimal')
  // The mirrored form of a signature is another one of the same key: the contracts refuse it, too.
  const v = Number.parseInt(signature.slice(130), 16)
  if (BigInt(`0x${signature.slice(66, 130)}`) > HALF_ORDER || (v !== 27 && v !== 28))
    return malformed('s in the lower half, and v 27 or 28')
  try {
    return ok(await recoverTypedDataAddress({ ...(data as TypedDataDefinition), signature }))
  } catch {
    return malformed('a point of the curve')
  }
}
