import { erf, type F } from '@lockstep/tensor'

/** The Gaussian error linear unit, exact: x / 2 * (1 + erf(x / sqrt 2)). */
export const gelu = (x: F): F => x.mul(0.5).mul(erf(x.mul(Math.SQRT1_2)).add(1))
