// The staged connection test: how far the way to a database reaches, and what stands in it. Connecting itself is
// connect.ts, as everywhere; the stages before it only look closer (name, socket, TLS).
import { lookup, resolveSrv, resolveTxt } from 'node:dns/promises';
import { isIP } from 'node:net';
import { MongoClient } from 'mongodb';
import type { ErrorAction } from '../protocol/errors';
import { UserError } from '../protocol/errors';
import type { ConnectionTarget, ConnectionTestStep, ServerDescription } from '../protocol/runner';
import type { Address, HostPort } from './address';
import { addressText, editConnection, hostText, parseAddress } from './address';
import { may, readPrivileges } from './checks/privilegeCheck';
import type { Connection } from './connect';
import { clientOptions, connect } from './connect';
import { connectFailure, retry } from './connectProblem';
import { probeTcp, probeTls } from './socketProbe';

export interface ConnectionTestOptions {
  /** Milliseconds for each of the network stages; default 5000. The whole test takes at most four times as long. */
  timeoutMs?: number;
  signal?: AbortSignal;
  appName?: string;
}

export interface ConnectionTestResult {
  steps: ConnectionTestStep[];
  server?: ServerDescription;
}

type StepName = ConnectionTestStep['step'];

const order: readonly StepName[] = ['address', 'dns', 'tcp', 'tls', 'login', 'ping', 'rights', 'topology'];

/** Ends the test at a stage that failed; what comes after it is skipped. */
class StageFailure extends Error {
  constructor(
    message: string,
    readonly action: ErrorAction,
  ) {
    super(message);
  }
}

/** A stage that has nothing to do for this connection. */
class NothingToDo extends Error {}

/** Never throws for a connection that fails: that is its answer. Rejects only when aborted. */
export async function testConnection(
  target: ConnectionTarget,
  options: ConnectionTestOptions = {},
): Promise<ConnectionTestResult> {
  const test = new StagedTest(target, options);
  return test.run();
}

class StagedTest {
  readonly #target: ConnectionTarget;
  readonly #options: ConnectionTestOptions;
  readonly #timeoutMs: number;
  readonly #steps: ConnectionTestStep[] = [];
  #address: Address | undefined;
  #hosts: HostPort[] = [];
  #connection: Connection | undefined;

  constructor(target: ConnectionTarget, options: ConnectionTestOptions) {
    this.#target = target;
    this.#options = options;
    this.#timeoutMs = options.timeoutMs ?? 5000;
  }

  async run(): Promise<ConnectionTestResult> {
    const stages: Record<StepName, () => Promise<string>> = {
      address: () => this.#readAddress(),
      dns: () => this.#resolveNames(),
      tcp: () => this.#openSockets(),
      tls: () => this.#agreeOnTls(),
      login: () => this.#login(),
      ping: () => this.#ping(),
      rights: () => this.#readRights(),
      topology: async () => Promise.resolve(this.#describeTopology()),
    };
    try {
      for (const step of order) {
        this.#options.signal?.throwIfAborted();
        if (!(await this.#stage(step, stages[step]))) break;
      }
    } finally {
      await this.#connection?.close();
    }
    for (const step of order.slice(this.#steps.length)) {
      this.#steps.push({
        step,
        outcome: 'skipped',
        details: 'Not tried, because an earlier step failed.',
        durationMs: 0,
      });
    }
    const server = this.#connection?.server;
    return { steps: this.#steps, ...(server ? { server } : {}) };
  }

  /** Runs one stage and notes it; false = the ones after it make no sense. */
  async #stage(step: StepName, work: () => Promise<string>): Promise<boolean> {
    const started = performance.now();
    const note = (outcome: ConnectionTestStep['outcome'], details: string, action?: ErrorAction): void => {
      const durationMs = Math.round(performance.now() - started);
      this.#steps.push({ step, outcome, details, durationMs, ...(action ? { action } : {}) });
    };
    try {
      note('passed', await work());
      return true;
    } catch (error) {
      this.#options.signal?.throwIfAborted();
      if (error instanceof NothingToDo) {
        note('skipped', error.message);
        return true;
      }
      const [message, action] = this.#explain(error);
      note('failed', message, action);
      return false;
    }
  }

  #explain(error: unknown): [string, ErrorAction] {
    if (error instanceof StageFailure) return [error.message, error.action];
    if (error instanceof UserError) return [error.message, error.action ?? editConnection];
    if (!this.#address) return ['The connection string cannot be read.', editConnection];
    const failure = connectFailure(error, this.#address, 'none');
    return [failure.message, failure.action];
  }

  get #known(): Address {
    if (!this.#address) throw new Error('The address is read first.');
    return this.#address;
  }

  async #readAddress(): Promise<string> {
    this.#address = parseAddress(this.#target);
    this.#hosts = this.#address.hosts;
    const { database, tls, hasUser } = this.#address;
    const how = `${tls ? 'with' : 'without'} TLS, ${hasUser ? 'with' : 'without'} a login`;
    return Promise.resolve(`Database ${database} on ${addressText(this.#address)}, ${how}.`);
  }

  async #resolveNames(): Promise<string> {
    const address = this.#known;
    if (address.srvName !== null) return this.#resolveSrv(address, address.srvName);
    const names = this.#hosts.filter(({ host, port }) => isIP(host) === 0 && port !== 0);
    if (names.length === 0) throw new NothingToDo('There is no name to resolve.');
    const found = await Promise.all(names.map((name) => this.#resolveHost(name)));
    return `${found.join('; ')}.`;
  }

  async #resolveHost({ host }: HostPort): Promise<string> {
    const addresses = await this.#within(lookup(host, { all: true }), `DNS did not answer for ${host}`);
    return `${host} is ${addresses.map(({ address }) => address).join(', ')}`;
  }

  async #resolveSrv(address: Address, name: string): Promise<string> {
    const records = await this.#within(
      resolveSrv(`_${address.srvService}._tcp.${name}`),
      `DNS did not answer the SRV query for ${name}. Use the mongodb:// form of the connection string`,
    );
    if (records.length === 0) {
      throw new StageFailure(`DNS has no SRV record for ${name}. Check its spelling.`, editConnection);
    }
    // A missing TXT record is no fault: it only carries options.
    const texts = await resolveTxt(name).catch((): string[][] => []);
    this.#hosts = records.map(({ name: host, port }) => ({ host, port }));
    const hosts = this.#hosts.map(hostText).join(', ');
    return `SRV names ${hosts}${texts.length > 0 ? `; TXT adds ${texts.length === 1 ? 'options' : 'several records'}` : ''}.`;
  }

