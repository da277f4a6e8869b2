// Written by scripts/build.ts. Do not edit.

export * from './CommitRevealDraw.ts'
export * from './Delegations.ts'
export * from './Disputes.ts'
export * from './Faucet.ts'
export * from './IAudits.ts'
export * from './IDraw.ts'
export * from './IMarket.ts'
export * from './Referee.ts'
export * from './Reputation.ts'
export * from './Token.ts'
export * from './Vault.ts'
export * from './Verifiers.ts'
