import { fromHex, type Hex } from '@lockstep/proof'
import { FaultError } from '@lockstep/tensor'

/** Reads a stranger's value as a T; a FaultError names the field, what it held and what is allowed. */
export type Field<T> = (value: unknown, at: string) => T

export const wrongField = (at: string, value: unknown, limit: string): never => {
  const isPlain = typeof value === 'number' || typeof value === 'string'
  throw new FaultError({
    ...{ code: 'lineage-malformed', field: at, limit },
    value: isPlain ? String(value).slice(0, 80) : value === null ? 'null' : typeof value,
    remedy: 'The file is damaged or was written by another version: get it again.',
  })
}

export const whole =
  (least: number, most: number): Field<number> =>
  (value, at) =>
    Number.isInteger(value) && (value as number) >= least && (value as number) <= most
      ? (value as number)
      : wrongField(at, value, `an integer from ${least} to ${most}`)

export const decimal =
  (least: number, most: number): Field<number> =>
  (value, at) =>
    typeof value === 'number' && value >= least && value <= most && !Object.is(value, -0)
      ? value
      : wrongField(at, value, `a number from ${least} to ${most}`)

/** Printable ASCII. */
export const label =
  (most: number): Field<string> =>
  (value, at) =>
    typeof value === 'string' && value.length >= 1 && value.length <= most && /^[ -~]*$/.test(value)
      ? value
      : wrongField(at, value, `1 to ${most} printable characters`)

/** Lower-case hex of so many bytes. */
export const hexOf =
  (bytes: number): Field<Hex> =>
  (value, at) =>
    typeof value === 'string' && value === value.toLowerCase() && fromHex(value)?.length === bytes
      ? (value as Hex)
      : wrongField(at, value, `0x and ${2 * bytes} lower-case hexadecimal digits`)

export const oneOf =
  <const T extends string | null>(...allowed: readonly T[]): Field<T> =>
  (value, at) =>
    allowed.includes(value as T) ? (value as T) : wrongField(at, value, allowed.join(' or '))

export const listOf =
  <T>(entry: Field<T>, least: number, most: number): Field<readonly T[]> =>
  (value, at) =>
    Array.isArray(value) && value.length >= least && value.length <= most
      ? value.map((one, i) => entry(one, `${at}[${i}]`))
      : wrongField(at, value, `a list of ${least} to ${most}`)

export const orNull =
  <T>(entry: Field<T>): Field<T | null> =>
  (value, at) =>
    value === null ? null : entry(value, at)

type Shape = { readonly [name: string]: Field<unknown> }
type Of<S extends Shape> = { readonly [F in keyof S]: S[F] extends Field<infer T> ? T : never }

/** An object with these fields and no others. */
export const record =
  <S extends Shape>(shape: S): Field<Of<S>> =>
  (value, at) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      return wrongField(at, value, 'an object')
    for (const name of Object.keys(value))
      if (!Object.hasOwn(shape, name)) wrongField(`${at}.${name.slice(0, 40)}`, 'given', 'no such field')
    const given = value as Record<string, unknown>
    return Object.fromEntries(
      Object.entries(shape).map(([name, field]) => [name, field(given[name], `${at}.${name}`)]),
    ) as Of<S>
  }

/** An object whose field `kind` says which of some shapes it has. */
export const byKind =
  <const S extends { readonly [kind: string]: Shape }>(
    shapes: S,
  ): Field<{ [K in keyof S]: { readonly kind: K } & Of<S[K]> }[keyof S]> =>
  (value, at) => {
    const kind = (value as { readonly kind?: unknown } | null | undefined)?.kind
    if (typeof kind !== 'string' || !Object.hasOwn(shapes, kind))
      return wrongField(`${at}.kind`, kind, Object.keys(shapes).join(' or '))
    return record({ kind: oneOf(kind), ...shapes[kind] })(value, at) as never
  }
