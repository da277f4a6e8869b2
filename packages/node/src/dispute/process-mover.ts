import type { DisputeRecord, Hex, Move, Side } from '@lockstep/proof'
import { type Fault, FaultError } from '@lockstep/tensor'
import { z } from 'zod'
import { type ChildHandle, startChild, stopped } from '../run/child-process.ts'
import type { Limits } from '../run/limits.ts'
import type { RecordOnWire } from '../run/messages.ts'
import type { RunSpec } from '../run/run-spec.ts'
import type { Mover } from './play-dispute.ts'

/** A history that one side takes for true, as files: items at the checkpoints, and the checkpoints that are there. */
export type History = {
  readonly items: readonly Hex[]
  readonly checkpoints: ReadonlyMap<number, string>
}

export type ProcessMoverOptions = {
  readonly side: Side
  readonly spec: RunSpec
  readonly history: History
  readonly limits: Omit<Limits, 'time'>
  /** Milliseconds without a question after which the process is ended; the next question starts another. */
  readonly idle?: number
}

/** A mover whose questions are answered; closing it ends its process. */
export type ProcessMover = Mover & { readonly close: () => Promise<void> }

type Child = ChildHandle<unknown> & { readonly answers: Map<number, PromiseWithResolvers<Move | undefined>> }

const IDLE_MS = 300_000

/**
 * The moves of a side out of a run on disk, found in a process of its own: a dispute executes segments again, and a
 * node must go on listening meanwhile. One process answers for all disputes about a claim. Where it ends other than
 * asked, the questions fail with a FaultError, and the next one starts it again.
 */
export const processMover = (options: ProcessMoverOptions): ProcessMover => {
  const { side, history, limits, idle = IDLE_MS } = options
  let child: Child | undefined
  let asked = 0
  let timer: NodeJS.Timeout | undefined
  let closed = false

  const start = (): Child => {
    const answers: Child['answers'] = new Map()
    const handle = startChild<unknown>({
      job: {
        kind: 'moves',
        spec: options.spec,
        side,
        claim: [...history.items],
        checkpoints: [...history.checkpoints],
      },
      limits,
      result: z.unknown(),
      told: (message) => {
        if (message.kind !== 'answer') return
        answers.get(message.id)?.resolve(message.move)
        answers.delete(message.id)
      },
    })
    const started: Child = { ...handle, answers }
    void handle.ended.then((end) => {
      if (child === started) child = undefined
      const fault: Fault = end.ok ? stopped() : end.fault
      for (const answer of answers.values()) answer.reject(new FaultError(fault))
    })
    return started
  }

  const rest = (): void => {
    clearTimeout(timer)
    const resting = child
    if (!resting || resting.answers.size > 0) return
    timer = setTimeout(() => {
      if (child === resting && resting.answers.size === 0) {
        child = undefined
        void resting.stop()
      }
    }, idle)
    timer.unref()
  }

  return {
    next: async (record) => {
      if (closed) throw new FaultError(stopped())
      clearTimeout(timer)
      child ??= start()
      const { answers, send } = child
      const answer = Promise.withResolvers<Move | undefined>()
      const id = asked++
      answers.set(id, answer)
      send({ kind: 'ask', id, record: onWire(record) })
      try {
        return await answer.promise
      } finally {
        rest()
      }
    },
    close: async () => {
      closed = true
      clearTimeout(timer)
      const last = child
      child = undefined
      await last?.stop()
    },
  }
}

const onWire = ({ terms, ...record }: DisputeRecord): RecordOnWire => {
  const { header: _, ...rest } = terms
  return { ...record, terms: rest, moves: [...record.moves] } as RecordOnWire
}
