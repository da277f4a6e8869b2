/** What peers say to each other about jobs: three topics, and for each a protocol for who has missed a message. */
export * from './announcement.ts'
export { type DripRequest, type DripResponse, faucetProtocol } from './faucet.ts'
export { type HistoryMessage, historiesTopic, historyMessage, historyProtocol } from './history-message.ts'
export { type ProgressMessage, progressMessage, progressTopic } from './progress.ts'
export {
  bidsProtocol,
  bidsTopic,
  fromBidText,
  MAX_BIDS,
  type SignedBid,
  type SignedBidText,
  signedBid,
  toBidText,
} from './signed-bid.ts'
