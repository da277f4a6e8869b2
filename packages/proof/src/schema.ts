import { FaultError } from '@lockstep/tensor'
import { fromHex, type Hex } from './digest.ts'

/** Reads an untrusted value as a T; a fault names the field, what it held and what is allowed. */
export type Schema<T> = (value: unknown, field: string) => T

const wrong = (field: string, value: unknown, limit: string): never => {
  const shown =
    typeof value === 'string' ? value.slice(0, 80) : typeof value === 'number' ? value : typeof value
  throw new FaultError({
    code: 'proof-malformed',
    field,
    value: shown,
    limit,
    remedy: 'The file is damaged or was written by another version; ask for it again.',
  })
}

export const integer =
  (least: number, most: number): Schema<number> =>
  (value, field) =>
    typeof value === 'number' && Number.isSafeInteger(value) && value >= least && value <= most
      ? value
      : wrong(field, value, `${least} to ${most}`)

/** Hex of `bytes` bytes, or of at most `most`. */
export const hex =
  (bytes: number | { readonly most: number }): Schema<Hex> =>
  (value, field) => {
    const length = typeof value === 'string' ? fromHex(value)?.length : undefined
    const fits = length !== undefined && (typeof bytes === 'number' ? length === bytes : length <= bytes.most)
    if (!fits)
      return wrong(
        field,
        value,
        `hex of ${typeof bytes === 'number' ? bytes : `at most ${bytes.most}`} bytes`,
      )
    return value as Hex
  }

export const literal =
  <const T extends string | number>(...values: readonly T[]): Schema<T> =>
  (value, field) =>
    values.includes(value as T) ? (value as T) : wrong(field, value, values.join(' or '))

export const list =
  <T>(entry: Schema<T>, most: number): Schema<readonly T[]> =>
  (value, field) => {
    if (!Array.isArray(value) || value.length > most) return wrong(field, value, `a list of at most ${most}`)
    return value.map((one, i) => entry(one, `${field}[${i}]`))
  }

type Shape = { readonly [field: string]: Schema<unknown> }
type Of<S extends Shape> = { readonly [F in keyof S]: S[F] extends Schema<infer T> ? T : never }

/** An object with these fields and no others; fields of `optional` may be absent. */
export const object =
  <S extends Shape, O extends Shape = Record<never, never>>(
    shape: S,
    optional?: O,
  ): Schema<Of<S> & Partial<Of<O>>> =>
  (value, field) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      return wrong(field, value, 'an object')
    const given = value as Record<string, unknown>
    const result: Record<string, unknown> = {}
    for (const [name, schema] of Object.entries(shape)) result[name] = schema(given[name], `${field}.${name}`)
    for (const [name, schema] of Object.entries(optional ?? {})) {
      if (given[name] !== undefined) result[name] = schema(given[name], `${field}.${name}`)
    }
    for (const name of Object.keys(given)) {
      if (!(name in shape) && !(optional && name in optional))
        wrong(`${field}.${name}`, given[name], 'no such field')
    }
    return result as Of<S> & Partial<Of<O>>
  }
