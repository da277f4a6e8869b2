export * from './bid.ts'
export * from './post.ts'
export * from './tally.ts'
