import type { SwarmManifest } from '@lockstep/client'
import type { Executor, Tensor } from '@lockstep/tensor'
import { type Learner, openLearner } from './learner.ts'

/**
 * One learner for all participants that a process has in a swarm: programs are compiled once, and the warm start, which
 * is the same for everybody, is made once. Participants take turns at it; whoever has opened it closes it.
 */
export const openSharedLearner = async (
  executor: Executor,
  manifest: SwarmManifest,
): Promise<{ readonly learner: Learner; readonly close: () => void }> => {
  const own = await openLearner(executor, manifest)
  let last: Promise<unknown> = Promise.resolve()
  const inTurn = <T>(task: () => Promise<T>): Promise<T> => {
    const result = last.then(task)
    last = result.catch(() => undefined)
    return result
  }
  let first: Promise<readonly Tensor[]> | undefined
  return {
    learner: {
      ...own,
      first: () => {
        first ??= inTurn(own.first)
        return first
      },
      complete: (...how) => inTurn(() => own.complete(...how)),
      groups: (...how) => inTurn(() => own.groups(...how)),
      learn: (...how) => inTurn(() => own.learn(...how)),
      check: (...how) => inTurn(() => own.check(...how)),
      judge: (...how) => inTurn(() => own.judge(...how)),
      close: () => {},
    },
    close: own.close,
  }
}
