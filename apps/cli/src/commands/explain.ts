import { explainAccount, explainJob, explainScore, formatAmount, type Line } from '@lockstep/market'
import { addressOf, namesIn } from '../network/accounts.ts'
import { homeOf } from '../network/home.ts'
import { networkFor } from '../network/network-source.ts'
import { historyOfNetwork, openMarket } from '../network/reach.ts'
import { integer } from '../options.ts'
import type { Terminal } from '../terminal.ts'
import { requireJob } from './status.ts'

export type ExplainOptions = { readonly home?: string; readonly network?: string }

/** The arithmetic behind every amount of a job or an account, and the event on the chain that each line rests on. */
export const explainCommand = async (
  subject: string,
  options: ExplainOptions,
  terminal: Terminal,
): Promise<void> => {
  const home = homeOf(options.home)
  const isJob = /^-?\d+$/.test(subject)
  const job = isJob ? integer('job', 1, Number.MAX_SAFE_INTEGER)(subject) : undefined
  const account = isJob ? undefined : await addressOf(home.accounts, subject)
  const network = await networkFor(home, options.network)
  const market = await openMarket(network)
  if (job !== undefined) await requireJob(market, job)
  const history = await historyOfNetwork(network, market)
  const lines =
    account === undefined
      ? explainJob(history, Number(subject))
      : [...explainAccount(history, account), ...explainScore(history, account)]
  const names = await namesIn(home)
  const named = (text: string): string => text.replaceAll(/\b0x[0-9a-f]{40}\b/g, names)
  if (lines.length === 0) terminal.say(`Nothing has happened to ${subject} on this network.`)
  for (const line of lines) show(line, named, terminal)
  terminal.result({
    ...(account === undefined ? { job: Number(subject) } : { account }),
    lines: lines.map(({ what, how, amount, differs, source }) => ({
      what,
      how: how ?? null,
      amount: amount === undefined ? null : String(amount),
      differs: differs === undefined ? null : String(differs),
      block: source.block,
      logIndex: source.logIndex,
      transaction: source.transactionHash,
      time: source.time,
    })),
  })
}

const show = (
  { what, how, differs, source }: Line,
  named: (text: string) => string,
  terminal: Terminal,
): void => {
  terminal.say(named(what))
  if (how !== undefined) terminal.say(`    ${named(how)}`)
  if (differs !== undefined) terminal.say(`    BUT this gives ${formatAmount(differs)} LOCK`)
  terminal.say(`    block ${source.block}, log ${source.logIndex}, transaction ${source.transactionHash}`)
}
