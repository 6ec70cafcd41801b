// Whether an address leads to the cluster that a run works on. Strict: two names are one server only where that is
// sure, since a connection that is led to the wrong server would write there.
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import type { Destination } from '../wire/ownSockets';
import { parseHost } from './address';
import type { Connection } from './connect';

const loopback = new Set(['localhost', '127.0.0.1', '::1', '::ffff:127.0.0.1']);
const lookupMs = 1000;

export class SameCluster {
  readonly #keys = new Set<string>();

  /** Of the connection string (with mongodb+srv resolved) and of what the server says of its set. */
  static async of({ client, server }: Connection): Promise<SameCluster> {
    const cluster = new SameCluster();
    const named = [...(server.members ?? []), ...(server.primary === undefined ? [] : [server.primary])];
    const known: Destination[] = [
      ...client.options.hosts.map(({ host = '', port = 27017, socketPath }) =>
        socketPath === undefined ? { host, port } : { host: socketPath, port: 0 },
      ),
      ...named.map(parseHost),
    ];
    for (const each of known) for (const key of keysOf(each)) cluster.#keys.add(key);
    await Promise.all(known.map((each) => cluster.#resolve(each)));
    return cluster;
  }

  has(to: Destination): boolean {
    return keysOf(to).some((key) => this.#keys.has(key));
  }

  /** A script may name the number of a host that we know by its name. */
  async #resolve({ host, port }: Destination): Promise<void> {
    if (port === 0 || isIP(host) !== 0 || loopback.has(host.toLowerCase())) return;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<[]>((resolve) => (timer = setTimeout(() => resolve([]), lookupMs)));
    const found = await Promise.race([lookup(host, { all: true }).catch((): [] => []), late]);
    clearTimeout(timer);
    for (const { address } of found) for (const key of keysOf({ host: address, port })) this.#keys.add(key);
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
