import { type Abi, type Address, getContractAddress, type Hex, zeroAddress } from 'viem'
import { ChainError } from '../chain-fault.ts'
import type { Connection } from '../connection.ts'
import {
  Audits,
  BlockDraw,
  CommitRevealDraw,
  Delegations,
  Disputes,
  Faucet,
  Market,
  Postings,
  Referee,
  Reputation,
  Settlement,
  SwarmScores,
  Swarms,
  Token,
  Vault,
  Verifiers,
} from '../generated/index.ts'
import type { Deployment, MarketAddresses } from './contracts.ts'
import type { MarketRules } from './rules.ts'

type Compiled = { readonly abi: Abi; readonly bytecode: Hex }

/**
 * Deploys all contracts of a market. They know each other from the beginning: an address follows from the deployer's
 * account and how many transactions it has sent, so those to come are known before they are there, and no contract has
 * a setter that somebody could hold a key to. The account must send nothing else meanwhile.
 */
export const deployMarket = (connection: Connection, rules: MarketRules): Promise<Deployment> =>
  connection.inTurn(async () => {
    const { account, reader, wallet, mined, chainId } = connection
    const deployer = account.address
    const treasury = rules.treasury ?? deployer
    let nonce = await reader.getTransactionCount({ address: deployer, blockTag: 'pending' })
    let fromBlock: number | undefined

    const addressAfter = (transactions: number): Address =>
      getContractAddress({ from: deployer, nonce: BigInt(nonce + transactions) })
    const create = async ({ abi, bytecode }: Compiled, args: readonly unknown[]): Promise<Address> => {
      const expected = addressAfter(0)
      const receipt = await mined(await wallet.deployContract({ abi, bytecode, args, nonce }))
      if (receipt.contractAddress?.toLowerCase() !== expected.toLowerCase()) {
        throw new ChainError(
          'unknown',
          `${deployer} sent something else while it deployed: a contract is at ${receipt.contractAddress}, expected at ${expected}. Deploy again`,
        )
      }
      fromBlock ??= Number(receipt.blockNumber)
      nonce++
      return expected
    }

    const token = await create(Token, [deployer, rules.supply])
    const delegations = await create(Delegations, [])
    const referee = await create(Referee, [])
    const disputes = await create(Disputes, [
      referee,
      treasury,
      BigInt(rules.disputes.rewardShare),
      rules.disputes.gasPriceCap,
      BigInt(rules.minimumTime),
    ])
    // In this order: those that are there must be, the others are only named.
    const [vault, verifiers, draw, reputation, audits, settlement, postings, market] = [
      0, 1, 2, 3, 4, 5, 6, 7,
    ].map(addressAfter) as [Address, Address, Address, Address, Address, Address, Address, Address]
    const [drawing, scores, swarms] = [8, 9, 10].map(addressAfter) as [Address, Address, Address]
    const offices = { vault, audits, disputes, delegations, reputation, treasury }
    await create(Vault, [token, market, verifiers, swarms, BigInt(rules.unbondingTime)])
    await create(Verifiers, [
      vault,
      delegations,
      audits,
      draw,
      rules.verifiers.minimumWeight,
      BigInt(rules.verifiers.delay),
    ])
    await create(CommitRevealDraw, [
      verifiers,
      delegations,
      audits,
      treasury,
      BigInt(rules.draw.period),
      rules.draw.forfeiture,
    ])
    await create(Reputation, [market, audits, rules.reputationScale])
    await create(Audits, [market, verifiers, draw, disputes, delegations, reputation, treasury])
    await create(Settlement, [offices])
    await create(Postings, [])
    await create(Market, [
      offices,
      settlement,
      postings,
      rules.governor ?? zeroAddress,
      BigInt(rules.minimumTime),
      rules.charges,
    ])
    await create(BlockDraw, [swarms, BigInt(rules.blockTime)])
    const swarmOffices = { vault, disputes, delegations, drawing, treasury }
    await create(SwarmScores, [swarmOffices])
    await create(Swarms, [swarmOffices, scores, BigInt(rules.minimumTime)])

    const addresses: MarketAddresses = {
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
      ...(rules.faucet ? { faucet: await fillFaucet(rules.faucet) } : {}),
    }
    return { chainId, fromBlock: fromBlock!, addresses }

    async function fillFaucet(faucet: NonNullable<MarketRules['faucet']>): Promise<Address> {
      const { tokens, coins, interval, most, filledWith } = faucet
      const address = await create(Faucet, [token, tokens, coins, BigInt(interval), BigInt(most)])
      const transfer = { abi: Token.abi, address: token, functionName: 'transfer' } as const
      await mined(
        await wallet.writeContract({ ...transfer, args: [address, filledWith.tokens], nonce: nonce++ }),
      )
      await mined(await wallet.sendTransaction({ to: address, value: filledWith.coins, nonce: nonce++ }))
      return address
    }
  })
