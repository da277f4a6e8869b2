import type { MarketTerms } from './schema.ts'

/**
 * Terms for a network on one's own machine, with the local rules of packages/contracts: a job settles minutes after its
 * work is done, one verifier is enough, and what a faucet gives pays for it. On a network of strangers these times would
 * leave honest parties too little to answer in, so they are no defaults.
 */
export const LOCAL_MARKET = {
  ...{ ceiling: '0.00015', auditPrice: '0.0001', auditRate: 2_500, auditors: 1 },
  times: {
    ...{ bidding: 3, inclusion: 2, receipt: 60, audit: 120, answer: 10, window: 200 },
    ...{ clock: 90, segment: 30, step: 15, move: 10, deadline: 3_600 },
  },
} satisfies Partial<MarketTerms>
