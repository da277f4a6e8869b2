/**
 * Assistants: small models inside applications that learn from use. An application describes itself as an `Environment`.
 */
export type { Environment } from './environment/environment.ts'
