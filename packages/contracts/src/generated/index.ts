// Written by scripts/build.ts. Do not edit.

export * from './Disputes.ts'
export * from './Referee.ts'
