/**
 * Models that learn together. Everything here is pure: time, bytes, peers and executors are handed in, so a whole
 * swarm also runs inside one process, or in a browser.
 */
export { Builder, type FamilyOptions, LAYOUT, type Routine } from './machine/builder.ts'
export { type Code, codeOf, codeTensor } from './machine/code.ts'
export * from './machine/instruction.ts'
export { type Interpreter, interpreter, type Standing } from './machine/interpret.ts'
export * from './machine/request.ts'
export type { Answer, Text } from './machine/text.ts'
export { List, type Operand, Variable, Word } from './machine/word.ts'
export * from './tasks/family.ts'
