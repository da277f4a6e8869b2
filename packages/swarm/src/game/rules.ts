/** What participants do in a stage, in the only order that a round can have them. */
export const STAGES = ['propose', 'answer', 'critique', 'resolve'] as const
export type Stage = (typeof STAGES)[number]

/** A stage's number on the chain, which knows no proposals. */
export const CHAIN_STAGES = { answer: 0, critique: 1, resolve: 2 } as const
export type ChainStage = keyof typeof CHAIN_STAGES

/** How much each part of a round earns: integers of 0 to 255. */
export type Weights = {
  /** Of a first answer's score. */
  readonly answer: number
  /** Of a right judgement. */
  readonly critique: number
  /** Of a vote for an answer that won and is right. */
  readonly prediction: number
  /** Of a final answer's score. */
  readonly resolve: number
  /** Of a proposal; only where there is a stage for it. */
  readonly propose?: number
}

/** What all rounds of a swarm have in common. Times are in seconds of the chain. */
export type RoundRules = {
  readonly stages: readonly { readonly stage: Stage; readonly seconds: number }[]
  /** Then everyone opens what it has committed to, */
  readonly claimTime: number
  /** and what was claimed can be challenged. */
  readonly challengeTime: number
  readonly tasks: number
  readonly weights: Weights
  /** Of a round, in the token's units. */
  readonly reward: bigint
}

export const BEST = 100
export const MAX_TASKS = 16
export const MAX_SEATS = 128
export const MAX_STAGE_TIME = 30 * 86_400

/** The three-stage game: answer alone; judge what another has answered; vote, and answer again. */
export const threeStages = (seconds: number): RoundRules['stages'] => [
  { stage: 'answer', seconds },
  { stage: 'critique', seconds },
  { stage: 'resolve', seconds },
]

/** One answer each. */
export const oneStage = (seconds: number): RoundRules['stages'] => [{ stage: 'answer', seconds }]

/** Some propose tasks, the others solve them. */
export const proposerAndSolver = (seconds: number): RoundRules['stages'] => [
  { stage: 'propose', seconds },
  { stage: 'answer', seconds },
]

/** What is wrong with rules that came from outside: the field, its value, the limit; undefined where nothing is. */
export const faultOfRules = (
  rules: RoundRules,
): { readonly field: string; readonly value: number | string; readonly limit: string } | undefined => {
  const whole = (field: string, value: number, low: number, high: number) =>
    Number.isInteger(value) && value >= low && value <= high
      ? undefined
      : { field, value, limit: `an integer from ${low} to ${high}` }
  const order = rules.stages.map(({ stage }) => STAGES.indexOf(stage))
  if (order.some((place, i) => place < 0 || (i > 0 && place <= order[i - 1]!)))
    return { field: 'stages', value: order.join(), limit: `some of ${STAGES.join(', ')}, in this order` }
  const has = (stage: Stage): boolean => rules.stages.some((one) => one.stage === stage)
  if (!has('answer')) return { field: 'stages', value: order.join(), limit: 'a stage of answers' }
  const { answer, critique, prediction, resolve, propose = 0 } = rules.weights
  const least = (stage: Stage): number => (has(stage) ? 255 : 0)
  return (
    rules.stages
      .map(({ stage, seconds }) => whole(`stages.${stage}`, seconds, 1, MAX_STAGE_TIME))
      .find((fault) => fault !== undefined) ??
    whole('claimTime', rules.claimTime, 1, MAX_STAGE_TIME) ??
    whole('challengeTime', rules.challengeTime, 1, MAX_STAGE_TIME) ??
    whole('tasks', rules.tasks, 1, MAX_TASKS) ??
    whole('weights.answer', answer, 1, 255) ??
    whole('weights.critique', critique, 0, least('critique')) ??
    whole('weights.prediction', prediction, 0, least('resolve')) ??
    whole('weights.resolve', resolve, 0, least('resolve')) ??
    whole('weights.propose', propose, 0, least('propose')) ??
    (rules.reward >= 1n && rules.reward < 2n ** 96n
      ? undefined
      : { field: 'reward', value: `${rules.reward}`, limit: 'from 1 to 2^96 - 1 units' })
  )
}

/** When a stage of a round begins and ends; the end is no part of it. Undefined where the rules have no such stage. */
export const timesOf = (
  rules: RoundRules,
  begin: number,
  stage: Stage,
): { readonly from: number; readonly to: number } | undefined => {
  let from = begin
  for (const { stage: one, seconds } of rules.stages) {
    if (one === stage) return { from, to: from + seconds }
    from += seconds
  }
  return undefined
}

/** When the stages end, the claims, and the challenges. */
export const endsOf = (
  rules: RoundRules,
  begin: number,
): { readonly stages: number; readonly claims: number; readonly challenges: number } => {
  const stages = rules.stages.reduce((time, { seconds }) => time + seconds, begin)
  const claims = stages + rules.claimTime
  return { stages, claims, challenges: claims + rules.challengeTime }
}