  /** One host that answers is enough: the others of a replica set may be down. */
  async #openSockets(): Promise<string> {
    const results = await Promise.allSettled(this.#hosts.map((host) => probeTcp(host, this.#timeoutMs)));
    const open = this.#hosts.filter((_host, position) => results[position]?.status === 'fulfilled');
    const closed = this.#hosts.filter((host) => !open.includes(host));
    const first = results.find((result) => result.status === 'rejected');
    if (open.length === 0) {
      if ((first?.reason as { code?: string } | undefined)?.code === 'ETIMEDOUT') {
        throw new StageFailure(
          `${this.#hosts.map(hostText).join(', ')} does not answer. Check that the server runs and that a firewall or an IP access list lets this machine through.`,
          retry,
        );
      }
      throw first?.reason ?? new Error('no host');
    }
    this.#hosts = open;
    const rest = closed.length > 0 ? `; not reached: ${closed.map(hostText).join(', ')}` : '';
    return `${open.map(hostText).join(', ')} ${open.length === 1 ? 'accepts' : 'accept'} connections${rest}.`;
  }

  async #agreeOnTls(): Promise<string> {
    const address = this.#known;
    if (!address.tls) throw new NothingToDo('The connection string asks for no TLS.');
    const host = this.#hosts.find(({ port }) => port !== 0);
    if (!host) throw new NothingToDo('A Unix socket needs no TLS.');
    const client = new MongoClient(this.#target.uri.trim(), clientOptions(address));
    await probeTls(host, client.options, this.#timeoutMs);
    await client.close();
    return `${hostText(host)} has a certificate that is trusted here.`;
  }

  async #login(): Promise<string> {
    const { timeoutMs, signal, appName } = { ...this.#options, timeoutMs: this.#timeoutMs };
    this.#connection = await connect(this.#target, { timeoutMs, signal, appName });
    return this.#known.hasUser
      ? `Logged in with a user of ${this.#known.authSource}.`
      : 'Connected; the connection string has no user.';
  }

  async #ping(): Promise<string> {
    const times: number[] = [];
    for (let round = 0; round < 3; round++) {
      const started = performance.now();
      await this.#connection?.client.db('admin').command({ ping: 1, maxTimeMS: this.#timeoutMs });
      times.push(performance.now() - started);
    }
    return `A round trip takes ${Math.round(Math.min(...times) * 10) / 10} ms.`;
  }

  async #readRights(): Promise<string> {
    const connection = this.#connection;
    if (!connection) throw new Error('The connection is opened first.');
    const privileges = await readPrivileges(connection.db);
    if (privileges === 'unknown') throw new NothingToDo('The server does not tell the rights of the user.');
    const database = connection.db.databaseName;
    if (privileges === null) return `The server has no access control: everything is allowed on ${database}.`;
    const has = (name: string): boolean =>
      (rights[name] ?? []).every((action) =>
        may(privileges, database, action === 'listCollections' ? '' : 'x', action),
      );
    const names = Object.keys(rights);
    const granted = names.filter(has);
    const missing = names.filter((name) => !granted.includes(name));
    const needed = connection.target.readOnly ? ['read'] : ['read', 'write'];
    if (needed.some((name) => missing.includes(name))) {
      throw new StageFailure(
        `On ${database} the user may ${granted.join(', ') || 'do nothing'}, but not ${missing.join(', ')}. Give the user the role readWrite on this database.`,
        editConnection,
      );
    }
    const lacks = missing.length > 0 ? `, but not ${missing.join(', ')}` : '';
    return `On ${database} the user may ${granted.join(', ')}${lacks}.`;
  }

  #describeTopology(): string {
    const server = this.#connection?.server;
    if (!server) throw new Error('The connection is opened first.');
    const members = server.members ? ` with ${server.members.join(', ')}` : '';
    const lacking = [
      ...(server.transactions ? [] : ['transactions']),
      ...(server.changeStreams ? [] : ['change streams']),
    ];
    return `${server.summary}${members}${lacking.length > 0 ? `; it has no ${lacking.join(' and no ')}` : ''}.`;
  }

  async #within<T>(work: Promise<T>, late: string): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const bound = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => reject(new StageFailure(`${late}.`, retry)), this.#timeoutMs);
    });
    try {
      return await Promise.race([work, bound]);
    } finally {
      clearTimeout(timer);
    }
  }
}

/** Rights in words → the server's actions. */
const rights: Record<string, string[]> = {
  read: ['find'],
  write: ['insert', 'update', 'remove'],
  'list collections': ['listCollections'],
  'create indexes': ['createIndex'],
  'change collections (collMod)': ['collMod'],
};
