import type { Settings } from '@lockstep/assist'
import type { ReplayPlan } from './replay.ts'

/** How replays are made here: eight parts, a rest behind 1,000 characters, offers in pauses of more than 150 ms. */
export const PLAN: ReplayPlan = { parts: 8, session: 1000, wait: 150 }

/**
 * Settings of every assistant in a study, chosen for the public n-gram, among six on other texts and then three on these
 * writers: with the default price of a look it saves half as much. Patience is the default, 10.
 */
export const SETTINGS: Partial<Settings> = { attention: 0.1, least: 0.1 }
