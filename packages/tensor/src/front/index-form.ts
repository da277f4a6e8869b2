import type { Affine } from '../node.ts'
import * as affine from './affine.ts'

/**
 * A coordinate while reads are being described: an affine form over an iteration space, whose extents it knows.
 * Views and folds hand these out: `view([m, n], (i, j) => x.at(j, i))`.
 */
export class Index {
  readonly form: Affine
  readonly space: readonly number[]
  constructor(form: Affine, space: readonly number[]) {
    this.form = form
    this.space = space
  }
  add(b: Index | number): Index {
    return new Index(affine.sum(this.form, formOf(b)), this.space)
  }
  sub(b: Index | number): Index {
    return new Index(affine.sum(this.form, affine.scale(formOf(b), -1)), this.space)
  }
  mul(by: number): Index {
    return new Index(affine.scale(this.form, by), this.space)
  }
}

export const formOf = (x: Index | number): Affine => (typeof x === 'number' ? affine.constant(x) : x.form)

/** The coordinates of an iteration space, in order. */
export const indicesOf = (space: readonly number[]): Index[] =>
  space.map((_, at) => new Index(affine.coordinate(at), space))
