import { bench } from '../learning.ts'
import type { Section } from './section.ts'

/** What training comes to, beside PyTorch's on the same data, in the same order, from the same weights. */
export const section: Section = ({ quick, tell }) => bench({ quick, tell })
