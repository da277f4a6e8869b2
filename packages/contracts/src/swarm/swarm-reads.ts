import type { Address, ContractFunctionReturnType, PublicClient } from 'viem'
import { Swarms } from '../generated/index.ts'
import { CHALLENGE_STATUS, type ScoreChallenge, type SwarmMember, type SwarmRound } from './swarm-terms.ts'

const abi = Swarms.abi
type Answer<F extends 'getSwarm' | 'getEntry'> = ContractFunctionReturnType<typeof abi, 'view', F>

/** What can be asked of Swarms. */
export const swarmReads = (reader: PublicClient, address: Address) => ({
  swarm: (swarm: number): Promise<Answer<'getSwarm'>> =>
    reader.readContract({ address, abi, functionName: 'getSwarm', args: [BigInt(swarm)] }),
  swarmRound: async (swarm: number, round: number): Promise<SwarmRound> => {
    const args = [BigInt(swarm), BigInt(round)] as const
    return reader.readContract({ address, abi, functionName: 'getRound', args })
  },
  swarmMember: (swarm: number, account: Address): Promise<SwarmMember> =>
    reader.readContract({ address, abi, functionName: 'getMember', args: [BigInt(swarm), account] }),
  swarmEntry: (swarm: number, round: number, seat: number): Promise<Answer<'getEntry'>> => {
    const args = [BigInt(swarm), BigInt(round), BigInt(seat)] as const
    return reader.readContract({ address, abi, functionName: 'getEntry', args })
  },
  scoreChallenge: async (challenge: number): Promise<ScoreChallenge> => {
    const args = [BigInt(challenge)] as const
    const found = await reader.readContract({ address, abi, functionName: 'getChallenge', args })
    return { ...found, status: CHALLENGE_STATUS[found.status]!, swarm: Number(found.swarm) }
  },
  swarmCount: async (): Promise<number> =>
    Number(await reader.readContract({ address, abi, functionName: 'swarmCount' })),
})
