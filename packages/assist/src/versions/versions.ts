import { toHex } from '@lockstep/proof'
import { sha256 } from '@lockstep/tensor'
import { z } from 'zod'
import { AssistError } from '../assist-error.ts'
import type { AssistStorage } from '../episode/storage.ts'
import { checked, jsonIn } from '../schema-fault.ts'
import type { Receipt } from './receipt.ts'
import { stateDigest } from './state-digest.ts'

/** One state of a person's model. */
export type Version = {
  readonly id: string
  /** The version that it was trained from; undefined for a base. */
  readonly parent?: string
  /** What the application came with, what was trained here, or what came from others. */
  readonly origin: 'base' | 'own' | 'shared'
  /** Milliseconds since 1970. */
  readonly at: number
  /** SHA-256 of its state's bytes, 64 hex digits. */
  readonly digest: string
  readonly receipt?: Receipt
  /** Of a shared version, where its lineage is told. */
  readonly lineage?: string
  /** Mean bits a symbol on what the person did last, before it and with it. */
  readonly heldOut?: { readonly before: number; readonly after: number }
  /** Ids of all episodes that it or one it came from was trained on here. */
  readonly learnedFrom: readonly string[]
}

export type NewVersion = {
  readonly state: Uint8Array
  readonly origin: 'own' | 'shared'
  readonly at: number
  readonly receipt?: Receipt
  readonly lineage?: string
  readonly heldOut: { readonly before: number; readonly after: number }
}

export type Versions = {
  /** Newest first; the base is the last. */
  list(): readonly Version[]
  current(): Version
  /** The bytes of a version's state, checked. */
  state(id: string): Promise<Uint8Array>
  /** Adds a version that comes from the current one and makes it the current one. It must be better, or it is refused. */
  add(version: NewVersion): Promise<Version>
  /** Makes an older, or a newer, version the current one again, and gives its state's bytes. */
  rollback(id: string): Promise<Uint8Array>
  /** Removes all versions that learned from an episode. Gives the state of the one that is current now if that has changed. */
  unlearn(episode: string): Promise<Uint8Array | undefined>
}

const hex = z.string().regex(/^0x[0-9a-f]{64}$/)
const digest = z.string().regex(/^[0-9a-f]{64}$/)
const id = z.string().regex(/^[a-z0-9-]{1,64}$/)
const bits = z.number()
const schema = z.strictObject({
  version: z.literal(1),
  current: id,
  versions: z
    .array(
      z.strictObject({
        id,
        parent: id.optional(),
        origin: z.enum(['base', 'own', 'shared']),
        at: z.number(),
        digest,
        receipt: z
          .strictObject({
            program: hex,
            steps: z.int().min(0),
            inputs: z.array(hex).max(64),
            before: hex,
            after: hex,
            episodes: z.array(digest).max(10_000),
          })
          .optional(),
        lineage: z.string().max(10_000).optional(),
        heldOut: z.strictObject({ before: bits, after: bits }).optional(),
        learnedFrom: z.array(digest).max(100_000),
      }),
    )
    .max(102),
})

const ABOUT = {
  code: 'version-malformed',
  whole: 'versions',
  remedy: 'Delete the keys under versions/: the base is taken then.',
} as const
const INDEX = 'versions/index'
const keyOf = (id: string): string => `versions/${id}.state`
const serialOf = (text: string): string => toHex(sha256(new TextEncoder().encode(text))).slice(2, 18)

/**
 * The versions in a storage. `base` is the state that the application comes with: where it is another one than before,
 * versions that came of the old one stay, and the current one of those stays current.
 * @param kept How many are kept beside the base and the current one; older ones go
 */
