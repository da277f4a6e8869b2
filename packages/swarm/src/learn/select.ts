import type { Draws } from './draws.ts'
import { type Group, spread } from './group.ts'

/**
 * Which groups are learned from. `useful`: only groups whose scores differ, each drawn with a probability in proportion
 * to the variance of its scores; `uniform`: any group, each as likely as another; `even`: as `useful`, and each kind of
 * task as likely as another, so that whoever fills a pool with one kind takes no other's place.
 */
export type Choosing = 'useful' | 'uniform' | 'even'

/**
 * At most `count` of the groups, drawn one after the other without replacement, in the order in which they were drawn.
 * Fewer where there are fewer, or fewer that are useful.
 */
export const choose = <T extends { readonly group: Group }>(
  from: readonly T[],
  count: number,
  rule: Choosing,
  draws: Draws,
): T[] => {
  const left = from.map((one) => ({ one, weight: rule === 'uniform' ? 1 : spread(one.group) }))
  if (rule === 'even') divideByKind(left)
  const chosen: T[] = []
  let total = left.reduce((sum, { weight }) => sum + weight, 0)
  while (chosen.length < count && total > 0) {
    // 53 bits, so that a total above 2^32 is drawn from as evenly as a small one.
    const high = draws.below(2 ** 21)
    let place = Math.floor(((high * 2 ** 32 + draws.word()) / 2 ** 53) * total)
    const at = left.findIndex(({ weight }) => {
      if (place < weight) return true
      place -= weight
      return false
    })
    const [found] = left.splice(at, 1)
    chosen.push(found!.one)
    total -= found!.weight
  }
  return chosen
}

/** Gives each kind of task that has a weight the same one, 2^32, in whole parts of at least 1. */
const divideByKind = (left: readonly { readonly one: { readonly group: Group }; weight: number }[]): void => {
  const kindOf = ({ group: { task } }: { readonly group: Group }): string => `${task.family} ${task.level}`
  const sums = new Map<string, number>()
  for (const { one, weight } of left) sums.set(kindOf(one), (sums.get(kindOf(one)) ?? 0) + weight)
  for (const each of left)
    if (each.weight > 0)
      each.weight = Math.max(1, Math.floor((each.weight * 2 ** 32) / sums.get(kindOf(each.one))!))
}
