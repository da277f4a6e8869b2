import type { Hex } from 'viem'
import type { Query } from './open-store.ts'

/** Keeps a secret under a name before it is committed to. The first one stays. */
export const writeSecret = async (q: Query, name: string, secret: Hex): Promise<void> => {
  await q
    .insertInto('secrets')
    .values({ name, secret })
    .onConflict((c) => c.column('name').doNothing())
    .execute()
}

export const readSecret = async (q: Query, name: string): Promise<Hex | undefined> =>
  (await q.selectFrom('secrets').select('secret').where('name', '=', name).executeTakeFirst())?.secret as
    | Hex
    | undefined

export const forgetSecret = async (q: Query, name: string): Promise<void> => {
  await q.deleteFrom('secrets').where('name', '=', name).execute()
}
