// One socket of a script and the socket to the server that belongs to it: requests one after the other through
// greeting, table, fence, redirection and hooks; replies back as they come.
import type { Socket } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import { BSON, type Document } from 'mongodb';
import type { Bulks } from './bulks';
import { Request, ScriptCommand } from './command';
import { specOf } from './commands';
import type { DoorHooks } from './door';
import { helloForScript, helloForServer, isHello, isUnwritableMember } from './hello';
import {
  BrokenMessage,
  type Frame,
  OpCode,
  buildMessage,
  buildQuery,
  buildReply,
  flagsOf,
  parseQuery,
  replyDocument,
} from './message';
import { asBuffer, firstName } from './rawBson';
import { type Redirection, unredirectableReason } from './redirection';
import { STRANGER, endsConnection, errorReply, refusalOf } from './refusal';
import { type ReplyLook, lookAtBody, saysNotPrimary } from './replyLook';
import { ScriptSocket } from './scriptSocket';
import { type ReplyTaker, type Upstream, bodyOf } from './upstream';

/** What a link needs of its door. */
export interface LinkHost {
  hooks: DoorHooks;
  redirection: Redirection | undefined;
  bulks: Bulks;
  /** Who says hello from this port; undefined for strangers. */
  admit(hello: Buffer, from: number | undefined): Admission | undefined;
  connect(who: Admission, onLost: () => void): Promise<Upstream>;
  /** The server says it is no primary any more: if so, every link to it is retired when this has resolved. */
  moved(key: string): Promise<void>;
  closed(link: Link): void;
}

/** A client that has come in. */
export interface Admission {
  /** What the server hears as its application name. */
  appName: string;
  /** Where it believes to be: `host:port` of the only member that it hears of. */
  address: string;
  /** How it speaks TLS with the server, if in its own way. */
  tls?: ConnectionOptions;
}

export class Link {
  readonly #host: LinkHost;
  readonly #script: ScriptSocket;
  readonly #id: number;
  readonly #from: number | undefined;
  #who: Admission | undefined;
  #upstream: Upstream | undefined;
  /** A request was forwarded and its reply has not come yet. */
  #forwarded = false;
  /** A hello is being served; the awaitable form takes as long as nothing changes. */
  #greeting = false;
  #nextId = 1;

