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
