/** Decimals of the token LOCK, and of the native coin. */
export const DECIMALS = 18

const FORM = /^(0|[1-9][0-9]{0,18})(?:\.([0-9]{1,18}))?$/

/** Units of a token from a decimal text such as `0.25`; undefined where it is none. */
export const parseAmount = (text: string): bigint | undefined => {
  const [, whole, part = ''] = FORM.exec(text) ?? []
  return whole === undefined ? undefined : BigInt(whole + part.padEnd(DECIMALS, '0'))
}

/** The shortest decimal text of an amount. */
export const formatAmount = (units: bigint): string => {
  const digits = (units < 0n ? -units : units).toString().padStart(DECIMALS + 1, '0')
  const part = digits.slice(-DECIMALS).replace(/0+$/, '')
  return `${units < 0n ? '-' : ''}${digits.slice(0, -DECIMALS)}${part === '' ? '' : `.${part}`}`
}
