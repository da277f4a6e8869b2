// Written by scripts/build.ts. Do not edit.

export * from './FloatHarness.ts'
export * from './ScalarHarness.ts'
