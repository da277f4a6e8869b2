import { ModelError } from './model-error.ts'

/** An integer within bounds, or an error naming the field. */
export const checkInteger = (
  field: string,
  value: number,
  least: number,
  most: number,
  remedy: string,
): void => {
  if (Number.isInteger(value) && value >= least && value <= most) return
  throw new ModelError('config-invalid', field, value, `an integer from ${least} to ${most}`, remedy)
}

/** A finite number in [least, most], or an error naming the field. NaN is never within bounds. */
export const checkNumber = (
  field: string,
  value: number,
  least: number,
  most: number,
  remedy: string,
): void => {
  if (value >= least && value <= most) return
  throw new ModelError('config-invalid', field, value, `a number from ${least} to ${most}`, remedy)
}

/** A truth value, or an error naming the field. */
export const checkFlag = (field: string, value: boolean): void => {
  if (typeof value === 'boolean') return
  throw new ModelError('config-invalid', field, value, 'true or false', 'Write one of the two.')
}

/** Exactly these keys: a stranger's configuration has no others, and a misspelt one is named. */
export const checkKeys = (field: string, value: object, keys: readonly string[]): void => {
  for (const key of Object.keys(value)) {
    if (keys.includes(key)) continue
    throw new ModelError(
      'config-invalid',
      `${field}.${key}`,
      'given',
      keys.join(', '),
      'Remove the unknown field.',
    )
  }
}
