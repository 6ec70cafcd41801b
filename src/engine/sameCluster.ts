// Whether an address leads to the cluster that a run works on. Strict: two names are one server only where that is
// sure, since a connection that is led to the wrong server would write there.
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import type { Destination } from '../wire/ownSockets';
import { parseHost } from './address';
import type { Connection } from './connect';

const loopback = new Set(['localhost', '127.0.0.1', '::1', '::ffff:127.0.0.1']);

export class SameCluster {
  readonly #keys = new Set<string>();

  constructor(known: readonly Destination[]) {
    for (const each of known) this.#add(each);
  }

  /** Of the connection string (with mongodb+srv resolved) and of what the server says of its set. */
  static of({ client, server }: Connection): SameCluster {
    const seeds = client.options.hosts.map(({ host = '', port = 27017, socketPath }) =>
      socketPath === undefined ? { host, port } : { host: socketPath, port: 0 },
    );
    const named = [...(server.members ?? []), ...(server.primary === undefined ? [] : [server.primary])];
    const known = [...seeds, ...named.map(parseHost)];
    const cluster = new SameCluster(known);
    // Nobody waits for that: names of members may well be unknown here.
    for (const each of known) void cluster.resolve(each);
    return cluster;
  }

  /** All that is known: `host:port` in lower case, `localhost` for every loopback address; paths of sockets. */
  get names(): string[] {
    return [...this.#keys];
  }

  has(to: Destination): boolean {
    return keysOf(to).some((key) => this.#keys.has(key));
  }

  /** A script may name the number of a host that we know by its name. */
  async resolve({ host, port }: Destination): Promise<void> {
    if (port === 0 || isIP(host) !== 0 || loopback.has(host.toLowerCase())) return;
    const found = await lookup(host, { all: true }).catch(() => []);
    for (const { address } of found) this.#add({ host: address, port });
  }

  #add(known: Destination): void {
    for (const key of keysOf(known)) this.#keys.add(key);
  }
}

function keysOf({ host, port }: Destination): string[] {
  if (port === 0) {
    // The name that a mongod gives its socket by itself.
    const own = /[/\\]mongodb-(\d+)\.sock$/.exec(host)?.[1];
    return own === undefined ? [host] : [host, `localhost:${own}`];
  }
  const name = host
    .toLowerCase()
    .replace(/^\[|\]$/g, '')
    .replace(/\.$/, '');
  return [`${loopback.has(name) ? 'localhost' : name}:${port}`];
}
