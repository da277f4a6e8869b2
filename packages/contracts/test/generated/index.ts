// Written by scripts/build.ts. Do not edit.

export * from './BellHarness.ts'
export * from './ScalarHarness.ts'
export * from './SwarmRewardsHarness.ts'
export * from './TreesHarness.ts'
