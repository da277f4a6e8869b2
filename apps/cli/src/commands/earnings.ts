import { type Address, earningsOf, formatAmount } from '@lockstep/market'
import { accountsMeant, noAccount } from '../network/accounts.ts'
import { homeOf } from '../network/home.ts'
import { networkFor } from '../network/network-source.ts'
import { historyOfNetwork, openMarket } from '../network/reach.ts'
import type { Terminal } from '../terminal.ts'

export type EarningsOptions = { readonly home?: string; readonly network?: string }

/** What accounts have made and lost, stand to make, and have at risk. All of it follows from the chain's events. */
export const earningsCommand = async (
  account: string | undefined,
  options: EarningsOptions,
  terminal: Terminal,
): Promise<void> => {
  const home = homeOf(options.home)
  const listed = await accountsMeant(home, account)
  if (listed.length === 0) return noAccount(home, terminal)
  const network = await networkFor(home, options.network)
  const history = await historyOfNetwork(network, await openMarket(network))
  const results: object[] = []
  for (const { name, address } of listed) {
    const e = earningsOf(history, address.toLowerCase() as Address)
    const made = e.provided + e.audited + e.bounties
    const expected = e.expected.provided + e.expected.audited
    terminal.say(`${name}  ${address}`)
    terminal.say(
      `  made      ${lock(made)}: ${lock(e.provided)} for slices, ${lock(e.audited)} for audits, ${lock(e.bounties)} bounties`,
    )
    if (e.slashed > 0n) terminal.say(`  slashed   ${lock(e.slashed)}`)
    if (e.spent > 0n) terminal.say(`  spent     ${lock(e.spent)} on jobs of its own`)
    terminal.say(
      `  expected  ${lock(expected)}: ${lock(e.expected.provided)} for slices, ${lock(e.expected.audited)} for audits, if they settle`,
    )
    terminal.say(`  at risk   ${lock(e.atRisk)} of stake that is locked; held in all ${lock(e.held)}`)
    results.push({
      account: name,
      address,
      made: String(made),
      provided: String(e.provided),
      audited: String(e.audited),
      bounties: String(e.bounties),
      slashed: String(e.slashed),
      spent: String(e.spent),
      expected: String(expected),
      atRisk: String(e.atRisk),
      held: String(e.held),
    })
  }
  terminal.result({ accounts: results })
}

const lock = (units: bigint): string => `${formatAmount(units)} LOCK`
