export { readHistory } from './history/read-history.ts'
export {
  type Mailbox,
  type MailboxChecks,
  type MailboxKeep,
  type MailboxOptions,
  openMailbox,
} from './mailbox/mailbox.ts'
export * from './plan/index.ts'
export * from './wire/index.ts'
