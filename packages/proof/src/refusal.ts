import { FaultError } from '@lockstep/tensor'

/** Refuses a move: the game stays as it is. */
export const refuse = (
  code: string,
  field: string,
  value: string | number,
  limit: string | number,
): never => {
  throw new FaultError({
    code,
    field,
    value,
    limit,
    remedy:
      'The move is not accepted and changes nothing; read the dispute again and answer what it asks for.',
  })
}

/** Thrown by the referee when an item of the program itself proves to be invalid: nobody's lie. */
export class InvalidItem extends Error {
  override readonly name = 'InvalidItem'
}
