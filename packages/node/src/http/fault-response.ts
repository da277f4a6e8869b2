import type { Fault } from '@lockstep/tensor'
import { shown } from '../schema-fault.ts'

/** A fault on its way out: its status, and what the body says. */
export class RequestFault extends Error {
  override readonly name = 'RequestFault'
  readonly status: number
  readonly fault: Fault
  readonly headers: { readonly [name: string]: string }

  constructor(status: number, fault: Fault, headers: { readonly [name: string]: string } = {}) {
    super(fault.code)
    this.status = status
    this.fault = fault
    this.headers = headers
  }
}

export const faultBody = ({ code, field, value, limit, remedy }: Fault): string =>
  JSON.stringify({
    error: { code, field: shown(field), value: shown(value), limit: String(limit), remedy },
  })

export const faultResponse = ({ status, fault, headers }: RequestFault): Response =>
  new Response(faultBody(fault), { status, headers: { 'content-type': 'application/json', ...headers } })
