import { type Charges, escrowAtPosting, GIVEN } from '@lockstep/market'
import { estimateProgram } from '@lockstep/tensor'
import { postOf } from './job-post.ts'
import type { Plan } from './plan.ts'

/** What a job will take, known before it is posted. */
export type JobEstimate = {
  /** In units of 10^6 scalar instructions, all slices together. */
  readonly work: bigint
  /** Bytes in memory at most, of the slice that takes most: state, its copy, inputs, and every node of one step. */
  readonly memory: number
  /** Bytes to publish. */
  readonly published: number
  /** Tokens that are taken into escrow; what is not spent comes back. */
  readonly escrow: bigint
  /** Seconds of execution on the longest way through the job, and seconds until it is settled. */
  readonly running: number
  readonly settled: number
}

export const estimateJob = (
  plan: Plan,
  throughput: number,
  charges: Pick<Charges, 'feeShare'>,
): JobEstimate => {
  const post = postOf(plan, { now: 0, minimumBond: 0n })
  const { bidding, inclusion, window } = post.times
  const running: number[] = []
  const settled: number[] = []
  for (const { initialFrom, inputsFrom, work } of plan.slices) {
    const reads = [...(initialFrom === GIVEN ? [] : [initialFrom]), ...inputsFrom]
    const run = (Number(work) * 1e6) / throughput
    running.push(run + Math.max(0, ...reads.map((from) => running[from]!)))
    // What reads a slice waits until nobody can challenge it any more.
    settled.push(bidding + inclusion + run + window + Math.max(0, ...reads.map((from) => settled[from]!)))
  }
  const memory = plan.programs.map(({ program }) => {
    const { state, inputs, nodes } = estimateProgram(program)
    return 2 * state + inputs + nodes
  })
  return {
    work: plan.slices.reduce((sum, { work }) => sum + work, 0n),
    memory: Math.max(...memory),
    published: [...plan.blobs.values()].reduce((sum, { length }) => sum + length, plan.bytes.length),
    escrow: escrowAtPosting(post, charges),
    running: Math.max(...running),
    settled: Math.max(...settled),
  }
}
