import { createServer, isIP } from 'node:net'
import { networkInterfaces } from 'node:os'
import { badEnvironment, badInput } from '../cli-error.ts'

/** Where a network's first node answers if nobody says otherwise: its address is then only its host. */
export const USUAL_PORT = 4400

/** A port on which nobody listens, at this address: the wanted one, or for 0 any. */
export const freePort = (host: string, port: number, field: string): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(
        error.code === 'EADDRINUSE'
          ? badEnvironment(
              'port-in-use',
              field,
              port,
              'a free port',
              'Stop its owner, or choose another with --port; 0 finds free ones.',
            )
          : error.code === 'EADDRNOTAVAIL' || error.code === 'ENOTFOUND'
            ? badInput(
                'host-unknown',
                '--listen',
                host,
                'an address of this machine',
                'See `ip addr` for them.',
              )
            : Object.assign(error, { path: `port ${port}` }),
      ),
    )
    server.listen({ host, port, exclusive: true }, () => {
      const { port: found } = server.address() as { port: number }
      server.close(() => resolve(found))
    })
  })

/** So many ports in a row from `first`, or for 0 any free ones. */
export const freePorts = async (
  host: string,
  first: number,
  count: number,
  field: string,
): Promise<number[]> => {
  const ports: number[] = []
  for (let i = 0; i < count; i++) {
    let port = await freePort(host, first === 0 ? 0 : first + i, field)
    while (ports.includes(port)) port = await freePort(host, 0, field)
    ports.push(port)
  }
  return ports
}

export type Reach = {
  /** What others reach this machine by. */
  readonly host: string
  /** What is listened on. */
  readonly bind: string
}

const LOOPBACK = '127.0.0.1'
export const isLoopback = (host: string): boolean => /^(127\.\d+\.\d+\.\d+|::1|localhost)$/.test(host)

/**
 * What `--listen HOST` means: an address of this machine is listened on; behind a name, or an address that a router has,
 * everything is listened on; 0.0.0.0 is told to others as this machine's first address.
 */
export const reachOf = (listen: string | undefined): Reach => {
  if (listen === undefined || isLoopback(listen)) return { host: LOOPBACK, bind: LOOPBACK }
  const own = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? [])
  if (listen === '0.0.0.0') {
    const outward = own.find(({ family, internal }) => family === 'IPv4' && !internal)
    if (outward) return { host: outward.address, bind: listen }
    throw badEnvironment(
      'host-unknown',
      '--listen',
      listen,
      'a machine with an address beside loopback',
      'Connect the machine, or give the address by which others reach it.',
    )
  }
  if (!/^[0-9a-zA-Z.-]{1,253}$/.test(listen) || isIP(listen) === 6)
    throw badInput(
      'option-invalid',
      '--listen',
      listen,
      'an IPv4 address or a name',
      'Give what other machines reach this one by.',
    )
  return own.some(({ address }) => address === listen)
    ? { host: listen, bind: listen }
    : { host: listen, bind: '0.0.0.0' }
}

/** A multiaddr's beginning for an address or a name. */
export const multiaddrHost = (host: string): string => (isIP(host) === 4 ? `/ip4/${host}` : `/dns4/${host}`)
