import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'

/** What a node measures. Counters only rise; what is at the moment comes from `observe`, asked when somebody reads. */
export type NodeMetrics = {
  readonly registry: Registry
  readonly bids: Counter<'outcome'>
  readonly slices: Counter<'outcome'>
  readonly audits: Counter<'outcome'>
  readonly disputes: Counter<'side' | 'outcome'>
  readonly transactions: Counter<'outcome'>
  /** Units of 10^6 scalar instructions. */
  readonly work: Counter<'purpose'>
  /** Segments that a self-audit found wrong and put right. */
  readonly repairs: Counter
  readonly requests: Histogram<'endpoint' | 'status'>
  /** A value that is asked for when metrics are read; undefined leaves it out. */
  observe(name: `lockstep_${string}`, help: string, value: () => number | undefined): void
}

export const createMetrics = (node: string): NodeMetrics => {
  const registry = new Registry()
  registry.setDefaultLabels({ node })
  collectDefaultMetrics({ register: registry })
  const registers = [registry]
  const counter = <const L extends string>(name: string, help: string, ...labelNames: L[]): Counter<L> =>
    new Counter({ name: `lockstep_${name}`, help, labelNames, registers })
  return {
    registry,
    bids: counter('bids_total', 'Bids, by what became of them', 'outcome'),
    slices: counter('slices_total', 'Slices taken on, by how they ended', 'outcome'),
    audits: counter('audits_total', 'Seats in audits, by how they ended', 'outcome'),
    disputes: counter('disputes_total', 'Disputes played, by side and outcome', 'side', 'outcome'),
    transactions: counter('transactions_total', 'Transactions sent, by outcome', 'outcome'),
    work: counter('work_units_total', 'Units of 10^6 scalar instructions executed, by purpose', 'purpose'),
    repairs: counter('repairs_total', 'Segments that a self-audit found wrong and put right'),
    requests: new Histogram({
      name: 'lockstep_http_request_seconds',
      help: 'HTTP requests, by endpoint and status',
      labelNames: ['endpoint', 'status'],
      buckets: [0.001, 0.005, 0.025, 0.1, 0.5, 2.5],
      registers,
    }),
    observe: (name, help, value) => {
      new Gauge({
        name,
        help,
        registers,
        collect() {
          const now = value()
          if (now === undefined) this.remove()
          else this.set(now)
        },
      })
    },
  }
}
