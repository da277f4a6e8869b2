/** Who was offered to a soup, what the soup with it came to on the validation tasks, and whether it was taken in. */
export type Tasted = { readonly member: number; readonly points: number; readonly taken: boolean }

export type Soup = {
  readonly weights: readonly number[] // 1 for a member that is in, else 0
  readonly points: number // on the validation tasks
  readonly tasted: readonly Tasted[]
}

/**
 * A greedy soup (Wortsman et al., 2022, arXiv 2203.05482): the best member, then each other one, best first, that makes it
 * no worse. `alone` is what each member comes to by itself, undefined for one that cannot be merged; `points` is what a
 * merge with these weights comes to. Of equal members the first comes first. At least one can be merged.
 */
export const greedySoup = async (
  alone: readonly (number | undefined)[],
  points: (weights: readonly number[]) => Promise<number>,
): Promise<Soup> => {
  const order = [...alone.keys()]
    .filter((member) => alone[member] !== undefined)
    .sort((a, b) => alone[b]! - alone[a]! || a - b)
  const tasted: Tasted[] = []
  let weights: readonly number[] = alone.map(() => 0)
  let best = -1
  for (const member of order) {
    const more = weights.with(member, 1)
    const found = await points(more)
    const taken = found >= best
    tasted.push({ member, points: found, taken })
    if (taken) [weights, best] = [more, found]
  }
  return { weights, points: best, tasted }
}
