// A small RPC over any pair of message ports (child process, webview): typed requests that are always
// answered, notifications, and rejection of everything pending when the other side goes away.
import type { ErrorInfo } from './errors';
import { UserError } from './errors';

export interface Port {
  send(message: unknown): void;
  onMessage(listener: (message: unknown) => void): void;
}

type Methods = { [name: string]: (params: never) => unknown };
type Notifications = { [name: string]: unknown };
export type Handlers<M extends Methods> = {
  [K in keyof M]: (params: Parameters<M[K]>[0]) => Promise<ReturnType<M[K]>> | ReturnType<M[K]>;
};

interface Request {
  kind: 'request';
  id: number;
  method: string;
  params: unknown;
}
interface Response {
  kind: 'response';
  id: number;
  result?: unknown;
  error?: ErrorInfo & { exitCode?: number };
}
interface Notification {
  kind: 'notification';
  name: string;
  params: unknown;
}
type Message = Request | Response | Notification;

function isMessage(value: unknown): value is Message {
  if (typeof value !== 'object' || value === null) return false;
  const message = value as { kind?: unknown; id?: unknown; method?: unknown; name?: unknown };
  if (message.kind === 'request') return typeof message.id === 'number' && typeof message.method === 'string';
  if (message.kind === 'response') return typeof message.id === 'number';
  return message.kind === 'notification' && typeof message.name === 'string';
}

/** The caller's half. Calls are answered, or rejected when `close` is told why the other side is gone. */
export class RpcClient<M extends Methods, N extends Notifications> {
  #next = 1;
  #closed: Error | undefined;
  readonly #port: Port;
  readonly #pending = new Map<
    number,
    { resolve: (value: unknown) => void; reject: (error: Error) => void }
  >();
  readonly #listeners = new Map<string, Set<(params: unknown) => void>>();

  constructor(port: Port) {
    this.#port = port;
    port.onMessage((message) => this.#receive(message));
  }

  call<K extends keyof M & string>(
    method: K,
    params: Parameters<M[K]>[0],
  ): Promise<Awaited<ReturnType<M[K]>>> {
    if (this.#closed) return Promise.reject(this.#closed);
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve: resolve as (value: unknown) => void, reject });
      try {
        this.#port.send({ kind: 'request', id, method, params } satisfies Request);
      } catch (error) {
        this.#pending.delete(id);
        reject(error instanceof Error ? error : new Error(String(error)));
      }
    });
  }

  on<K extends keyof N & string>(name: K, listener: (params: N[K]) => void): () => void {
    const set = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, set);
    set.add(listener as (params: unknown) => void);
    return () => set.delete(listener as (params: unknown) => void);
  }

  /** Rejects all pending and future calls with `reason`. */
  close(reason: Error): void {
    this.#closed ??= reason;
    for (const { reject } of this.#pending.values()) reject(this.#closed);
    this.#pending.clear();
  }

  #receive(message: unknown): void {
    if (!isMessage(message)) return;
    if (message.kind === 'notification') {
      for (const listener of this.#listeners.get(message.name) ?? []) listener(message.params);
      return;
    }
    if (message.kind !== 'response') return;
    const call = this.#pending.get(message.id);
    if (!call) return;
    this.#pending.delete(message.id);
    if (message.error) call.reject(reviveError(message.error));
    else call.resolve(message.result);
  }
}

/** The answering half: every request gets a response, also when its handler throws. */
export class RpcServer<M extends Methods, N extends Notifications> {
  readonly #port: Port;
  readonly #describe: (error: unknown) => ErrorInfo;

  constructor(port: Port, handlers: Handlers<M>, describe: (error: unknown) => ErrorInfo) {
    this.#port = port;
    this.#describe = describe;
    port.onMessage((message) => {
      if (isMessage(message) && message.kind === 'request') void this.#answer(message, handlers);
    });
  }

  notify<K extends keyof N & string>(name: K, params: N[K]): void {
    this.#port.send({ kind: 'notification', name, params } satisfies Notification);
  }

  async #answer(request: Request, handlers: Handlers<M>): Promise<void> {
    const response: Response = { kind: 'response', id: request.id };
    try {
      const handler = Object.hasOwn(handlers, request.method) ? handlers[request.method] : undefined;
      if (!handler) throw new Error(`unknown request "${request.method}"`);
      response.result = await handler(request.params as never);
    } catch (error) {
      response.error = this.#describe(error);
      if (error instanceof UserError) response.error.exitCode = error.exitCode;
    }
    this.#port.send(response);
  }
}

function reviveError(info: ErrorInfo & { exitCode?: number }): Error {
  if (info.user) {
    return new UserError(info.message, {
      action: info.action,
      exitCode: info.exitCode as UserError['exitCode'],
    });
  }
  const error: Error & { info?: ErrorInfo } = new Error(info.message);
  if (info.stack) error.stack = info.stack;
  if (info.name) error.name = info.name;
  error.info = info;
  return error;
}
