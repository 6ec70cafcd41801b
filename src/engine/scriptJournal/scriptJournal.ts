// The journal of a script, seen from the door: takes over every command that changes something, so that it can be
// undone without the author's help. Undoing is undo.ts.
import { DoorRefusal, type BeforeResult, type DoorCommand } from '../../wire/door';
import { Catalogue, withoutOurs } from './catalogue';
import { FindAndModify } from './findAndModify';
import { isOurs, Keeper, type KeeperOptions } from './keeper';
import { Outputs } from './outputs';
import { OwnWrites } from './ownWrites';
import { writeInTransaction } from './scriptTransaction';
import { isWriteKind } from './statements';
import { asBuffer } from './transaction';
import { writeWithoutTransactions } from './withoutTransactions';

export class ScriptJournal {
  readonly #keeper: Keeper;
  readonly #writes: OwnWrites;
  readonly #findAndModify: FindAndModify;
  readonly #catalogue: Catalogue;
  readonly #outputs: Outputs;

  private constructor(keeper: Keeper) {
    this.#keeper = keeper;
    this.#writes = new OwnWrites(keeper);
    this.#findAndModify = new FindAndModify(keeper);
    this.#catalogue = new Catalogue(keeper);
    this.#outputs = new Outputs(keeper, this.#writes);
  }

  /** @param options whose rows are opened here. */
  static async open(options: KeeperOptions): Promise<ScriptJournal> {
    await options.rows.open();
    await options.rows.note('begun', {});
    return new ScriptJournal(new Keeper(options));
  }

  /** Notes that the kernel changes documents for the script, under a step name of its own. */
  async noteTransfer(step: string): Promise<void> {
    await this.#keeper.rows.note('transfer', { step });
  }

  /** Answers in the place of the server, or lets the command go on to it. */
  async before(command: DoorCommand): Promise<BeforeResult | void> {
    refuseOurs(command);
    const reply = await this.#handle(command);
    if (reply) return { reply };
  }

  async close(): Promise<void> {
    await this.#keeper.close();
  }

  async #handle(command: DoorCommand): Promise<Uint8Array | undefined> {
    const { name, kind } = command;
    if (kind === 'write') {
      if (isWriteKind(name)) return this.#write(command, name);
      if (name.toLowerCase() === 'findandmodify') return this.#findAndModify.run(command);
      return this.#outputs.run(command);
    }
    if (kind === 'catalogue') return this.#catalogue.run(command);
    if (name === 'listCollections') return list(command);
    return undefined;
  }

  #write(command: DoorCommand, kind: 'insert' | 'update' | 'delete'): Promise<Uint8Array> {
    const keeper = this.#keeper;
    if (command.inTransaction) return writeInTransaction(keeper, command, kind);
    if (!keeper.options.transactions) return writeWithoutTransactions(keeper, command, kind);
    return this.#writes.run(command, kind);
  }
}

/** What the script has dropped is only put aside, and not for its eyes. */
async function list(command: DoorCommand): Promise<Uint8Array> {
  return command.upstream.sendRaw(withoutOurs(asBuffer(command.raw.body)), command.raw.sequences);
}

function refuseOurs({ namespaces, name }: DoorCommand): void {
  const ours = namespaces.find(({ access, collection }) => access === 'write' && isOurs(collection ?? ''));
  if (!ours) return;
  throw new DoorRefusal(
    `"${ours.collection}" is Migratory's own: a migration may read it, but not ${name} it.`,
    { code: 13, codeName: 'Unauthorized' },
  );
}
