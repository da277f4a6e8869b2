/** What peers say to each other about jobs: three topics, and for each a protocol for who has missed a message. */
export * from './announcement.ts'
export { type HistoryMessage, historiesTopic, historyMessage, historyProtocol } from './history-message.ts'
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
