// A write command of a script on a server without transactions: its parts one after the other.
import type { DoorCommand } from '../../wire/door';
import { idBatches } from './byFilter';
import { pinnedTo } from './changes';
import { createForWrite, type Keeper } from './keeper';
import { Answer, partsOf, positionsOf } from './progress';
import { isOk, numberIn, WriteSum } from './reply';
import { takeApart, type Statement, type WriteCommand, type WriteKind } from './statements';
import { writeUnprotected } from './unprotected';

export async function writeWithoutTransactions(
  keeper: Keeper,
  command: DoorCommand,
  kind: WriteKind,
): Promise<Uint8Array> {
  const write = takeApart(command, kind);
  const { database, collection } = write;
  const creates = kind === 'insert' || write.statements.some(({ upsert }) => upsert);
  if (creates && !(await keeper.namespaces.facts(database, collection)))
    await createForWrite(keeper, database, collection);
  return writeParts(keeper, command, write);
}

export async function writeParts(
  keeper: Keeper,
  command: DoorCommand,
  write: WriteCommand,
): Promise<Uint8Array> {
  const sum = new WriteSum();
  if (write.kind === 'update') sum.modified(0);
  try {
    for (const part of partsOf(write)) {
      if (!('statements' in part)) continue;
      for await (const statements of pieces(command, write, part.statements)) {
        await keeper.gate();
        const started = performance.now();
        const reply = await writeUnprotected(keeper, command, write, statements);
        if (!isOk(reply)) return reply;
        keeper.changed(command, numberIn(reply, 'n') ?? 0, performance.now() - started);
        sum.add(reply, positionsOf(statements));
        if (sum.failed && write.ordered) return sum.reply();
      }
    }
    return sum.reply();
  } catch (error) {
    if (error instanceof Answer) return error.reply;
    throw error;
  }
}

async function* pieces(
  command: DoorCommand,
  write: WriteCommand,
  statements: Statement[],
): AsyncGenerator<Statement[]> {
  const [only] = statements;
  let found = false;
  if (only?.many) {
    for await (const ids of idBatches(command.upstream, write, only)) {
      found = true;
      yield [pinnedTo(only, ids)];
    }
  }
  if (!found) yield statements;
}
