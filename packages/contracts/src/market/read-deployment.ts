import { fail, ok, type Result } from '@lockstep/tensor'
import { type Abi, type Address, isAddressEqual } from 'viem'
import type { Connection } from '../connection.ts'
import { type Deployment, MARKET_ABIS, type MarketAddresses, type MarketContractName } from './contracts.ts'

/**
 * Finds a market's contracts from the market's own address, and checks that all of them name each other: a contract of
 * another deployment among them would take stake that its own market never gives back. The faucet is named by nobody.
 */
export const readDeployment = async (
  { reader }: Pick<Connection, 'reader'>,
  market: Address,
): Promise<Result<MarketAddresses>> => {
  const named = (name: MarketContractName, address: Address, getter: string): Promise<Address> =>
    reader.readContract({
      address,
      abi: MARKET_ABIS[name] as Abi,
      functionName: getter,
    }) as Promise<Address>
  let addresses: MarketAddresses
  try {
    const [vault, audits, disputes, delegations, reputation] = (await Promise.all(
      ['vault', 'audits', 'disputes', 'delegations', 'reputation'].map((getter) =>
        named('market', market, getter),
      ),
    )) as [Address, Address, Address, Address, Address]
    const [token, verifiers, swarms] = (await Promise.all(
      ['token', 'verifiers', 'swarms'].map((getter) => named('vault', vault, getter)),
    )) as [Address, Address, Address]
    const draw = await named('verifiers', verifiers, 'draw')
    addresses = {
      market,
      audits,
      vault,
      verifiers,
      delegations,
      draw,
      reputation,
      disputes,
      token,
      swarms,
    }
    for (const [name, getter, meant] of NAMES) {
      const found = await named(name, addresses[name]!, getter)
      const expected = addresses[meant]!
      if (!isAddressEqual(found, expected)) {
        return inconsistent(`${name}.${getter}`, found, `${expected}, the deployment's ${meant}`)
      }
    }
    const treasuries = await Promise.all(
      (['market', 'audits', 'draw', 'disputes', 'swarms'] as const).map((name) =>
        named(name, addresses[name], 'treasury'),
      ),
    )
    if (treasuries.some((treasury) => !isAddressEqual(treasury, treasuries[0]!))) {
      return inconsistent('treasury', treasuries.join(', '), 'one and the same of all contracts')
    }
  } catch (error) {
    const reader = error instanceof Error ? error.message.split('\n')[0]! : String(error)
    return inconsistent('market', market, `a market's address (${reader})`)
  }
  return ok(addresses)
}

/** Who names whom: contract, getter, contract. */
const NAMES: readonly (readonly [Named, string, Named])[] = [
  ['vault', 'market', 'market'],
  ['verifiers', 'vault', 'vault'],
  ['verifiers', 'delegations', 'delegations'],
  ['verifiers', 'audits', 'audits'],
  ['draw', 'verifiers', 'verifiers'],
  ['draw', 'delegations', 'delegations'],
  ['draw', 'asker', 'audits'],
  ['reputation', 'market', 'market'],
  ['reputation', 'audits', 'audits'],
  ['audits', 'market', 'market'],
  ['audits', 'verifiers', 'verifiers'],
  ['audits', 'drawing', 'draw'],
  ['audits', 'disputes', 'disputes'],
  ['audits', 'delegations', 'delegations'],
  ['audits', 'reputation', 'reputation'],
  ['swarms', 'vault', 'vault'],
  ['swarms', 'disputes', 'disputes'],
  ['swarms', 'delegations', 'delegations'],
]
type Named = Exclude<MarketContractName, 'faucet'>

/** Checks that the contracts of a deployment, such as one from a file, are what stands on the chain. */
export const checkDeployment = async (
  connection: Pick<Connection, 'reader' | 'chainId'>,
  { chainId, addresses }: Deployment,
): Promise<Result<void>> => {
  if (chainId !== connection.chainId)
    return inconsistent('chainId', `${chainId}`, `${connection.chainId}, the chain that is connected`)
  const read = await readDeployment(connection, addresses.market)
  if (!read.ok) return read
  for (const [name, address] of Object.entries(read.value)) {
    const given = addresses[name as Named]
    if (!isAddressEqual(given, address))
      return inconsistent(`addresses.${name}`, given, `${address}, which the market's contracts name`)
  }
  if (addresses.faucet !== undefined) {
    const token = await connection.reader
      .readContract({ address: addresses.faucet, abi: MARKET_ABIS.faucet, functionName: 'token' })
      .catch(() => undefined)
    if (token === undefined || !isAddressEqual(token, addresses.token))
      return inconsistent('addresses.faucet', addresses.faucet, `a faucet of the token ${addresses.token}`)
  }
  return ok(undefined)
}

const inconsistent = (field: string, value: string, limit: string): Result<never> =>
  fail({
    code: 'deployment-inconsistent',
    field,
    value,
    limit,
    remedy: 'Take the addresses from whoever runs this market, or deploy one.',
  })
