import type { Section } from './section.ts'
import { tokenRows } from './token-rows.ts'

/** Token generation of a Llama of about 100M parameters, sixteen texts at once. */
export const section: Section = (context) => tokenRows(context, 16)
