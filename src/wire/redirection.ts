// A dry run's redirection: requests go to scratch databases, replies come back with the names that the script
// used. Only reads may touch admin, config and local, which are never redirected.
import type { CommandSpec } from './commands';
import type { DoorCommand } from './door';
import { redirectingEdits } from './commands';
import type { RawSequence } from './message';
import { splitDocuments } from './message';
import {
  type Edits,
  BsonType,
  editDocument,
  editString,
  elementOf,
  elements,
  encodeElements,
  isArray,
  isDocument,
  stringValue,
} from './rawBson';
import { namespaceEdit } from './shapes';

const OWN_DATABASES = new Set(['admin', 'config', 'local', '$external']);

export function isServersOwn(database: string): boolean {
  return OWN_DATABASES.has(database);
}

export class Redirection {
  readonly #redirect: (database: string) => string;
  /** Scratch databases that were named so far, with the name that the script uses. */
  readonly #named = new Map<string, string>();
  readonly #replyEdits: Edits;
  readonly #eventEdits: Edits;
  /** Ids of open change streams; their events name databases. */
  readonly #streams = new Set<string>();

  constructor(redirect: (database: string) => string) {
    this.#redirect = redirect;
    const inText = editString((text) => this.#mend(text));
    const namespace = editString(namespaceEdit((database) => this.named(database)));
    const database = editString((database) => this.named(database));
    const failures: Edits = { '*': { errmsg: inText } };
    const reply = {
      errmsg: inText,
      ns: namespace,
      db: database,
      dropped: database,
      result: { db: database },
      writeErrors: failures,
      writeConcernError: { errmsg: inText },
      queryPlanner: { namespace },
      cursor: { ns: namespace },
    } satisfies Edits;
    this.#replyEdits = reply;
    const event: Edits = { '*': { ns: { db: database }, to: { db: database } } };
    this.#eventEdits = { ...reply, cursor: { ns: namespace, firstBatch: event, nextBatch: event } };
  }

  /** Where commands for this database go. */
  target(database: string): string {
    if (isServersOwn(database)) return database;
    const target = this.#redirect(database);
    if (target !== database) this.#named.set(target, database);
    return target;
  }

  /** The name that the script knows. */
  named(database: string): string {
    return this.#named.get(database) ?? database;
  }

  #mend(text: string): string {
    let mended = text;
    for (const [target, named] of this.#named) mended = mended.replaceAll(target, named);
    return mended;
  }

  body(spec: CommandSpec, name: string, body: Buffer): Buffer {
    return editDocument(
      body,
      redirectingEdits(spec, name, (database) => this.target(database)),
    );
  }

  sequences(spec: CommandSpec, sequences: readonly RawSequence[]): RawSequence[] {
    return sequences.map((sequence) => {
      const edits = spec.shape.sequenceEdits?.[sequence.identifier]?.((database) => this.target(database));
      if (!edits) return sequence;
      const documents = splitDocuments(sequence.bytes).map((document) => editDocument(document, edits));
      return { ...sequence, bytes: Buffer.concat(documents) };
    });
  }

  /** The reply as the script may see it. `stream`: the request opened or continued a change stream. */
  reply(name: string, reply: Buffer, request: { opensStream: boolean; cursor?: string }): Buffer {
    const stream = request.opensStream || (request.cursor !== undefined && this.#streams.has(request.cursor));
    if (stream) this.#follow(reply, request.cursor);
    if (name === 'listDatabases') return this.#databases(reply);
    return editDocument(reply, stream ? this.#eventEdits : this.#replyEdits);
  }

  #follow(reply: Buffer, cursor: string | undefined): void {
    const batch = elementOf(reply, 'cursor');
    const id = isDocument(batch) ? elementOf(batch.value, 'id') : undefined;
    const open = id?.type === BsonType.int64 ? id.value.readBigInt64LE(0) : 0n;
    if (open !== 0n) this.#streams.add(open.toString());
    else if (cursor !== undefined) this.#streams.delete(cursor);
  }

  /** Scratch databases under the names that the script knows, each name once. */
  #databases(reply: Buffer): Buffer {
    return editDocument(reply, {
      databases: (list) => {
        if (!isArray(list)) return undefined;
        const rows = new Map<string, Buffer>();
        for (const { value } of elements(list.value)) {
          const name = stringValue(elementOf(value, 'name')) ?? '';
          const scratch = this.#named.has(name);
          if (!scratch && rows.has(name)) continue;
          rows.set(this.named(name), editDocument(value, { name: editString(() => this.named(name)) }));
        }
        const parts = [...rows.values()].map((value, index) => ({
          type: BsonType.document,
          name: String(index),
          value,
        }));
        return encodeElements(parts);
      },
    });
  }
}

/** Why a dry run cannot let the command pass, if so. */
export function unredirectableReason(spec: CommandSpec, command: RedirectableCommand): string | undefined {
  const { name, namespaces } = command;
  if (spec.acts) {
    return `A dry run does not let "${name}" pass: it acts on the server itself and could not be kept away from it.`;
  }
  const written = namespaces.find(({ access, database }) => access === 'write' && isServersOwn(database));
  return (
    written &&
    `A dry run does not let "${name}" write to "${written.database}": that database belongs to the server, and ` +
      `cannot be replaced by a scratch database.`
  );
}

type RedirectableCommand = Pick<DoorCommand, 'name' | 'namespaces'>;
