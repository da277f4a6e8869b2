/**
 * JSON that keeps bigints: 12n is {"#":"12"}. No name in Solidity or in our own records begins with #, and an object
 * that has such a key is refused, so that what is read back is what was written. Keys keep their order.
 */
export type Json =
  | string
  | number
  | boolean
  | bigint
  | null
  | readonly Json[]
  | { readonly [key: string]: Json | undefined }

export const toJson = (value: Json): string =>
  JSON.stringify(value, (_, held: unknown) => {
    if (typeof held === 'bigint') return { '#': held.toString() }
    if (typeof held === 'number' && !Number.isFinite(held))
      throw new RangeError(`${held} has no JSON: store a finite number or a string`)
    if (typeof held === 'object' && held !== null && '#' in held)
      throw new RangeError('an object with the key # cannot be stored: # marks a bigint')
    return held
  })

export const fromJson = (text: string): Json =>
  JSON.parse(text, (_, held: unknown) =>
    typeof held === 'object' && held !== null && '#' in held && typeof held['#'] === 'string'
      ? BigInt(held['#'])
      : held,
  ) as Json
