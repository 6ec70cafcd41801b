// What a script does to the catalogue (collections, views, indexes, options), noted before it is sent so that it can be
// taken back. What would be lost is put aside instead: a drop becomes a rename. Taking back is undoCatalogue.ts.
import type { Document } from 'mongodb';
import type { DoorCommand } from '../../wire/door';
import { document, element, intValue, stringValue } from '../../transfer/raw';
import { indexesOf, infoOf, infosOf, kept, type CollectionInfo } from './collectionFacts';
import { hangUp } from './failures';
import { createForWrite, isOurs, type Keeper } from './keeper';
import { isOk, valueIn, withElements } from './reply';
import type { Facts } from './rows';
import { keepRows, transactionOf } from './scriptTransaction';
import { asBuffer } from './transaction';

interface Target {
  database: string;
  collection: string;
}

export class Catalogue {
  constructor(private readonly keeper: Keeper) {}

  /** The reply, or undefined where the command may go on as it is. */
  async run(command: DoorCommand): Promise<Uint8Array | undefined> {
    const target = { database: command.target, collection: command.collection ?? '' };
    const reply = await this.#handle(command, target);
    this.keeper.namespaces.forget(target.database);
    return reply;
  }

  #handle(command: DoorCommand, target: Target): Promise<Uint8Array | undefined> {
    switch (command.name) {
      case 'create':
        return this.#create(command, target);
      case 'createIndexes':
        return this.#createIndexes(command, target);
      case 'dropIndexes':
      case 'deleteIndexes':
        return this.#dropIndexes(command, target);
      case 'collMod':
        return this.#collMod(command, target);
      case 'drop':
        return this.#drop(command, target);
      case 'dropDatabase':
        return this.#dropDatabase(command, target);
      case 'renameCollection':
        return this.#rename(command);
      default:
        return this.#unkept(command, target);
    }
  }

  async #send(command: DoorCommand, body = asBuffer(command.raw.body)): Promise<Buffer> {
    try {
      return asBuffer(await command.upstream.sendRaw(body, command.raw.sequences));
    } catch (error) {
      throw hangUp(error instanceof Error ? error.message : String(error));
    }
  }

  /** Notes, sends, and adds what is known afterwards; nothing stays noted of a command that the server refused. */
  async #noted(
    command: DoorCommand,
    op: string,
    facts: Facts,
    after?: () => Promise<Document>,
  ): Promise<Buffer> {
    const { rows } = this.keeper;
    const seq = await rows.note(op, facts);
    const reply = await this.#send(command);
    if (!isOk(reply)) await rows.remove([seq]);
    else if (after) await rows.complete(seq, await after());
    return reply;
  }

  async #create(command: DoorCommand, target: Target): Promise<Uint8Array | undefined> {
    const db = this.keeper.namespaces.db(target.database);
    if (await infoOf(db, target.collection)) return undefined;
    if (command.inTransaction) return this.#inTransaction(command, 'create', target);
    return this.#noted(command, 'create', target, async () => factsOf(await infoOf(db, target.collection)));
  }

  async #createIndexes(command: DoorCommand, target: Target): Promise<Uint8Array | undefined> {
    const { database, collection } = target;
    const db = this.keeper.namespaces.db(database);
    const there = await indexesOf(db, collection);
    const specs = command.body['indexes'] as Document[] | undefined;
    const names = (specs ?? []).map((spec) => String(spec['name'])).filter((name) => !there.has(name));
    if (command.inTransaction) return this.#inTransaction(command, 'createIndexes', { ...target, names });
    if (!(await infoOf(db, collection))) await createForWrite(this.keeper, database, collection);
    return this.#noted(command, 'createIndexes', { ...target, names }, async () => {
      const now = await indexesOf(db, collection);
      const made = names.flatMap((name) => now.get(name) ?? []);
      return { made: made.map(kept) };
    });
  }

  /** Only where the server allows it: the collection comes into being with the transaction. */
  async #inTransaction(command: DoorCommand, op: string, facts: Document): Promise<Uint8Array> {
    const transaction = await transactionOf(this.keeper, command);
    const { row } = this.keeper.rows.operation(op, facts);
    const refused = await keepRows(transaction, this.keeper, [row]);
    if (refused) return refused;
    const body = withElements(asBuffer(command.raw.body), {
      startTransaction: undefined,
      readConcern: undefined,
    });
    return this.#send(command, body);
  }

  async #dropIndexes(command: DoorCommand, target: Target): Promise<Uint8Array | undefined> {
    const db = this.keeper.namespaces.db(target.database);
    const before = await indexesOf(db, target.collection);
    const specs = [...before].filter(([name]) => name !== '_id_').map(([, spec]) => spec);
    if (specs.length === 0) return undefined;
    return this.#noted(command, 'dropIndexes', { ...target, specs: specs.map(kept) }, async () => {
      const now = await indexesOf(db, target.collection);
      return { dropped: [...before.keys()].filter((name) => !now.has(name)) };
    });
  }

  async #collMod(command: DoorCommand, target: Target): Promise<Uint8Array | undefined> {
    const { collection } = target;
    const db = this.keeper.namespaces.db(target.database);
    const info = await infoOf(db, collection);
    if (!info) return undefined;
    const body = asBuffer(command.raw.body);
    const state = async (): Promise<{ options: Buffer; indexes: Buffer[] }> => ({
      options: (await infoOf(db, collection))?.options ?? document([]),
      indexes: valueIn(body, 'index') ? [...(await indexesOf(db, collection)).values()] : [],
    });
    const before = await state();
    const facts = { ...target, before: kept(before.options), indexesBefore: before.indexes.map(kept) };
    return this.#noted(command, 'collMod', facts, async () => {
      const after = await state();
      return { after: kept(after.options), indexesAfter: after.indexes.map(kept) };
    });
  }

  async #drop(command: DoorCommand, target: Target): Promise<Uint8Array | undefined> {
    const db = this.keeper.namespaces.db(target.database);
    const info = await infoOf(db, target.collection);
    if (!info) return undefined;
    if (info.type === 'view') return this.#dropView(command, target, info);
    const indexes = (await indexesOf(db, target.collection)).size;
    const refused = await this.#putAside(command, target, info);
    if (refused) return refused;
    return answer({
      nIndexesWas: intValue(indexes),
      ns: stringValue(`${command.database}.${target.collection}`),
    });
  }

  #dropView(command: DoorCommand, target: Target, info: CollectionInfo): Promise<Uint8Array> {
    return this.#noted(command, 'dropView', { ...target, options: kept(info.options) });
  }

  /** Renames the collection out of the script's sight; gives the server's reply where that did not work. */
  async #putAside(
    command: DoorCommand,
    { database, collection }: Target,
    info: CollectionInfo,
  ): Promise<Buffer | undefined> {
    if (info.type === 'timeseries') {
      this.keeper.passUnkept(
        `the time-series collection "${collection}" cannot be put aside, only dropped for ever`,
      );
      const reply = await this.#send(command, dropBody(database, collection));
      return isOk(reply) ? undefined : reply;
    }
    const { rows } = this.keeper;
    let aside = '';
    const seq = await rows.note('drop', (number) => {
      aside = `_migratory_undo_${rows.runId}_${number}`;
      return { database, collection, aside };
    });
    const reply = await this.#send(command, renameBody(`${database}.${collection}`, `${database}.${aside}`));
    if (isOk(reply)) return undefined;
    await rows.remove([seq]);
    return reply;
  }

  async #dropDatabase(command: DoorCommand, { database }: Target): Promise<Uint8Array | undefined> {
    const db = this.keeper.namespaces.db(database);
    const all = (await infosOf(db, {})).filter(({ name }) => !isOurs(name) && !this.#isKept(database, name));
    for (const info of all.filter(({ type }) => type === 'view')) {
      const target = { database, collection: info.name };
      await this.keeper.rows.note('dropView', { ...target, options: kept(info.options) });
      await db.dropCollection(info.name);
    }
    for (const info of all) {
      if (info.type === 'view' || info.name.startsWith('system.')) continue;
      const refused = await this.#putAside(command, { database, collection: info.name }, info);
      if (refused) return refused;
    }
    return answer({ dropped: stringValue(command.database) });
  }

  /** The ledger of the run itself outlives a drop of its database. */
  #isKept(database: string, collection: string): boolean {
    const { ledger } = this.keeper.options;
    return ledger !== undefined && database === ledger.database && collection === ledger.collection;
  }

  async #rename(command: DoorCommand): Promise<Uint8Array | undefined> {
    const [from, to] = command.namespaces.map(({ target, collection }) => ({
      database: target,
      collection: collection ?? '',
    }));
    if (!from || !to) return undefined;
    const { namespaces } = this.keeper;
    namespaces.forget(to.database);
    const source = await infoOf(namespaces.db(from.database), from.collection);
    const there = await infoOf(namespaces.db(to.database), to.collection);
    if (!source) return undefined;
    const body = asBuffer(command.raw.body);
    const dropsTarget = valueIn(body, 'dropTarget')?.bytes[0] === 1;
    if (there && !dropsTarget) return undefined;
    if (there) {
      const refused = await this.#putAside(command, to, there);
      if (refused) return refused;
    }
    return this.#noted(command, 'renameCollection', {
      ...from,
      to,
      // A rename into another database copies: its collection is a new one.
      uuid: from.database === to.database ? source.uuid : undefined,
    });
  }

  /** Changes that nothing can take back pass only where the author says that there is no way back. */
  async #unkept(command: DoorCommand, target: Target): Promise<Uint8Array | undefined> {
    this.keeper.passUnkept(`"${command.name}" cannot be undone`);
    await this.keeper.rows.note('unkept', { ...target, command: command.name, n: 0 });
    return undefined;
  }
}

