/** How many groups a participant writes in a round. All of it is part of a swarm's rules: receivers count by `budget`. */
export type Refill = {
  readonly groups: number // written at first, and at a time after that
  readonly budget: number // written in a round at most
  readonly wanted: number // groups that teach something, of which so many are enough
}

/**
 * Groups to write next, 0 when a participant is done: dynamic sampling (Yu et al., 2025, arXiv 2503.14476). Whose groups
 * teach too little, because all answers of a group score alike, writes more of them, up to the budget. `written` of its
 * round's tasks are answered, in their order; `useful` of those groups teach something.
 */
export const refill = ({ groups, budget, wanted }: Refill, written: number, useful: number): number =>
  written > 0 && useful >= wanted ? 0 : Math.max(0, Math.min(groups, budget - written))