export const openVersions = async (
  storage: AssistStorage,
  base: Uint8Array,
  { at, kept }: { readonly at: number; readonly kept: () => number },
): Promise<Versions> => {
  const baseDigest = await stateDigest(base)
  const baseId = `base-${baseDigest.slice(0, 16)}`
  const stored = await storage.get(INDEX)
  let versions: Version[] = []
  let current = baseId
  if (stored) {
    const json = jsonIn(stored, 2 ** 26, ABOUT)
    const index = json.ok ? checked(schema, json.value, ABOUT) : json
    if (!index.ok) {
      const { field, value, limit, remedy } = index.fault
      throw new AssistError('version-malformed', field, value, String(limit), remedy)
    }
    versions = index.value.versions as Version[]
    current = index.value.current
  }
  if (!versions.some((one) => one.id === baseId)) {
    // Whoever had only the old base has the new one now; whoever went on from it stays, and may take the new one.
    if (versions.find((one) => one.id === current)?.origin === 'base') current = baseId
    for (const old of versions) if (old.origin === 'base') await storage.delete(keyOf(old.id))
    versions = versions.filter((one) => one.origin !== 'base')
    versions.push({ id: baseId, origin: 'base', at, digest: baseDigest, learnedFrom: [] })
    await storage.put(keyOf(baseId), base)
  }
  const find = (id: string): Version => {
    const found = versions.find((one) => one.id === id)
    if (found) return found
    const known = versions.map((one) => one.id).join(', ')
    throw new AssistError('version-malformed', 'version', id, known, 'Choose one that is kept.')
  }
  find(current)

  const save = async (): Promise<void> => {
    const text = JSON.stringify({ version: 1, current, versions })
    await storage.put(INDEX, new TextEncoder().encode(text))
  }
  await save()

  const state = async (id: string): Promise<Uint8Array> => {
    const { digest } = find(id)
    const bytes = await storage.get(keyOf(id))
    const found = bytes ? await stateDigest(bytes) : 'missing'
    if (bytes && found === digest) return bytes
    const remedy = 'The state is damaged: go to another version.'
    throw new AssistError('version-malformed', `state of ${id}`, found, digest, remedy)
  }
  /** The index is written before a state goes: what it names is there. */
  const remove = async (gone: readonly Version[]): Promise<void> => {
    versions = versions.filter((one) => !gone.includes(one))
    await save()
    for (const { id } of gone) await storage.delete(keyOf(id))
  }

  return {
    list: () =>
      versions.toReversed().sort((a, b) => Number(a.origin === 'base') - Number(b.origin === 'base')),
    current: () => find(current),
    state,
    add: async ({ state, origin, at, receipt, lineage, heldOut }) => {
      if (!(heldOut.after < heldOut.before))
        throw new AssistError(
          'version-malformed',
          'heldOut.after',
          heldOut.after,
          `less than ${heldOut.before}, as it was before`,
          'Keep the current version.',
        )
      const digest = await stateDigest(state)
      const parent = find(current)
      const learnedFrom = [...new Set([...parent.learnedFrom, ...(receipt?.episodes ?? [])])]
      const serial = serialOf(`${parent.id} ${digest} ${at}`)
      const version: Version = {
        ...{ id: `${origin}-${serial}`, parent: parent.id, origin, at, digest, heldOut },
        // What others trained has nothing of this person's own in it that was not already given away.
        learnedFrom: origin === 'shared' ? [] : learnedFrom,
        ...(receipt && { receipt }),
        ...(lineage !== undefined && { lineage }),
      }
      await storage.put(keyOf(version.id), state)
      versions = [...versions.filter((one) => one.id !== version.id), version]
      current = version.id
      await save()
      const old = versions.filter((one) => one.origin !== 'base' && one.id !== current)
      await remove(old.slice(0, Math.max(0, old.length + 1 - kept())))
      return version
    },
    rollback: async (id) => {
      const bytes = await state(id)
      current = id
      await save()
      return bytes
    },
    unlearn: async (episode) => {
      const gone = versions.filter((one) => one.learnedFrom.includes(episode))
      const before = current
      const parentOf = ({ parent }: Version): Version | undefined => versions.find((one) => one.id === parent)
      for (let at: Version | undefined = find(current); at && gone.includes(at); ) {
        at = parentOf(at)
        current = at?.id ?? baseId
      }
      const bytes = current === before ? undefined : await state(current)
      await remove(gone)
      return bytes
    },
  }
}
