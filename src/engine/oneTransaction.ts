// A script in one transaction (`transaction: true`): the author passes `ctx.session` along, and the ledger's row is
// written into the same transaction, right before its commit. What would happen outside of it is refused.
import { BSON, type Document } from 'mongodb';
import type { MigrationContext } from '../migration/kinds';
import { UserError } from '../protocol/errors';
import { DoorRefusal, type BeforeResult, type DoorCommand } from '../wire/door';
import type { ScriptFunction } from './script';

/** The command that writes the ledger's row. */
export interface LedgerCommand {
  database: string;
  command: Document;
}

const options = {
  readConcern: { level: 'snapshot' },
  writeConcern: { w: 'majority' },
  readPreference: 'primary',
} as const;

export class OneTransaction {
  /** Transactions whose row is written: their commit may be asked for again. */
  readonly #written = new Set<string>();

  /** @param ledgerRow is left out where there is no ledger (dry run). */
  constructor(private readonly ledgerRow: (() => Promise<LedgerCommand>) | undefined) {}

  /** Runs it again when the server asks for that, as the driver's `withTransaction` does. */
  wrap(work: ScriptFunction): ScriptFunction {
    return (db, client, ctx) =>
      client.withSession((session) =>
        session.withTransaction(async () => {
          await work(db, client, { ...ctx, ...withoutHelpers, session });
        }, options),
      );
  }

  async before(command: DoorCommand, ownClient: boolean): Promise<BeforeResult | void> {
    const { kind, name, inTransaction } = command;
    if (ownClient) return refuseOwnWrites(command);
    if (name === 'commitTransaction') return this.#writeRow(command);
    if (kind === 'write' ? inTransaction : kind !== 'catalogue') return;
    throw new DoorRefusal(
      kind === 'write'
        ? `This migration runs in one transaction (transaction: true), and this ${name} is outside of it. ` +
            'Pass { session: ctx.session } as an option (in Python session=ctx.session).'
        : `"${name}" cannot be part of a transaction. Put it into a migration of its own, without transaction: true.`,
      { code: 263, codeName: 'OperationNotSupportedInTransaction' },
    );
  }

  async #writeRow({ lsid, txnNumber, upstream }: DoorCommand): Promise<BeforeResult | void> {
    const key = JSON.stringify([lsid?.['id'], txnNumber]);
    if (!this.ledgerRow || this.#written.has(key)) return;
    const { database, command } = await this.ledgerRow();
    const reply = await upstream.send({ ...command, lsid, txnNumber, autocommit: false, $db: database });
    const errors = reply['writeErrors'] as Document[] | undefined;
    if (reply['ok'] !== 1) return { reply: BSON.serialize(reply) };
    if (errors?.[0]) return { reply: { ok: 0, ...errors[0] } };
    this.#written.add(key);
  }
}

/** Of a client that the script has opened by itself: its session is another one. */
function refuseOwnWrites({ kind, name }: DoorCommand): void {
  if (kind !== 'write' && kind !== 'catalogue') return;
  throw new DoorRefusal(
    `This migration runs in one transaction (transaction: true), and this ${name} comes from a client of its own, ` +
      'which cannot take part in it. Use the db that up is given, with { session: ctx.session }.',
    { code: 263, codeName: 'OperationNotSupportedInTransaction' },
  );
}

const refuse = (): never => {
  throw new UserError(
    'The helpers of ctx change documents in transactions of their own, so they cannot be used with transaction: true.',
  );
};
const withoutHelpers: Pick<MigrationContext, 'batch' | 'convert' | 'extract' | 'embed'> = {
  batch: refuse,
  convert: refuse,
  extract: refuse,
  embed: refuse,
};
