import { type Fault, fail, ok, type Result } from '@lockstep/tensor'
import type { z } from 'zod'

/** How the faults of one kind of input read: what the whole is called, its code, and what to do about any of them. */
export type About = { readonly code: string; readonly whole: string; readonly remedy: string }

/** A value of this schema, or what is wrong with the first field that is not. */
export const decode = <S extends z.ZodType>(schema: S, value: unknown, about: About): Result<z.output<S>> => {
  const result = schema.safeParse(value, { reportInput: true })
  return result.success ? ok(result.data) : fail(faultOf(result.error.issues[0]!, schema, about))
}

/** A schema's first complaint as field, value, limit and remedy. */
export const faultOf = (issue: z.core.$ZodIssue, schema: unknown, { code, whole, remedy }: About): Fault => {
  const field = issue.path.join('.') || whole
  const fault = (value: unknown, limit: string, at = field): Fault => ({
    code,
    field: shown(at),
    value: shown(value),
    limit,
    remedy,
  })
  switch (issue.code) {
    case 'unrecognized_keys':
      return fault('given', fieldsAt(schema, issue.path) || 'none', [...issue.path, issue.keys[0]].join('.'))
    case 'too_small':
      return fault(sizeOf(issue.input, issue.origin), `at least ${issue.minimum}${unit(issue.origin)}`)
    case 'too_big':
      return fault(sizeOf(issue.input, issue.origin), `at most ${issue.maximum}${unit(issue.origin)}`)
    case 'invalid_type':
      return fault(
        issue.input === undefined ? 'missing' : issue.input,
        EXPECTED[issue.expected] ?? issue.expected,
      )
    case 'invalid_value':
      return fault(issue.input === undefined ? 'missing' : issue.input, issue.values.join(', '))
    case 'invalid_format':
      // zod's own words for a pattern show the pattern; a schema that gives a message is shown in its words.
      return fault(issue.input, issue.message)
    default:
      return fault(issue.input === undefined ? 'missing' : issue.input, issue.message)
  }
}

/** Values come from strangers: what is shown of one is one short line without control characters. */
export const shown = (value: unknown): string => {
  const isPlain = typeof value === 'string' || typeof value === 'number' || typeof value === 'bigint'
  const text = isPlain ? String(value) : (JSON.stringify(value) ?? String(value))
  const line = text.slice(0, 200).replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, ' ')
  return line === '' ? 'empty' : line
}

const sizeOf = (input: unknown, origin: string): unknown => {
  if (origin === 'string' && typeof input === 'string' && input !== '') return `${input.length} characters`
  if (origin === 'array' && Array.isArray(input)) return `${input.length} entries`
  return input
}

const unit = (origin: string): string =>
  origin === 'string' ? ' characters' : origin === 'array' ? ' entries' : ''

const EXPECTED: { readonly [type: string]: string } = {
  int: 'an integer',
  number: 'a number',
  string: 'a text',
  boolean: 'true or false',
  object: 'a map of fields',
  array: 'a list',
}

const fieldsAt = (schema: unknown, path: readonly PropertyKey[]): string => {
  let at: unknown = schema
  for (const key of path) at = typeof key === 'number' ? elementOf(at) : shapeOf(at)[String(key)]
  return Object.keys(shapeOf(at)).join(', ')
}

type Inner = {
  readonly shape?: { readonly [key: string]: unknown }
  readonly def?: { readonly innerType?: unknown; readonly in?: unknown; readonly element?: unknown }
}

/** The schema under whatever default or transform wraps it. */
const unwrapped = (schema: unknown): Inner => {
  let at = schema as Inner | undefined
  while (at?.shape === undefined) {
    const inner = at?.def?.innerType ?? at?.def?.in
    if (inner === undefined) break
    at = inner as Inner
  }
  return at ?? {}
}

const shapeOf = (schema: unknown): { readonly [key: string]: unknown } => unwrapped(schema).shape ?? {}
const elementOf = (schema: unknown): unknown => unwrapped(schema).def?.element
