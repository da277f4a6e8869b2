import { fromJson, type Json, toJson } from './json.ts'
import type { Query } from './open-store.ts'

/** Announcements of jobs, so that who keeps them for others has them after a restart. */
export const saveAnnouncement = async (q: Query, job: number, body: Json): Promise<void> => {
  const values = { body_json: toJson(body) }
  await q
    .insertInto('announcements')
    .values({ job, ...values })
    .onConflict((c) => c.column('job').doUpdateSet(values))
    .execute()
}

export const readAnnouncements = async (q: Query): Promise<readonly Json[]> =>
  (await q.selectFrom('announcements').select('body_json').orderBy('job').execute()).map((row) =>
    fromJson(row.body_json),
  )

/** Where what a claim is about is to be had. */
export const saveHistory = async (
  q: Query,
  { claim, job }: { readonly claim: string; readonly job: number },
  body: Json,
): Promise<void> => {
  const values = { job, body_json: toJson(body) }
  await q
    .insertInto('histories')
    .values({ claim, ...values })
    .onConflict((c) => c.column('claim').doUpdateSet(values))
    .execute()
}

export const readHistories = async (q: Query): Promise<readonly Json[]> =>
  (await q.selectFrom('histories').select('body_json').orderBy('job').orderBy('claim').execute()).map((row) =>
    fromJson(row.body_json),
  )

/** Forgets an announcement and the histories of its job. */
export const dropAnnouncement = async (q: Query, job: number): Promise<void> => {
  await q.deleteFrom('announcements').where('job', '=', job).execute()
  await q.deleteFrom('histories').where('job', '=', job).execute()
}
