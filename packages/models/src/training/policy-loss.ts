import { exp, type F, f32, type Grid, map, select, sum, sumWords, u32 } from '@lockstep/tensor'
import { checkKeys, checkNumber } from '../check.ts'

/** How far a policy may move on one batch of what it, or others, wrote. */
export type PolicyConfig = {
  readonly low?: number | undefined // a ratio under 1 - low earns nothing more; 0.2 if absent
  readonly high?: number | undefined // a ratio above 1 + high earns nothing more; 0.28 if absent
  readonly kl?: number | undefined // times the divergence from a reference policy; 0 has none, and needs no reference
}

const ADJUST = 'Choose a value within the limits.'

export const checkPolicyConfig = (config: PolicyConfig): void => {
  checkKeys('policy', config, ['low', 'high', 'kl'])
  checkNumber('policy.low', config.low ?? 0.2, 0, 1, ADJUST)
  checkNumber('policy.high', config.high ?? 0.28, 0, 1000, ADJUST)
  checkNumber('policy.kl', config.kl ?? 0, 0, 1000, ADJUST)
}

/** Logarithms of probabilities of the tokens of some rows, and what is known of the rows. */
export type Written = {
  readonly logs: Grid<'f'> // (B, T): by the policy that learns
  readonly old: Grid<'f'> // (B, T): by the policy as it was before it learned from this batch
  readonly reference?: Grid<'f'> | undefined // (B, T): by the policy that `kl` holds on to
  readonly advantage: Grid<'f'> // (B, 1): how much better than its group a row was
  readonly counts: Grid<'u'> // (B, T): 1 where a token is one of the completion, else 0
}

/** ln of the largest ratio that is told apart from larger ones: what overflows would never come back. */
const MOST = 20

/**
 * The loss of group-relative policy optimisation (Shao et al., 2024, arXiv 2402.03300) with the two bounds and the mean
 * over all tokens of DAPO (Yu et al., 2025, arXiv 2503.14476): the mean over the completions' tokens of
 *
 *     -min(r A, clip(r, 1 - low, 1 + high) A),     r = exp(logs - old)
 *
 * plus kl times exp(d) - d - 1 with d = reference - logs, an estimate of the divergence that is never negative. What
 * `logs` and `old` are where nothing is counted does not matter. A scalar, (); 0 where no token counts.
 */
export const policyLoss = (
  { logs, old, reference, advantage, counts }: Written,
  { low = 0.2, high = 0.28, kl = 0 }: PolicyConfig,
): Grid<'f'> => {
  const gains = map(
    [logs, old, advantage, counts],
    (l, o, a, counted) => {
      const ratio = exp(select(counted, l.sub(o), f32(0)).min(MOST))
      const kept = ratio.max(1 - low).min(1 + high)
      const worse: F = ratio.mul(a).min(kept.mul(a))
      return select(counted, worse.neg(), f32(0))
    },
    { label: 'policy' },
  )
  const count = sumWords(counts)
  const over = (total: Grid<'f'>, n: Grid<'u'>): Grid<'f'> =>
    map([total, n], (x, k) => x.div(select(k.eq(0), u32(1), k).toF32()), { label: 'mean of tokens' })
  if (kl === 0 || reference === undefined) return over(sum(gains), count)
  const apart = map(
    [logs, reference, counts],
    (l, r, counted) => {
      const d = select(counted, r.sub(l), f32(0)).min(MOST)
      return exp(d).sub(d).sub(1).mul(kl)
    },
    { label: 'divergence' },
  )
  return over(
    map([sum(gains), sum(apart)], (a, b) => a.add(b), { label: 'with divergence' }),
    count,
  )
}
