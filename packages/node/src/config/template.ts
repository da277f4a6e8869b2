import { formatAmount } from '@lockstep/market'
import { configSchema, type NodeConfig } from './schema.ts'
import { formatSize } from './size.ts'

export const defaultConfig = (): NodeConfig => configSchema.parse({})

/** The config that a new node gets: YAML with a word about every field. */
export const configTemplate = (config: NodeConfig): string => {
  const { chain, keys, account, network, policy, http, log } = config
  const { price, caps, pause } = policy
  const line = (depth: number, field: string, value: unknown, comment: string): string =>
    `${`${'  '.repeat(depth)}${field}: ${plain(value)}`.padEnd(44)} # ${comment}`
  const optional = (depth: number, field: string, value: unknown, usual: unknown, comment: string): string =>
    value === undefined ? `# ${line(depth, field, usual, comment)}` : line(depth, field, value, comment)
  return `${[
    '# A node. Check it with `lockstep node check`, run it with `lockstep node run`.',
    line(0, 'name', config.name, 'in its logs and metrics'),
    line(0, 'roles', config.roles, 'provider, verifier, relay, in any mix'),
    line(0, 'directory', config.directory, 'what it keeps, seen from this file'),
    line(0, 'store', config.store, 'a file in it, or postgres://user:password@host/database'),
    'chain:',
    line(1, 'rpc', chain.rpc, 'where the chain answers'),
    line(1, 'deployment', chain.deployment, 'the file that the deployment wrote, or its content'),
    line(1, 'confirmations', chain.confirmations, 'blocks on top before a change counts'),
    'keys:',
    line(1, 'directory', keys.directory, 'keystores'),
    line(1, 'node', keys.node, "the node key's name in it"),
    optional(1, 'passphraseFile', keys.passphraseFile, 'passphrase', 'mode 0600; else LOCKSTEP_PASSPHRASE'),
    'account:',
    line(1, 'directory', account.directory, 'keystores of accounts'),
    optional(
      1,
      'name',
      account.name,
      'main',
      'the account that the node prepares at its start; its keystore',
    ),
    line(1, 'stake', formatAmount(account.stake), 'tokens that a provider has staked at least'),
    line(1, 'seat', formatAmount(account.seat), "tokens that a verifier's seat holds"),
    'network:',
    line(1, 'listen', network.listen, 'TCP, and WebSocket for browsers'),
    line(1, 'announce', network.announce, 'addresses to tell instead of those found out'),
    line(1, 'bootstrap', network.bootstrap, 'peers to begin with: /ip4/.../tcp/.../p2p/ID'),
    line(1, 'mdns', network.mdns, 'look for peers on the local network'),
    'policy:',
    '  price:',
    line(2, 'floor', formatAmount(price.floor), 'tokens for 10^6 scalar instructions: the least'),
    line(2, 'hourly', formatAmount(price.hourly), 'tokens that an hour of this machine must bring'),
    line(2, 'margin', price.margin, 'on top of these, as a part of them'),
    line(2, 'strategy', price.strategy, 'undercut the best bid down to the floor, or fixed: the floor'),
    line(2, 'open', price.open, 'what is asked first, as a part of the ceiling'),
    line(2, 'step', price.step, 'how far below the best bid, as a part of it'),
    '  caps:',
    line(2, 'runs', caps.runs, 'slices at a time'),
    optional(2, 'cores', caps.cores, 1, 'for all runs together; all but one if not given'),
    line(2, 'memory', formatSize(caps.memory), 'for all runs together'),
    line(2, 'disk', formatSize(caps.disk), 'for checkpoints and blobs'),
    line(2, 'hours', caps.hours, 'such as { from: "22:00", to: "07:00", days: [sat, sun] }; empty: always'),
    '  pause:',
    line(2, 'battery', pause.battery, 'no new work on battery'),
    line(
      2,
      'ownerInput',
      pause.ownerInput,
      'seconds without keyboard and mouse before work; 0: not looked at',
    ),
    line(2, 'ownerLoad', pause.ownerLoad, 'cores that others may use before it yields; 0: not looked at'),
    line(2, 'runs', pause.runs, 'also stop runs that have begun, at the risk of being late'),
    line(1, 'slack', policy.slack, 'how many times the expected time is promised'),
    optional(
      0,
      'executor',
      config.executor,
      'auto',
      'auto, wasm, native, cuda:0, webgpu:0; or { module: executor.js } of your own for runs',
    ),
    line(0, 'selfAudit', config.selfAudit, 'part of its own segments that it checks before it claims'),
    line(0, 'faucet', config.faucet, 'test networks: a relay gives, others ask'),
    'http:',
    line(1, 'host', http.host, 'loopback unless you know why'),
    line(1, 'port', http.port, '0 finds a free one'),
    line(1, 'names', http.names, 'what others call this host, where it is not loopback'),
    line(1, 'open', http.open, 'reading needs no token, also from other hosts'),
    line(1, 'tokenFile', http.tokenFile, 'made at the first start; whoever changes something sends it'),
    'log:',
    line(1, 'level', log.level, 'debug, info, warn, error'),
    line(1, 'format', log.format, 'of the terminal: line or json; the files are json'),
    line(1, 'size', formatSize(log.size), 'a file is turned over at this size'),
    line(1, 'files', log.files, 'so many old ones are kept'),
  ].join('\n')}\n`
}

/** A value as YAML on one line; texts that YAML could take for something else are quoted. */
const plain = (value: unknown): string => {
  if (Array.isArray(value)) return `[${value.map(plain).join(', ')}]`
  if (typeof value === 'object' && value !== null)
    return `{ ${Object.entries(value)
      .filter(([, inner]) => inner !== undefined)
      .map(([key, inner]) => `${key}: ${plain(inner)}`)
      .join(', ')} }`
  return typeof value === 'string' && !/^[a-z][a-z0-9._-]*$/.test(value)
    ? JSON.stringify(value)
    : String(value)
}
