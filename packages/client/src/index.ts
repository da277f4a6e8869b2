export * from './client.ts'
export type { FetchedModel } from './fetch-results.ts'
export { readHistory } from './history/read-history.ts'
export {
  type Mailbox,
  type MailboxChecks,
  type MailboxKeep,
  type MailboxOptions,
  openMailbox,
} from './mailbox/mailbox.ts'
export { type MailboxChecksOptions, mailboxChecks } from './mailbox/mailbox-checks.ts'
export {
  decodeNetworkFile,
  encodeNetworkFile,
  MAX_NETWORK_FILE_BYTES,
  type NetworkFile,
} from './network-file.ts'
export * from './plan/index.ts'
export * from './swarm/index.ts'
export * from './wire/index.ts'
