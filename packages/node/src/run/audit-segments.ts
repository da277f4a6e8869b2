import type { Hex } from '@lockstep/proof'
import type { Result } from '@lockstep/tensor'
import { type ChildHandle, startChild } from './child-process.ts'
import type { Limits } from './limits.ts'
import { type AuditResult, auditResult } from './messages.ts'
import type { RunEvent } from './run-segments.ts'
import type { RunSpec } from './run-spec.ts'
import type { Spares } from './spares.ts'

export type AuditOptions = {
  readonly limits: Limits
  /** The items that the claim says, where its history is known: differences are found, and checkpoints can be used. */
  readonly claimed?: readonly Hex[]
  /** Files with the checkpoints behind segments. One that is not what the claim says counts as withheld. */
  readonly checkpoints?: ReadonlyMap<number, string>
  readonly tell?: (event: RunEvent) => void
  /** Processes that wait for jobs; without them each one is started. */
  readonly spares?: Spares
}

export type AuditHandle = Omit<ChildHandle<never>, 'ended' | 'send'> & {
  /** How the audit ended. Never rejects. */
  readonly result: Promise<Result<AuditResult>>
}

/** Executes segments of a claimed run again, in a process of its own. The spec's directory is not written to. */
export const auditSegments = (
  spec: RunSpec,
  segments: readonly number[],
  { limits, claimed, checkpoints, tell, spares }: AuditOptions,
): AuditHandle => {
  const child = startChild({
    job: {
      kind: 'audit',
      spec,
      segments: [...segments],
      ...(claimed && { claimed: [...claimed] }),
      checkpoints: [...(checkpoints ?? [])],
    },
    limits,
    spares,
    result: auditResult,
    told: (message) => message.kind === 'event' && tell?.(message.event),
  })
  const { ended, send: _, ...handle } = child
  const result = ended.then(
    (end): Result<AuditResult> => (end.ok ? { ok: true, value: end.value.result } : end),
  )
  return { ...handle, result }
}
