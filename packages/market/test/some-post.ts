import { ZERO, ZERO_HEX } from '@lockstep/proof'
import { GIVEN, type Post, type Slice } from '../src/index.ts'

export const someSlice = (change: Partial<Slice> = {}): Slice => ({
  program: 0,
  initialFrom: GIVEN,
  group: 0,
  inputsFrom: [],
  initialItem: `0x${'11'.repeat(32)}`,
  inputsRoot: `0x${'22'.repeat(32)}`,
  steps: 100,
  segmentLength: 10,
  work: 1_000n,
  time: 60,
  ...change,
})

/** A job of two replicas and what reads one of them; nothing about it is special. */
export const somePost = (change: Partial<Post> = {}): Post => ({
  programs: [
    {
      version: 1,
      nodes: 1,
      items: 2,
      states: 2,
      inputs: 1,
      outputs: 1,
      interfaceDigest: ZERO,
      itemsRoot: ZERO,
    },
  ],
  slices: [
    someSlice(),
    someSlice({ initialFrom: 0, initialItem: ZERO_HEX }),
    someSlice({ group: 1 }),
    someSlice({ group: 1 }),
  ],
  manifest: ZERO_HEX,
  ceiling: 100n,
  auditPrice: 10n,
  bond: 1n,
  auditRate: 1_000,
  auditors: 2,
  times: {
    bidding: 30,
    inclusion: 15,
    receipt: 300,
    audit: 900,
    answer: 300,
    window: 3_600,
    clock: 1_800,
    segmentTime: 600,
    stepTime: 300,
    moveTime: 120,
    deadline: 10_000,
  },
  allowed: [],
  banned: [],
  ...change,
})
