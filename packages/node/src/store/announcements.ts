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

export const dropAnnouncement = async (q: Query, job: number): Promise<void> => {
  await q.deleteFrom('announcements').where('job', '=', job).execute()
}
