import type { SwarmMetricsMessage } from '@lockstep/client'

/** What a round came to for a participant, in one line. */
export const metricsLine = (
  metrics: Omit<SwarmMetricsMessage, 'kind' | 'swarm' | 'participant' | 'rewards'> & {
    readonly rewards: readonly SwarmMetricsMessage['rewards'][number][]
  },
): string => {
  const { round, rewards, useful, local, external, nats, agreement, tokensPerSecond, bytes } = metrics
  const reward = rewards.map(({ family, level, reward: mean }) => `${family}:${level} ${mean.toFixed(3)}`)
  return [
    `round ${round}: reward ${reward.join(', ') || 'of nothing'}`,
    `${useful} useful groups, learned from ${local} own and ${external} of others`,
    `${nats.toFixed(2)} nats, agreement ${agreement === null ? 'unknown' : agreement.toFixed(2)}`,
    `${Math.round(tokensPerSecond)} tokens/s, ${bytes} bytes sent`,
  ].join('; ')
}
