// One socket of a script and the socket to the server that belongs to it: requests one after the other through
// greeting, table, fence, redirection and hooks; replies back as they come.
import type { Socket } from 'node:net';
import { BSON, type Document } from 'mongodb';
import { Request, ScriptCommand } from './command';
import { type CommandSpec, specOf } from './commands';
import type { DoorHooks } from './door';
import { admittedAppName, helloForScript, helloForServer, isHello, isUnwritableMember } from './hello';
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
import { ElementWalk, asBuffer } from './rawBson';
import { type Redirection, isServersOwn, unredirectable } from './redirection';
import { DoorRefusal, STRANGER, errorReply } from './refusal';
import { type ReplyLook, lookAtBody, saysNotPrimary } from './replyLook';
import { ScriptSocket } from './scriptSocket';
import { type Upstream, bodyOf } from './upstream';

/** What a link needs of its door. */
export interface LinkHost {
  hooks: DoorHooks;
  token: string;
  /** `127.0.0.1:port` of the door. */
  address: string;
  /** What the server hears as application name of a client that calls itself so. */
  appName(own: string): string;
  redirection: Redirection | undefined;
  connect(onLost: () => void): Promise<Upstream>;
  /** The server is no primary any more: every link to it has to go. */
  retire(key: string): void;
  closed(link: Link): void;
}

export class Link {
  readonly #host: LinkHost;
  readonly #script: ScriptSocket;
  readonly #id: number;
  #upstream: Upstream | undefined;
  /** A request was forwarded and its reply has not come yet. */
  #forwarded = false;
  #nextId = 1;

  constructor(host: LinkHost, socket: Socket, id: number) {
    this.#host = host;
    this.#id = id;
    this.#script = new ScriptSocket(socket, {
      serve: (frame) => this.#serve(frame),
      left: () => this.#leave(),
      closed: () => host.closed(this),
    });
  }

  get key(): string | undefined {
    return this.#upstream?.key;
  }

  destroy(): void {
    this.#script.destroy();
    this.#upstream?.socket.destroy();
  }

  /** Ends the link, after the reply that is on its way. */
  retire(): void {
    this.#script.end();
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
    const own = admittedAppName(hello, this.#host.token);
    if (!this.#upstream) {
      if (own === undefined) return undefined;
      this.#script.admit();
      this.#upstream = await this.#host.connect(() => this.#script.endNow());
    }
    return helloForServer(hello, this.#host.appName(own ?? ''));
  }

  async #serveHello(request: Request): Promise<void> {
    const hello = await this.#admit(request.body);
    if (!hello) return this.#showOut(request);
    request.replaceBody(hello);
    await this.#exchange(request.pieces, (reply) => {
      const answer = bodyOf(reply);
      this.#sendChanged(reply, answer, helloForScript(answer, this.#host.address));
      // A member that takes no writes is left, so that the client comes again and finds the primary.
      if (isUnwritableMember(answer)) this.#script.endNow();
    });
  }

  /** The legacy form, which drivers use for their very first hello. */
  async #serveQuery(frame: Frame): Promise<void> {
    const { before, query } = parseQuery(frame.bytes);
    const name = nameOf(query);
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
        this.#send(buildReply(reply, helloForScript(answer, this.#host.address), reply.bytes));
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
    if (isHello(request.first.name)) return await this.#serveHello(request);
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
    let answer: Document | Uint8Array | undefined;
    try {
      if (!spec.letsGo) await hooks.fence();
      // Nobody waits for it any more: better not done.
      if (this.#script.gone && !request.unacknowledged && !spec.letsGo) return;
      answer = (await hooks.before(command))?.reply;
    } catch (error) {
      return this.#failHook(request, error);
    }
    if (answer === undefined) return await this.#forward(request, command);
    const bytes = this.#answer(request, answer);
    if (!request.unacknowledged) hooks.after(command, { ...lookAtBody(bytes), durationMs: 0 });
  }

  async #forward(request: Request, command: ScriptCommand): Promise<void> {
    const upstream = this.#upstream as Upstream;
    if (request.unacknowledged) {
      if (!upstream.write(request.pieces)) await upstream.drained();
      return;
    }
    const { hooks, redirection } = this.#host;
    const start = performance.now();
    const finish = (look: ReplyLook): void => {
      hooks.after(command, { ...look, durationMs: performance.now() - start });
      if (saysNotPrimary(look)) this.#host.retire(upstream.key);
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
  async #pass(pieces: readonly Buffer[], onReply: (look: ReplyLook) => void): Promise<void> {
    const upstream = this.#upstream as Upstream;
    await this.#waitFor((done, lost) =>
      upstream.request(pieces, {
        pass: (bytes) => this.#script.write(bytes, upstream.socket),
        end: (look: ReplyLook, last: boolean) => {
          onReply(look);
          if (last) done();
        },
        lost,
      }),
    );
  }

  /** Gathers each reply whole. */
  async #exchange(pieces: readonly Buffer[], onReply: (reply: Frame) => void): Promise<void> {
    const upstream = this.#upstream as Upstream;
    await this.#waitFor((done, lost) =>
      upstream.request(pieces, {
        end: (reply: Frame, last: boolean) => {
          onReply(reply);
          if (last) done();
        },
        lost,
      }),
    );
  }

  async #waitFor(request: (done: () => void, lost: (error: Error) => void) => void): Promise<void> {
    this.#forwarded = true;
    try {
      await new Promise<void>(request);
    } finally {
      this.#forwarded = false;
    }
  }

  async #passMapped(
    request: Request,
    redirection: Redirection,
    onReply: (look: ReplyLook) => void,
  ): Promise<void> {
    const { opensStream, cursor } = request;
    await this.#exchange(request.pieces, (reply) => {
      const answer = bodyOf(reply);
      this.#sendChanged(
        reply,
        answer,
        redirection.reply(request.first.name, answer, { opensStream, cursor }),
      );
      onReply(lookAtBody(answer));
    });
  }

  // Answers -------------------------------------------------------------------------------------------------------

  #refuse(request: Request, reason: string): void {
    this.#host.hooks.refused(request.first.name, reason);
    this.#answer(request, errorReply(reason, 59, 'CommandNotFound'));
  }

  #failHook(request: Request, error: unknown): void {
    if (
      (error instanceof DoorRefusal && error.close) ||
      (error as Error | undefined)?.name === 'AbortError'
    ) {
      this.destroy();
      return;
    }
    const refusal = error instanceof DoorRefusal ? error : new DoorRefusal(messageOf(error));
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

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function nameOf(command: Buffer): string {
  const walk = new ElementWalk(command);
  return walk.next() ? walk.name : '';
}

/** Why a dry run cannot let the command pass, if so. */
function unredirectableReason(spec: CommandSpec, command: ScriptCommand): string | undefined {
  if (spec.acts) return unredirectable(command.name, undefined);
  const written = command.namespaces.find(
    ({ access, database }) => access === 'write' && isServersOwn(database),
  );
  return written && unredirectable(command.name, written.database);
}
