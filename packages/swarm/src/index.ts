/**
 * Models that learn together. Everything here is pure: time, bytes, peers and executors are handed in, so a whole
 * swarm also runs inside one process, or in a browser.
 */
export {}
