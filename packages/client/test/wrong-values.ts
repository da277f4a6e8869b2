import { type ZodType, z } from 'zod'

type JsonSchema = {
  readonly type?: string
  readonly properties?: { readonly [name: string]: JsonSchema }
  readonly items?: JsonSchema
  readonly minimum?: number
  readonly maximum?: number
}

/** A field of a schema, and values that it should refuse whatever else there is. */
export type Field = {
  readonly path: readonly string[]
  /** Refused for certain: they are beyond the bounds that the schema tells. */
  readonly beyond: readonly number[]
}

/** Every field of a schema that holds no others, out of the schema itself: a new one is there without anybody's help. */
export const fieldsOf = (schema: ZodType): Field[] =>
  walk(z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as JsonSchema, [])

const walk = (schema: JsonSchema, path: readonly string[]): Field[] => {
  if (schema.properties !== undefined)
    return Object.entries(schema.properties).flatMap(([name, of]) => walk(of, [...path, name]))
  if (schema.items !== undefined) return walk(schema.items, [...path, '0'])
  const { minimum, maximum } = schema
  const beyond = [
    ...(minimum !== undefined && minimum > Number.MIN_SAFE_INTEGER ? [minimum - 1] : []),
    ...(maximum !== undefined && maximum < Number.MAX_SAFE_INTEGER ? [maximum + 1] : []),
  ]
  return [{ path, beyond }]
}

/** Values of every kind: no field takes all of them. */
export const ODD: readonly unknown[] = [null, true, -1, 0.5, 1e300, 'x?!', '', [], {}, [[]], 'é'.repeat(3000)]

/** A document with another value at this place. */
export const put = (document: unknown, [key, ...rest]: readonly string[], value: unknown): unknown => {
  if (key === undefined) return value
  if (Array.isArray(document)) return [put(document[Number(key)], rest, value), ...document.slice(1)]
  const fields = (document ?? {}) as { readonly [name: string]: unknown }
  return { ...fields, [key]: put(fields[key] ?? (rest[0] === '0' ? [{}] : {}), rest, value) }
}
