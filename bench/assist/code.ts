import type { Section } from '../swarm/section.ts'
import { typingSection } from './sections.ts'

export { work } from './study.ts'
export const section: Section = typingSection('code')
