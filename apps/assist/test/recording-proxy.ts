import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

export type RecordingProxy = {
  readonly port: number
  /** Every byte that came to it, and every byte that it passed back, in the order of arrival. */
  readonly sent: () => Buffer
  readonly received: () => Buffer
  readonly close: () => Promise<void>
}

/** A wire on loopback that keeps all that goes over it. */
export const recordingProxy = async (to: () => number): Promise<RecordingProxy> => {
  const [sent, received]: Buffer[][] = [[], []]
  const open = new Set<Socket>()
  const server = createServer((from) => {
    const onward = connect(to(), '127.0.0.1')
    for (const socket of [from, onward]) {
      open.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => {
        open.delete(socket)
        from.destroy()
        onward.destroy()
      })
    }
    from.on('data', (bytes) => sent!.push(bytes as Buffer))
    onward.on('data', (bytes) => received!.push(bytes as Buffer))
    from.pipe(onward)
    onward.pipe(from)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    sent: () => Buffer.concat(sent!),
    received: () => Buffer.concat(received!),
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve))
      for (const socket of open) socket.destroy()
      await closed
    },
  }
}