  constructor(host: LinkHost, socket: Socket, id: number) {
    this.#host = host;
    this.#id = id;
    this.#from = socket.remotePort;
    this.#script = new ScriptSocket(socket, {
      serve: (frame) => this.#serve(frame),
      left: () => this.#leave(),
      closed: () => host.closed(this),
    });
  }

  get key(): string | undefined {
    return this.#upstream?.key;
  }

  heard = (): Promise<void> => this.#script.heard();

  destroy(): void {
    this.#script.destroy();
    this.#upstream?.socket.destroy();
  }

  /** Ends the link, after the reply that is on its way; a monitor's may be a long way off. */
  retire(): void {
    if (this.#greeting) this.#script.endNow();
    else this.#script.end();
  }

  /** The server hears that the script has gone as if it were connected directly, after what was sent before. */
  #leave(): void {
    if (this.#script.waiting === 0 && (this.#script.idle || this.#forwarded)) this.#upstream?.socket.end();
  }

  async #serve(frame: Frame): Promise<void> {
    const opCode = frame.head.readInt32LE(12);
    if (opCode === OpCode.query) await this.#serveQuery(frame);
    else if (opCode === OpCode.message) await this.#serveMessage(frame);
    else throw new BrokenMessage(`messages of kind ${opCode} are not taken`);
  }

  // Greetings -----------------------------------------------------------------------------------------------------

  /** The hello as the server may hear it; undefined for strangers. */
  async #admit(hello: Buffer): Promise<Buffer | undefined> {
    const who = (this.#who ??= this.#host.admit(hello, this.#from));
    if (!who) return undefined;
    if (!this.#upstream) {
      this.#script.admit();
      this.#upstream = await this.#host.connect(who, () => this.#script.endNow());
      if (this.#script.gone) this.destroy();
    }
    return helloForServer(hello, who.appName);
  }

  async #serveHello(request: Request): Promise<void> {
    const hello = await this.#admit(request.body);
    if (!hello) return this.#showOut(request);
    request.replaceBody(hello);
    await this.#exchange(request.pieces, (reply) => {
      const answer = bodyOf(reply);
      this.#sendChanged(reply, answer, helloForScript(answer, this.#who?.address ?? ''));
      // A member that takes no writes is left, so that the client comes again and finds the primary.
      if (isUnwritableMember(answer)) this.#script.endNow();
    });
  }

  /** The legacy form, which drivers use for their very first hello. */
  async #serveQuery(frame: Frame): Promise<void> {
    const { before, query } = parseQuery(frame.bytes);
    const name = firstName(query);
    const hello = isHello(name) ? await this.#admit(query) : undefined;
    if (!hello) {
      const reason = this.#upstream ? `Migratory takes "${name}" only as OP_MSG.` : STRANGER;
      this.#host.hooks.refused(name, reason);
      const ids = { requestId: this.#nextId++, responseTo: frame.requestId };
      this.#send(buildReply(ids, BSON.serialize(errorReply(reason, 13, 'Unauthorized'))));
      return this.#script.endNow();
    }
    await this.#exchange(
      buildQuery({ requestId: frame.requestId, responseTo: 0 }, before, hello),
      (reply) => {
        const answer = replyDocument(reply.bytes);
        this.#send(buildReply(reply, helloForScript(answer, this.#who?.address ?? ''), reply.bytes));
        if (isUnwritableMember(answer)) this.#script.endNow();
      },
    );
  }

  #showOut(request: Request): void {
    this.#host.hooks.refused(request.first.name, STRANGER);
    this.#answer(request, errorReply(STRANGER, 13, 'Unauthorized'));
    this.#script.endNow();
  }

  // Commands ------------------------------------------------------------------------------------------------------

  async #serveMessage(frame: Frame): Promise<void> {
    const request = new Request(frame);
    if (isHello(request.first.name)) {
      this.#greeting = true;
      await this.#serveHello(request);
      this.#greeting = false;
      return;
    }
    if (!this.#upstream) return this.#showOut(request);
    const spec = specOf(request);
    if ('refused' in spec) return this.#refuse(request, spec.refused);
    if (spec.kind === 'handshake') return await this.#pass(request.pieces, () => undefined);
    const { hooks, redirection } = this.#host;
    const command = new ScriptCommand(request, spec, this.#id, this.#upstream, redirection);
    if (redirection) {
      const reason = unredirectableReason(spec, command);
      if (reason !== undefined) return this.#refuse(request, reason);
      request.redirect(redirection, spec);
    }
    if (command.name === 'bulkWrite')
      return await this.#bulkWrite(request, command).catch((error) => this.#failHook(request, error));
    let answer: Document | Uint8Array | undefined;
    let start = 0;
    try {
      if (!spec.letsGo) await hooks.fence();
      // Nobody waits for it any more: better not done.
      if (this.#script.gone && !request.unacknowledged && !spec.letsGo) return;
      start = performance.now();
      answer = (await hooks.before(command))?.reply;
    } catch (error) {
      return this.#failHook(request, error);
    }
    if (answer === undefined) return await this.#forward(request, command);
    const bytes = this.#answer(request, answer);
    if (!request.unacknowledged)
      hooks.after(command, { ...lookAtBody(bytes), durationMs: performance.now() - start });
  }

  /** As the commands that it is made of. */
  async #bulkWrite(request: Request, command: ScriptCommand): Promise<void> {
    const reply = await this.#host.bulks.run(command, this.#host);
    if (saysNotPrimary(lookAtBody(reply))) await this.#host.moved(this.key ?? '');
    this.#answer(request, reply);
  }

  async #forward(request: Request, command: ScriptCommand): Promise<void> {
    const upstream = this.#upstream as Upstream;
    if (request.unacknowledged) {
      if (!upstream.write(request.pieces)) await upstream.drained();
      return;
    }
    const { hooks, redirection } = this.#host;
    const start = performance.now();
    const finish = (look: ReplyLook): Promise<void> | undefined => {
      hooks.after(command, { ...look, durationMs: performance.now() - start });
      return saysNotPrimary(look) ? this.#host.moved(upstream.key) : undefined;
    };
    try {
      if (redirection) await this.#passMapped(request, redirection, finish);
      else await this.#pass(request.pieces, finish);
    } catch (error) {
      hooks.after(command, { ok: false, lost: true, durationMs: performance.now() - start });
      throw error;
    }
  }

  /** Lets replies pass as they come. */
  async #pass(
    pieces: readonly Buffer[],
    onLook: (look: ReplyLook) => Promise<void> | undefined,
  ): Promise<void> {
    const upstream = this.#upstream as Upstream;
    const bytes = (piece: Buffer): void => this.#script.write(piece, upstream.socket);
    const onReply = (reply: Frame): Promise<void> | undefined => {
      const moving = onLook(lookAtBody(bodyOf(reply)));
      if (moving) return moving.then(() => this.#send(reply.pieces));
      this.#send(reply.pieces);
      return undefined;
    };
    await this.#exchange(pieces, onReply, (end) => ({
      bytes,
      end: (look, last) => {
        void onLook(look);
        if (last) end();
      },
    }));
  }

  /** Sends a request and gathers each reply whole, unless it is one for `pass`. */
  async #exchange(
    pieces: readonly Buffer[],
    onReply: (reply: Frame) => Promise<void> | undefined | void,
    pass?: (end: () => void) => ReplyTaker['pass'],
  ): Promise<void> {
    const upstream = this.#upstream as Upstream;
    this.#forwarded = true;
    try {
      await new Promise<void>((resolve, reject) => {
        const whole = (reply: Frame, last: boolean): void => {
          const handled = onReply(reply);
          if (!last) return;
          if (handled) handled.then(resolve, reject);
          else resolve();
        };
        upstream.request(pieces, { whole, pass: pass?.(resolve), lost: reject });
      });
    } finally {
      this.#forwarded = false;
    }
  }

  async #passMapped(
    request: Request,
    redirection: Redirection,
    onLook: (look: ReplyLook) => Promise<void> | undefined,
  ): Promise<void> {
    const { opensStream, cursor } = request;
    await this.#exchange(request.pieces, (reply) => {
      const answer = bodyOf(reply);
      const changed = redirection.reply(request.first.name, answer, { opensStream, cursor });
      const send = (): void => this.#sendChanged(reply, answer, changed);
      const moving = onLook(lookAtBody(answer));
      if (moving) return moving.then(send);
      send();
      return undefined;
    });
  }

  // Answers -------------------------------------------------------------------------------------------------------

  #refuse(request: Request, reason: string): void {
    this.#host.hooks.refused(request.first.name, reason);
    this.#answer(request, errorReply(reason, 59, 'CommandNotFound'));
  }

  #failHook(request: Request, error: unknown): void {
    if (endsConnection(error)) return this.destroy();
    const refusal = refusalOf(error);
    this.#answer(request, errorReply(refusal.message, refusal.code, refusal.codeName));
  }

  /** Answers in the place of the server; an unacknowledged request gets none. */
  #answer(request: Request, answer: Document | Uint8Array): Buffer {
    const body = asBuffer(answer instanceof Uint8Array ? answer : BSON.serialize(answer));
    const ids = { requestId: this.#nextId++, responseTo: request.requestId };
    if (!request.unacknowledged) this.#send(buildMessage(ids, { body }));
    return body;
  }

  /** A reply of the server with another body in its place. */
  #sendChanged(reply: Frame, was: Buffer, body: Buffer): void {
    this.#send(body === was ? reply.pieces : buildMessage(reply, { flags: flagsOf(reply.head), body }));
  }

  #send(pieces: readonly Buffer[]): void {
    for (const piece of pieces) this.#script.write(piece, this.#upstream?.socket);
  }
}
