import { fail, type Result } from '@lockstep/tensor'
import type { z } from 'zod'
import { decode, shown } from '../schema-fault.ts'
import { ENDPOINTS, type Endpoint, type EndpointName, type Endpoints } from './endpoints.ts'
import { faultSchema } from './views.ts'

type Part<E, K extends string> = E extends { readonly [key in K]: infer S extends z.ZodType } ? S : never
/** What an endpoint is asked with: what stands in its path, its query and its body, in one object. */
export type Asked<E> = ([Part<E, 'params'>] extends [never] ? object : z.output<Part<E, 'params'>>) &
  ([Part<E, 'query'>] extends [never] ? object : Partial<z.output<Part<E, 'query'>>>) &
  ([Part<E, 'body'>] extends [never] ? object : z.input<Part<E, 'body'>>)
type Answer<E> = E extends { readonly answer: infer S extends z.ZodType } ? z.output<S> : never

/** A node's endpoints as functions. What goes wrong, here or there, is a fault. */
export type NodeClient = {
  readonly [name in EndpointName]: (
    ...asked: object extends Asked<Endpoints[name]> ? [Asked<Endpoints[name]>?] : [Asked<Endpoints[name]>]
  ) => Promise<Result<Answer<Endpoints[name]>>>
}

export type NodeClientOptions = {
  /** Such as http://127.0.0.1:4400. */
  readonly url: string
  /** For what changes something. */
  readonly token?: string | undefined
  /** Milliseconds. */
  readonly timeout?: number
}

const MOST_BYTES = 32 * 2 ** 20

export const createNodeClient = ({ url, token, timeout = 30_000 }: NodeClientOptions): NodeClient => {
  const ask = async (
    endpoint: Endpoint,
    asked: { readonly [name: string]: unknown },
  ): Promise<Result<unknown>> => {
    const target = targetOf(url, endpoint, asked)
    const body = endpoint.body === undefined ? undefined : JSON.stringify(pick(asked, endpoint.body))
    try {
      const response = await fetch(target, {
        method: endpoint.method.toUpperCase(),
        redirect: 'error',
        signal: AbortSignal.timeout(timeout),
        headers: {
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body }),
      })
      return decodeAnswer(endpoint, target, response.status, await boundedText(response))
    } catch (error) {
      const { cause, message } = error as Error
      const value = (cause as NodeJS.ErrnoException | undefined)?.code ?? message
      return unreachable(url, value)
    }
  }
  return Object.fromEntries(
    Object.entries<Endpoint>(ENDPOINTS).map(([name, endpoint]) => [
      name,
      (asked: { readonly [name: string]: unknown } = {}) => ask(endpoint, asked),
    ]),
  ) as unknown as NodeClient
}

const targetOf = (
  url: string,
  { path, query }: Endpoint,
  asked: { readonly [name: string]: unknown },
): URL => {
  const filled = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(asked[name])))
  const target = new URL(`${url.replace(/\/+$/, '')}${filled}`)
  for (const [name, value] of Object.entries(query ? pick(asked, query) : {}))
    if (value !== undefined) target.searchParams.set(name, String(value))
  return target
}

const pick = (asked: { readonly [name: string]: unknown }, { shape }: z.ZodObject): object =>
  Object.fromEntries(Object.entries(asked).filter(([name]) => name in shape))

const decodeAnswer = (
  { answer }: Endpoint,
  target: URL,
  status: number,
  text: string | undefined,
): Result<unknown> => {
  const about = {
    code: 'answer-malformed',
    whole: `the answer of ${target.origin}`,
    remedy: 'Check that a node of this version listens there.',
  }
  let value: unknown
  try {
    value = text === undefined ? undefined : JSON.parse(text)
  } catch {}
  const refused = faultSchema.safeParse(value)
  if (refused.success) return fail(refused.data.error)
  if (status !== 200 && status !== 503)
    return fail({ ...about, field: about.whole, value: `status ${status}`, limit: 'an answer or a fault' })
  return decode(answer, value, about)
}

const boundedText = async (response: Response): Promise<string | undefined> => {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of response.body ?? []) {
    length += chunk.length
    if (length > MOST_BYTES) return undefined
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

const unreachable = (url: string, value: string): Result<never> =>
  fail({
    code: 'node-unreachable',
    field: 'node',
    value: shown(value),
    limit: `an answer from ${url}`,
    remedy: 'Start the node, or give the URL that it prints.',
  })
