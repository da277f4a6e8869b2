import { parseAmount } from '@lockstep/market'
import { EXECUTOR_CHOICES, type ExecutorChoice, isExecutorChoice } from '@lockstep/node/executors/id'
import { badInput } from './cli-error.ts'

/** A parser of an option's integer, for commander: anything else is an error that says what is allowed. */
export const integer =
  (field: string, least: number, most: number) =>
  (text: string): number => {
    const value = Number(text)
    if (/^-?\d+$/.test(text) && value >= least && value <= most) return value
    throw badInput(
      'option-invalid',
      field,
      text,
      `an integer from ${least} to ${most}`,
      'Choose another value.',
    )
  }

/** One number by itself, or any within bounds. */
export const decimal =
  (field: string, alone: number, least: number, most: number) =>
  (text: string): number => {
    const value = Number(text)
    if (text.trim() !== '' && (value === alone || (value >= least && value <= most))) return value
    throw badInput(
      'option-invalid',
      field,
      text,
      `${alone}, or a number from ${least} to ${most}`,
      'Choose another value.',
    )
  }

/** Integers separated by commas. */
export const integers = (field: string, least: number, most: number) => {
  const one = integer(field, least, most)
  return (text: string): number[] => text.split(',').map((part) => one(part.trim()))
}

/** The root of a claim. */
export const root = (text: string): string => {
  if (/^0x[0-9a-fA-F]{64}$/.test(text)) return text.toLowerCase()
  throw badInput('option-invalid', '--root', text, '0x and 64 hexadecimal digits', 'Copy the whole root.')
}

/** What computes: an executor's name, or whatever is fastest. */
export const executorChoice =
  (field: string) =>
  (text: string): ExecutorChoice => {
    if (isExecutorChoice(text)) return text
    const remedy = '`lockstep devices` shows what this machine has.'
    throw badInput('option-invalid', field, text, EXECUTOR_CHOICES, remedy)
  }

/** Tokens as a person writes them, in the token's units. */
export const amount =
  (field: string) =>
  (text: string): bigint => {
    const units = parseAmount(text)
    if (units !== undefined) return units
    throw badInput(
      'option-invalid',
      field,
      text,
      'a decimal number of tokens such as 0.25, of at most 18 decimals',
      'Write the amount in LOCK.',
    )
  }

/** Words separated by commas, each once. */
export const words =
  <const T extends string>(field: string, allowed: readonly T[]) =>
  (text: string): T[] => {
    const given = text.split(',').map((word) => word.trim())
    const known = given.filter((word): word is T => (allowed as readonly string[]).includes(word))
    if (known.length === given.length && new Set(given).size === given.length) return known
    throw badInput(
      'option-invalid',
      field,
      text,
      `${allowed.join(', ')}, each at most once, with commas between`,
      'Correct the list.',
    )
  }

/** One of some words. */
export const oneOf =
  <const T extends string>(field: string, allowed: readonly T[]) =>
  (text: string): T => {
    const found = allowed.find((word) => word === text)
    if (found !== undefined) return found
    throw badInput('option-invalid', field, text, allowed.join(', '), 'Choose one of them.')
  }

/** A JSON object. */
export const jsonObject =
  (field: string) =>
  (text: string): { [name: string]: unknown } => {
    try {
      const value: unknown = JSON.parse(text)
      if (typeof value === 'object' && value !== null && !Array.isArray(value))
        return value as { [name: string]: unknown }
    } catch {}
    throw badInput(
      'option-invalid',
      field,
      text,
      'a JSON object',
      'Write it such as {"seed":1}, quoted for the shell.',
    )
  }
