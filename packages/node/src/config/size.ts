import { z } from 'zod'

const UNITS: { readonly [unit: string]: number } = { KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 }
const FORM = /^(\d{1,12}(?:\.\d{1,6})?) ?(KiB|MiB|GiB|TiB)$/
const SIZE = 'bytes as an integer, or a size such as 512 MiB or 1.5 GiB'
const MOST = 2 ** 50

/** Bytes, from a number or from a text with a unit. */
export const sizeSchema: z.ZodType<number, number | string> = z
  .union([z.number(), z.string()], { error: () => SIZE })
  .refine((value) => bytesOf(value) !== undefined, { error: () => SIZE })
  .transform((value) => bytesOf(value)!)

const bytesOf = (value: number | string): number | undefined => {
  const [, digits, unit = ''] = typeof value === 'string' ? (FORM.exec(value) ?? []) : []
  const bytes = typeof value === 'number' ? value : Math.round(Number(digits) * UNITS[unit]!)
  return Number.isSafeInteger(bytes) && bytes >= 0 && bytes <= MOST ? bytes : undefined
}

/** The shortest text that means as many bytes, or the bytes themselves. */
export const formatSize = (bytes: number): string | number => {
  for (const [unit, factor] of Object.entries(UNITS).reverse()) {
    const text = `${bytes / factor} ${unit}`
    if (bytes >= factor && FORM.test(text)) return text
  }
  return bytes
}
