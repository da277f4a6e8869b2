import type { z } from 'zod'
import {
  accountParams,
  accountSchema,
  earningsQuery,
  earningsSchema,
  explanationSchema,
  healthSchema,
  jobParams,
  jobSchema,
  jobsQuery,
  jobsSchema,
  networkSchema,
  pauseBody,
  pausedSchema,
  statusSchema,
} from './views.ts'

/** One thing that can be asked. */
export type Endpoint = {
  readonly method: 'get' | 'post'
  /** With {names} of what stands in it. */
  readonly path: string
  readonly summary: string
  /** `public` to everybody, `read` to whoever may read, `change` with the token only. */
  readonly access: 'public' | 'read' | 'change'
  readonly params?: z.ZodObject
  readonly query?: z.ZodObject
  readonly body?: z.ZodObject
  readonly answer: z.ZodType
}

/** All that can be asked of a node, but for /metrics (Prometheus' text) and /openapi.json (made of this). */
export const ENDPOINTS = {
  live: {
    method: 'get',
    path: '/health/live',
    summary: 'Whether the process answers at all',
    access: 'public',
    answer: healthSchema.pick({ live: true }),
  },
  health: {
    method: 'get',
    path: '/health',
    summary: 'Whether the node is ready, and why not; 503 where it is not',
    access: 'public',
    answer: healthSchema,
  },
  network: {
    method: 'get',
    path: '/network',
    summary: 'What others need to join the network',
    access: 'public',
    answer: networkSchema,
  },
  status: {
    method: 'get',
    path: '/status',
    summary: 'What the node is and does at the moment',
    access: 'read',
    answer: statusSchema,
  },
  jobs: {
    method: 'get',
    path: '/jobs',
    summary: 'Jobs on the chain, the newest first',
    access: 'read',
    query: jobsQuery,
    answer: jobsSchema,
  },
  job: {
    method: 'get',
    path: '/jobs/{job}',
    summary: 'A job and its slices',
    access: 'read',
    params: jobParams,
    answer: jobSchema,
  },
  account: {
    method: 'get',
    path: '/accounts/{account}',
    summary: 'Money, stake, reputation and keys of an account',
    access: 'read',
    params: accountParams,
    answer: accountSchema,
  },
  earnings: {
    method: 'get',
    path: '/earnings',
    summary: "What an account (by default the node's) has made and lost, expects, and has at risk",
    access: 'read',
    query: earningsQuery,
    answer: earningsSchema,
  },
  explainJob: {
    method: 'get',
    path: '/explain/jobs/{job}',
    summary: 'The arithmetic and events behind every payment and slash of a job',
    access: 'read',
    params: jobParams,
    answer: explanationSchema,
  },
  explainAccount: {
    method: 'get',
    path: '/explain/accounts/{account}',
    summary: "The arithmetic and events behind an account's balance and reputation",
    access: 'read',
    params: accountParams,
    answer: explanationSchema,
  },
  pause: {
    method: 'post',
    path: '/pause',
    summary: 'Take on no new work; what has begun goes on',
    access: 'change',
    body: pauseBody,
    answer: pausedSchema,
  },
  resume: {
    method: 'post',
    path: '/resume',
    summary: 'Take on work again',
    access: 'change',
    answer: pausedSchema,
  },
} as const satisfies { readonly [name: string]: Endpoint }

export type Endpoints = typeof ENDPOINTS
export type EndpointName = keyof Endpoints
