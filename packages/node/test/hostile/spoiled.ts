import type { ZodType } from 'zod'

/** A message that was spoiled in one place. */
export type Spoiled = { readonly what: string; readonly value: unknown }

type Path = readonly (string | number)[]

/** Values that no field takes all of. */
const WRONG: readonly unknown[] = [null, -1, 0.5, 2 ** 53, 'x', '', [], {}, true, '0x', 'é'.repeat(400)]

/** What a schema refuses of a message in which one field was removed, doubled or replaced: for each field one or two. */
export const spoil = (schema: ZodType, good: unknown): Spoiled[] => {
  const refused = (value: unknown): boolean => !schema.safeParse(value).success
  const spoiled: Spoiled[] = []
  for (const path of pathsIn(good)) {
    const name = path.join('.') || 'all of it'
    const wrong = WRONG.map((value) => ({ what: `${name} is ${JSON.stringify(value).slice(0, 20)}`, value }))
    const first = wrong.map(({ what, value }) => ({ what, value: put(good, path, value) }))
    spoiled.push(...first.filter(({ value }) => refused(value)).slice(0, 2))
  }
  const strange = { ...(good as object), strange: 1 }
  return refused(strange) ? [...spoiled, { what: 'a field more', value: strange }] : spoiled
}

/** The first element of each list stands for all. */
const pathsIn = (value: unknown, at: Path = []): Path[] => {
  if (typeof value !== 'object' || value === null) return [at]
  const inside = Array.isArray(value) ? value.slice(0, 1).entries() : Object.entries(value)
  return [at, ...[...inside].flatMap(([key, one]) => pathsIn(one, [...at, key]))]
}

const put = (value: unknown, [key, ...rest]: Path, wrong: unknown): unknown => {
  if (key === undefined) return wrong
  if (Array.isArray(value)) return value.map((one, i) => (i === key ? put(one, rest, wrong) : one))
  const fields = value as { readonly [field: string]: unknown }
  return { ...fields, [key]: put(fields[key], rest, wrong) }
}
