export * from './foundry-binary.ts'
export * from './local-chain.ts'
