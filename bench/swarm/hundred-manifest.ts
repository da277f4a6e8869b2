import { parseSwarmManifest, type SwarmManifest } from '@lockstep/client'

/** Seconds of chain time that no machine is too slow for: time passes when nobody has anything to do. */
const LONG = 100_000

/** What is played: everybody's answers heard by all, with critiques and votes; or in parts, with answers alone. */
export type Game = 'three stages' | 'one stage'
export type Setting = {
  readonly count: number
  readonly rounds: number
  readonly game: Game
  /** Of the swarm: a participant subscribes to one. */
  readonly parts: number
}

/** A swarm of tiny models. */
export const hundredManifest = ({ count, rounds, game }: Setting): SwarmManifest =>
  parseSwarmManifest(
    new TextEncoder().encode(
      JSON.stringify({
        name: 'a-hundred',
        families: [{ family: 'sorting', level: 1 }],
        model: { layers: 1, width: 16, heads: 2, context: 28 },
        lengths: { prompt: 20, answer: 8 },
        warmStart: { examples: 1024, batch: 16, steps: 300, warmup: 30, rate: 0.01 },
        learning: {
          ...{ groups: 2, groupSize: 4, local: 2, external: 2, batch: 8, reward: 'score', rate: 0.001 },
        },
        rounds: {
          ...{ count: rounds, tasks: 2, answer: LONG },
          ...(game === 'three stages' && { critique: LONG, resolve: LONG }),
          ...{ claim: LONG, challenge: LONG, stand: LONG, expiry: 30_000_000 },
        },
        weights:
          game === 'three stages' ? { answer: 2, critique: 1, prediction: 1, resolve: 2 } : { answer: 1 },
        participants: { minimum: count, most: count },
        ...{ stake: '100', reward: '60', deposit: '10' },
        proof: { window: 50_000, clock: 20_000, segment: 9_000, step: 9_000, move: 9_000 },
      }),
    ),
  )
