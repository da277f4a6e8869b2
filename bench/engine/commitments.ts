import { bench } from '../commitments.ts'
import type { Section } from './section.ts'

/** What rooting the state every ten steps costs a training run on both cores. */
export const section: Section = ({ quick, tell }) => bench({ quick, tell })
