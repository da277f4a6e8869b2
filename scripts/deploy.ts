/**
 * Deploys a market: npm run deploy -- --rpc URL [options]
 *
 *   --rpc URL          a chain's JSON-RPC
 *   --rules NAME       local (times of seconds, a faucet) or public; as a rule local
 *   --chain-id N       the chain that is meant: another one is refused. Left out with the local rules: 31337
 *   --key-file FILE    a file with the deployer's private key; or LOCKSTEP_DEPLOYER_KEY holds it. On a local chain the
 *                      first of the keys that anvil is known for is taken where neither is given
 *   --treasury ADDRESS where fees go; left out, to the deployer
 *   --governor ADDRESS who may set the charges of jobs to come; left out, nobody
 *   --out FILE         where the deployment is written; left out, to standard output
 *
 * The private key is never an argument: other users of the machine see those.
 */
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import {
  ChainError,
  checkDeployment,
  connect,
  type Deployment,
  deployMarket,
  LOCAL_CHAIN,
  RULE_SETS,
  type RuleSet,
} from '@lockstep/contracts'
import { type Address, BaseError, type Hex, isAddress } from 'viem'
import { scriptArguments } from './arguments.ts'

const ANVILS_FIRST_KEY = '0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80'
const KEY_VARIABLE = 'LOCKSTEP_DEPLOYER_KEY'

const refuse = (message: string): never => {
  process.stderr.write(`${message}\n`)
  process.exit(2)
}

const { values } = scriptArguments({
  options: {
    rpc: { type: 'string' },
    rules: { type: 'string', default: 'local' },
    'chain-id': { type: 'string' },
    'key-file': { type: 'string' },
    treasury: { type: 'string' },
    governor: { type: 'string' },
    out: { type: 'string' },
  },
})

const url = values.rpc ?? refuse('--rpc is missing: the URL of a chain, such as http://127.0.0.1:8545.')
const ruleSet = Object.hasOwn(RULE_SETS, values.rules)
  ? (values.rules as RuleSet)
  : refuse(`--rules is ${values.rules}; allowed: ${Object.keys(RULE_SETS).join(', ')}.`)
const isLocal = ruleSet === 'local'
const idText = values['chain-id'] ?? (isLocal ? `${LOCAL_CHAIN.id}` : undefined)
if (idText === undefined) refuse('--chain-id is missing: say which chain is meant.')
const chainId = Number(idText)
if (!/^[1-9]\d{0,15}$/.test(idText!) || !Number.isSafeInteger(chainId)) {
  refuse(`--chain-id is ${idText}; allowed: an integer from 1 on.`)
}

const address = (option: 'treasury' | 'governor'): Address | undefined => {
  const text = values[option]
  if (text === undefined) return undefined
  return isAddress(text)
    ? text
    : refuse(`--${option} is ${text}; allowed: 0x and 40 hexadecimal digits with their checksum.`)
}

const readKey = (): Hex => {
  const file = values['key-file']
  let text = process.env[KEY_VARIABLE]
  if (file !== undefined) {
    try {
      if (process.platform !== 'win32' && (statSync(file).mode & 0o077) !== 0) {
        refuse(`${file} can be read by others: chmod 600 ${file}`)
      }
      text = readFileSync(file, 'utf8')
    } catch (error) {
      refuse(`--key-file cannot be read: ${(error as Error).message}`)
    }
  }
  if (text === undefined) {
    if (isLocal && chainId === LOCAL_CHAIN.id) return ANVILS_FIRST_KEY
    return refuse(`no private key: give --key-file, or set ${KEY_VARIABLE}.`)
  }
  const key = text.trim().replace(/^(0x)?/, '0x')
  // What is wrong is not shown: it may be most of a key.
  return /^0x[0-9a-fA-F]{64}$/.test(key)
    ? (key as Hex)
    : refuse(`the private key in ${file ?? KEY_VARIABLE} is not 64 hexadecimal digits.`)
}

const treasury = address('treasury')
const governor = address('governor')
const rules = {
  ...RULE_SETS[ruleSet],
  ...(treasury === undefined ? {} : { treasury }),
  ...(governor === undefined ? {} : { governor }),
}

const deploy = async (): Promise<Deployment> => {
  const connection = await connect({ url, chainId, account: { privateKey: readKey() } })
  process.stderr.write(`deploying on chain ${chainId} from ${connection.account.address}\n`)
  const deployment = await deployMarket(connection, rules)
  const checked = await checkDeployment(connection, deployment)
  if (!checked.ok) throw new Error(`${checked.fault.field} is ${checked.fault.value}`)
  return deployment
}

try {
  const text = `${JSON.stringify(await deploy(), null, 2)}\n`
  if (values.out === undefined) process.stdout.write(text)
  else writeFileSync(values.out, text)
} catch (error) {
  if (error instanceof ChainError) refuse(error.message)
  // A wallet library's messages go on for pages.
  if (error instanceof BaseError) refuse(error.shortMessage)
  throw error
}
