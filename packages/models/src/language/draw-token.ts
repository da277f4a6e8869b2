import { argmax, f32, fold, type Grid, index, log, map, randomWords, select, u32 } from '@lockstep/tensor'
import { checkInteger, checkNumber } from '../check.ts'
import { SALT } from '../salt.ts'

/** How the next token is chosen. */
export type Choice = {
  readonly temperature: number // 0 always takes the likeliest token; else 0.001 to 1000
  readonly top: number // only the likeliest `top` tokens may be drawn; 0 allows all
}

export const checkChoice = ({ temperature, top }: Choice, vocab: number): void => {
  const adjust = 'Choose a value within the limits.'
  if (temperature !== 0) checkNumber('sample.temperature', temperature, 0.001, 1000, adjust)
  checkInteger('sample.top', top, 0, vocab, adjust)
}

/**
 * A token for each row, (B) words: the argmax of logits / temperature + Gumbel noise. Logits are (B, V), step and seed
 * (1). The noise of row b and token v has the counter (b * V + v, step, 0, 0) under the key (seed, 2).
 */
export const drawToken = (
  logits: Grid<'f'>,
  { temperature, top }: Choice,
  step: Grid<'u'>,
  seed: Grid<'u'>,
): Grid<'u'> => {
  if (temperature === 0) return argmax(logits)
  const words = randomWords(logits.shape, { seed, step, salt: SALT.sample })
  const noisy = map(
    [logits, words],
    (logit, word) => {
      const uniform = word
        .shr(9)
        .toF32()
        .add(0.5)
        .mul(2 ** -23) // in (0, 1), exact
      return logit.mul(1 / temperature).sub(log(log(uniform).neg()))
    },
    { label: 'gumbel' },
  )
  const [batch, vocab] = logits.shape as [number, number]
  if (top === 0 || top >= vocab) return argmax(noisy)
  const ahead = fold({
    label: 'rank', // how many tokens come before this one: greater logits, and equal ones with smaller ids
    shape: [batch, vocab],
    box: [vocab],
    register: 'u',
    order: 'blocked',
    init: 0,
    reads: ([r, v], [other]) => [logits.at(r!, v!), logits.at(r!, other!)],
    step: (count, mine, other) =>
      count.add(select(mine.lt(other), u32(1), mine.eq(other).and(index(2).lt(index(1))))),
    combine: (a, b) => a.add(b),
  })
  return argmax(map([noisy, ahead], (x, rank) => select(rank.lt(top), x, f32(Number.NEGATIVE_INFINITY))))
}
