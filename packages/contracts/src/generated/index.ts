// Written by scripts/build.ts. Do not edit.

export * from './Disputes.ts'
export * from './IAudits.ts'
export * from './IDelegations.ts'
export * from './IDraw.ts'
export * from './IMarket.ts'
export * from './IReputation.ts'
export * from './IVault.ts'
export * from './IVerifiers.ts'
export * from './Referee.ts'
export * from './Token.ts'
