import type { ReplayPlan } from './replay.ts'

/** How replays are made here: eight parts, a rest behind 1,000 characters, offers in pauses of more than 150 ms. */
export const PLAN: ReplayPlan = { parts: 8, session: 1000, wait: 150 }
