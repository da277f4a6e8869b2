import type { Hex } from 'viem'
import { fromJson, type Json, toJson } from './json.ts'
import type { Query } from './open-store.ts'
import type { AttemptKey } from './runs.ts'
import type { AuditsTable } from './tables.ts'

/** One seat of one audit, that this node was drawn for. */
export type SeatKey = { readonly audit: Hex; readonly seat: number }

export const AUDIT_STATUS = [
  'drawn',
  'running',
  'answered',
  'committed',
  'revealed',
  'ended',
  'failed',
] as const
export type AuditStatus = (typeof AUDIT_STATUS)[number]

export type StoredAudit = SeatKey &
  AttemptKey & {
    readonly status: AuditStatus
    readonly segments: readonly number[]
    readonly deadline?: number
    readonly sealed?: SealedAnswer
    readonly detail?: Json
  }

/** An answer and the salt that opens its commitment: they exist nowhere else until the reveal. */
export type SealedAnswer = { readonly answer: Hex; readonly salt: Hex }

export type AuditChange = {
  readonly status?: AuditStatus
  readonly deadline?: number
  readonly detail?: Json
}

/** Takes a seat; one that is taken is left as it is. Gives what is stored. */
export const openAudit = async (
  q: Query,
  seat: SeatKey,
  of: AttemptKey,
  segments: readonly number[],
  change: AuditChange = {},
): Promise<StoredAudit> => {
  await q
    .insertInto('audits')
    .values({
      audit: seat.audit,
      seat: seat.seat,
      job: of.job,
      slice: of.slice,
      attempt: of.attempt,
      status: 'drawn',
      segments_json: toJson(segments),
      ...columns(change),
    })
    .onConflict((c) => c.columns(['audit', 'seat']).doNothing())
    .execute()
  return (await readAudit(q, seat))!
}

export const readAudit = async (q: Query, seat: SeatKey): Promise<StoredAudit | undefined> => {
  const row = await q
    .selectFrom('audits')
    .selectAll()
    .where('audit', '=', seat.audit)
    .where('seat', '=', seat.seat)
    .executeTakeFirst()
  return row && auditOf(row)
}

export const changeAudit = async (q: Query, seat: SeatKey, change: AuditChange): Promise<void> => {
  const set = columns(change)
  if (Object.keys(set).length === 0) return
  const { numUpdatedRows } = await q
    .updateTable('audits')
    .set(set)
    .where('audit', '=', seat.audit)
    .where('seat', '=', seat.seat)
    .executeTakeFirst()
  if (numUpdatedRows !== 1n) throw new Error(`there is no seat ${seat.seat} of audit ${seat.audit}`)
}

/** Stores an answer before it is committed to. The first one stays, and is what comes back. */
export const sealAnswer = async (q: Query, seat: SeatKey, sealed: SealedAnswer): Promise<SealedAnswer> => {
  await q
    .updateTable('audits')
    .set({ answer: sealed.answer, salt: sealed.salt })
    .where('audit', '=', seat.audit)
    .where('seat', '=', seat.seat)
    .where('salt', 'is', null)
    .execute()
  const held = (await readAudit(q, seat))?.sealed
  if (held === undefined) throw new Error(`there is no seat ${seat.seat} of audit ${seat.audit}`)
  return held
}

/** The seats that this node has, or had, of one audit. */
export const auditsOf = async (q: Query, audit: Hex): Promise<readonly StoredAudit[]> => {
  const rows = await q.selectFrom('audits').selectAll().where('audit', '=', audit).orderBy('seat').execute()
  return rows.map(auditOf)
}

/** All of them: as many as there are seats under way, each of which stake is locked for. */
export const auditsWith = async (
  q: Query,
  status: readonly AuditStatus[],
): Promise<readonly StoredAudit[]> => {
  const rows = await q
    .selectFrom('audits')
    .selectAll()
    .where('status', 'in', [...status])
    .orderBy('audit')
    .orderBy('seat')
    .execute()
  return rows.map(auditOf)
}

/** Marks the audits that nothing is left to do for: what is asked for after a restart does not grow with all that ever was. */
export const endAudits = async (q: Query, isOpen: (audit: Hex) => boolean): Promise<void> => {
  const under = await q
    .selectFrom('audits')
    .select('audit')
    .distinct()
    .where('status', 'in', UNDER_WAY)
    .execute()
  const over = under.map(({ audit }) => audit as Hex).filter((audit) => !isOpen(audit))
  for (const audit of over)
    await q
      .updateTable('audits')
      .set({ status: 'ended' satisfies AuditStatus })
      .where('audit', '=', audit)
      .where('status', 'in', UNDER_WAY)
      .execute()
}
const UNDER_WAY: AuditStatus[] = ['drawn', 'running', 'answered', 'committed', 'revealed']

const columns = ({ status, deadline, detail }: AuditChange): Partial<AuditsTable> => ({
  ...(status === undefined ? {} : { status }),
  ...(deadline === undefined ? {} : { deadline }),
  ...(detail === undefined ? {} : { detail_json: toJson(detail) }),
})

const auditOf = (row: AuditsTable): StoredAudit => ({
  audit: row.audit as Hex,
  seat: row.seat,
  job: row.job,
  slice: row.slice,
  attempt: row.attempt,
  status: row.status as AuditStatus,
  segments: fromJson(row.segments_json) as readonly number[],
  ...(row.deadline === null ? {} : { deadline: row.deadline }),
  ...(row.answer === null || row.salt === null
    ? {}
    : { sealed: { answer: row.answer as Hex, salt: row.salt as Hex } }),
  ...(row.detail_json === null ? {} : { detail: fromJson(row.detail_json) }),
})
