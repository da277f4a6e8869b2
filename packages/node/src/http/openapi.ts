import { z } from 'zod'
import { ENDPOINTS, type Endpoint } from './endpoints.ts'
import { faultSchema } from './views.ts'

type Json = { readonly [key: string]: unknown }

/** The description of the interface (OpenAPI 3.1), made of the schemas that the server answers with. */
export const openApi = (version: string): Json => ({
  openapi: '3.1.0',
  info: {
    title: 'Lockstep node',
    version,
    description:
      "What a node tells about itself and the market. Amounts are decimal strings in the token's smallest unit; times are seconds since 1970.",
    license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
  },
  servers: [{ url: '/' }],
  paths: {
    ...Object.fromEntries(
      Object.entries<Endpoint>(ENDPOINTS).map(([name, endpoint]) => [
        endpoint.path,
        { [endpoint.method]: operation(name, endpoint) },
      ]),
    ),
    '/metrics': {
      get: {
        operationId: 'metrics',
        summary: "The node's measurements, as Prometheus reads them",
        responses: {
          200: { description: 'as text', content: { 'text/plain': { schema: { type: 'string' } } } },
        },
      },
    },
    '/openapi.json': {
      get: {
        operationId: 'openapi',
        summary: 'This description',
        responses: {
          200: { description: 'it', content: { 'application/json': { schema: { type: 'object' } } } },
        },
      },
    },
  },
  components: {
    schemas: { Fault: schemaOf(faultSchema, 'output') },
    securitySchemes: { token: { type: 'http', scheme: 'bearer' } },
    responses: {
      Fault: { description: 'what is wrong', content: json({ $ref: '#/components/schemas/Fault' }) },
    },
  },
})

const operation = (name: string, { summary, access, params, query, body, answer }: Endpoint): Json => ({
  operationId: name,
  summary,
  ...(access === 'public' ? {} : { security: access === 'change' ? [{ token: [] }] : [{}, { token: [] }] }),
  parameters: [...parametersOf('path', params), ...parametersOf('query', query)],
  ...(body ? { requestBody: { required: false, content: json(schemaOf(body, 'input')) } } : {}),
  responses: {
    200: { description: summary, content: json(schemaOf(answer, 'input')) },
    ...(name === 'health'
      ? { 503: { description: 'not ready', content: json(schemaOf(answer, 'input')) } }
      : {}),
    default: { $ref: '#/components/responses/Fault' },
  },
})

const json = (schema: Json): Json => ({ 'application/json': { schema } })

const parametersOf = (where: 'path' | 'query', schema: z.ZodObject | undefined): Json[] => {
  if (schema === undefined) return []
  const { properties = {}, required = [] } = schemaOf(schema, 'input') as {
    properties?: Json
    required?: string[]
  }
  return Object.entries(properties).map(([name, of]) => ({
    name,
    in: where,
    required: where === 'path' || required.includes(name),
    schema: of,
  }))
}

/** As it is on the wire: what codecs and transforms take in. */
const schemaOf = (schema: z.ZodType, io: 'input' | 'output'): Json => {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { target: 'draft-2020-12', io })
  return rest
}
