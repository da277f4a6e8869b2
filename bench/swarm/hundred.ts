import { join } from 'node:path'
import { modelOf } from '@lockstep/client'
import { parameterCount, parametersOf } from '@lockstep/models'
import { characterCoding } from '@lockstep/swarm'
import { figure, limitRow, type Row } from '../row.ts'
import { hundredManifest, type Setting } from './hundred-manifest.ts'
import { PARTS, type PartName } from './hundred-parts.ts'
import { playTown, type TownReport } from './hundred-town.ts'
import { keep, kept } from './kept.ts'
import type { Section } from './section.ts'

/**
 * 25, 50 and 100 participants of one swarm on one machine, each with a key, a peer and a connection to a local chain of
 * its own: what a participant sends, hears and computes in a round, and how that grows with the number of participants, in
 * parts of about the same size, and with what it subscribes to, in a swarm of 50. Participants of a process share an executor
 * and a learner. The chain's time is moved on when nobody has anything to do. What was measured is kept: a swarm that is there
 * already is not played again.
 */
const ONE = { game: 'one stage' } as const
const SIZES: readonly Setting[] = [
  { count: 100, rounds: 20, parts: 8, ...ONE },
  { count: 50, rounds: 4, parts: 4, ...ONE },
  { count: 25, rounds: 4, parts: 2, ...ONE },
]
/** The same swarm in fewer parts: a participant subscribes to more of it. */
const SUBSCRIBED: readonly Setting[] = [1, 2, 4].map((parts) => ({ count: 50, rounds: 4, parts, ...ONE }))
const SMALL: readonly Setting[] = [{ count: 10, rounds: 3, parts: 1, game: 'three stages' }]

export const section: Section = async ({ quick, tell, folderOf }) => {
  const reportOf = async (setting: Setting): Promise<TownReport> => {
    const { count, rounds, parts, game } = setting
    const file = join(folderOf({ hundred: 2, setting, manifest: hundredManifest(setting) }), 'hundred.json')
    const before = quick ? undefined : kept<TownReport>(file)
    const report = before ?? (await playTown(setting, (line) => console.error(line)))
    if (before === undefined) keep(file, JSON.stringify(report))
    const place = `${count} participants in ${parts} part${parts === 1 ? '' : 's'}`
    tell(
      `${place}, ${rounds} rounds of ${game}`,
      `${report.wall.toFixed(0)} s in ${report.processes} processes${before ? ', kept from an earlier call' : ''}`,
    )
    for (const { kind, calls, gas } of report.gasByKind.slice(0, 3))
      tell(`${place}: ${kind}`, `${calls} calls, ${(gas / calls).toFixed(0)} gas each`)
    return report
  }
  const { model } = hundredManifest(SMALL[0]!)
  tell('model', `${parameterCount(parametersOf(modelOf(model, characterCoding.vocab)))} parameters`)
  const allOf = async (settings: readonly Setting[]): Promise<TownReport[]> => {
    const reports: TownReport[] = []
    for (const setting of settings) reports.push(await reportOf(setting))
    return reports
  }
  if (quick) return (await allOf(SMALL)).flatMap(rowsOf)
  const sizes = await allOf(SIZES)
  const subscribed = await allOf(SUBSCRIBED)
  return [
    ...sizes.flatMap(rowsOf),
    ...growthRows('participants', sizes, ({ count }) => count),
    ...growthRows('what it hears', subscribed, ({ heard }) => heard),
  ]
}

const NAMES: Readonly<Record<PartName, string>> = {
  chain: 'reading the chain and writing to it',
  gossip: 'gossip: frames, signatures, passing on',
  hearing: 'checking what was heard, recomputing scores',
  generation: 'generation',
  learning: 'learning',
  own: 'what is due, and its files',
  rest: 'not told apart: collecting garbage, streams, the system',
}

type Figure = readonly [what: string, unit: string, of: (report: TownReport) => number]

/** Of one participant in one round. */
const FIGURES: readonly Figure[] = [
  ['messages heard (what it subscribes to)', 'messages', ({ heard }) => heard],
  ['gossip received, copies included', 'messages', ({ traffic }) => traffic.messagesIn!],
  ['gossip sent, passing on included', 'messages', ({ traffic }) => traffic.messagesOut!],
  ['gossip received', 'bytes', ({ traffic }) => traffic.bytesIn!],
  ['gossip sent', 'bytes', ({ traffic }) => traffic.bytesOut!],
  ['processor time', 'ms', ({ cpu }) => cpu.all],
  ...PARTS.map((part): Figure => [`processor time: ${NAMES[part]}`, 'ms', ({ cpu }) => cpu[part]]),
  ["processor time of the chain's process", 'ms', ({ chainCpu }) => chainCpu],
  ['calls of the chain', 'calls', ({ chainCalls }) => chainCalls],
  ['turns', 'turns', ({ turns }) => turns],
  ['transactions', 'transactions', ({ transactions }) => transactions],
  ['gas', 'gas', ({ gas }) => gas],
]

const rowsOf = (report: TownReport): Row[] => {
  const { count, rounds, played, gaveUp, misconduct, memory } = report
  const of = (what: string): string => `${count} participants: ${what}`
  return [
    {
      ...figure(of('rounds that all have played in every stage'), played, 'rounds'),
      ...{ against: 'asked for', theirs: rounds, ratio: played / rounds, target: 1, met: played === rounds },
    },
    ...FIGURES.map(([what, unit, value]) => figure(of(what), value(report), unit)),
    figure(of('memory of each'), memory / 2 ** 20, 'MiB'),
    figure(of('times that something was waited for in vain'), gaveUp, 'times'),
    figure(of('what peers held against each other'), misconduct, 'times'),
  ]
}

/** Cost grows as the number of participants to this power, by least squares of the logarithms. */
const exponent = (x: readonly number[], y: readonly number[]): number => {
  const [a, b] = [x.map(Math.log), y.map(Math.log)]
  const mean = (values: readonly number[]): number => values.reduce((s, v) => s + v, 0) / values.length
  const [ma, mb] = [mean(a), mean(b)]
  const up = a.reduce((sum, v, i) => sum + (v - ma) * (b[i]! - mb), 0)
  return up / a.reduce((sum, v) => sum + (v - ma) ** 2, 0)
}

const growthRows = (
  against: string,
  reports: readonly TownReport[],
  x: (report: TownReport) => number,
): Row[] =>
  FIGURES.filter(([, unit]) => unit !== 'turns').map(([what, , value]) =>
    limitRow(
      `${what}: grows as ${against} to the power`,
      exponent(reports.map(x), reports.map(value)),
      ...(['', 'linear', 1] as const),
    ),
  )