function factsOf(info: CollectionInfo | undefined): Document {
  return info ? { uuid: info.uuid ?? null, type: info.type, options: kept(info.options) } : {};
}

function renameBody(from: string, to: string): Buffer {
  return document([
    element('renameCollection', stringValue(from)),
    element('to', stringValue(to)),
    element('$db', stringValue('admin')),
  ]);
}

function dropBody(database: string, collection: string): Buffer {
  return document([element('drop', stringValue(collection)), element('$db', stringValue(database))]);
}

function answer(fields: Record<string, ReturnType<typeof intValue>>): Buffer {
  const parts = Object.entries(fields).map(([name, value]) => element(name, value));
  return document([...parts, element('ok', intValue(1))]);
}

/** The collections that the script sees: not ours, and not what it has dropped. */
export function withoutOurs(body: Buffer): Buffer {
  const given = valueIn(body, 'filter');
  const name = document([element('$not', { type: 11, bytes: Buffer.from('^_migratory_\0\0') })]);
  const hidden = { type: 3, bytes: document([element('name', { type: 3, bytes: name })]) };
  const list = given ? [given, hidden] : [hidden];
  const and = document(list.map((filter, i) => element(String(i), filter)));
  return withElements(body, {
    filter: { type: 3, bytes: document([element('$and', { type: 4, bytes: and })]) },
  });
}
