// A write that names its one document: a single command changes it and hands it over as it was, where reading first
// takes one more. Only for statements whose outcome, and the count that the script gets, are known from that image.
import type { JournalEntry } from '../../transfer/journalPack';
import { BsonType, boolValue, document, element, elements, idOf, intValue, nameOf } from '../../transfer/raw';
import { objectValue, stringValue } from '../../transfer/raw';
import type { Changes } from './changes';
import { judge } from './failures';
import { isEmpty, isForeseeable, predict } from './predict';
import { documentIn, isOk, valueIn } from './reply';
import type { Statement, WriteCommand } from './statements';
import type { Transaction } from './transaction';

/** What a command and a statement may say; everything else is the command's own to do. */
const known = new Set(
  `update delete ordered bypassDocumentValidation comment maxTimeMS $clusterTime
  apiVersion apiStrict apiDeprecationErrors`.split(/\s+/),
);
const inStatement = new Set(['q', 'u', 'multi', 'upsert', 'limit', 'hint']);
/** Outcomes in a row that could not be told, or commands that the server did not take, before a collection is left. */
const mostMisses = 3;

export class Singles {
  readonly #misses = new Map<string, number>();

  suits(write: WriteCommand, statements: readonly Statement[]): boolean {
    const [only] = statements;
    if (!only || statements.length > 1 || write.kind === 'insert' || write.variables) return false;
    if (!only.id || only.many || only.upsert || only.special) return false;
    if ((this.#misses.get(nameOfCollection(write)) ?? 0) >= mostMisses) return false;
    return (
      write.parts.every((part) => known.has(nameOfElement(part))) &&
      namesIn(only.raw, inStatement) &&
      isCounted(write, only)
    );
  }

  /** @returns undefined where it has to be done in the other way; the transaction is of no more use then. */
  async change(
    transaction: Transaction,
    write: WriteCommand,
    statement: Statement,
  ): Promise<Changes | undefined> {
    const reply = await transaction.send(write.database, command(write, statement));
    // The words for a script whose write is refused are those of its own command.
    if (!isOk(reply)) return passing.has(judge(reply)) ? { reply } : this.#missed(write);
    const before = documentIn(reply, 'value');
    const entries = before ? entriesOf(write, statement, before) : [];
    if (!entries) return this.#missed(write);
    this.#misses.delete(nameOfCollection(write));
    const counts = [element('n', intValue(before ? 1 : 0))];
    if (write.kind === 'update') counts.push(element('nModified', intValue(entries.length)));
    const times = ['operationTime', '$clusterTime'].flatMap((name) => {
      const value = valueIn(reply, name);
      return value ? [element(name, value)] : [];
    });
    return { reply: document([...counts, ...times]), entries };
  }

  #missed(write: WriteCommand): undefined {
    const name = nameOfCollection(write);
    this.#misses.set(name, (this.#misses.get(name) ?? 0) + 1);
  }
}

const passing = new Set(['again', 'moved']);

function nameOfCollection({ database, collection }: WriteCommand): string {
  return `${database}.${collection}`;
}

function namesIn(raw: Buffer, allowed: ReadonlySet<string>): boolean {
  return elements(raw).every((item) => allowed.has(nameOf(raw, item)));
}

function nameOfElement(part: Buffer): string {
  return part.toString('latin1', 1, part.indexOf(0, 1));
}

/** Whether what the server counts as modified is just what changes its bytes. */
function isCounted({ kind }: WriteCommand, { raw }: Statement): boolean {
  if (kind === 'delete') return true;
  const u = valueIn(raw, 'u');
  if (u?.type !== BsonType.object) return false;
  const update = u.bytes as Buffer;
  // Sums of doubles may differ from their bytes: 0 and -0 are the same, NaN is not what it is.
  return elements(update).every((item) => {
    const name = nameOf(update, item);
    if (name !== '$inc') return !name.startsWith('$') || isForeseeable(name);
    if (item.type !== BsonType.object) return false;
    return elements(update, item.value).every(({ type }) => type === BsonType.int);
  });
}

function command({ kind, collection, parts }: WriteCommand, { raw, q }: Statement): Buffer[] {
  const kept = parts.filter((part) => {
    const name = nameOfElement(part);
    return name !== kind && name !== 'ordered';
  });
  const change =
    kind === 'delete' ? element('remove', boolValue(true)) : element('update', valueIn(raw, 'u')!);
  const hint = valueIn(raw, 'hint');
  return [
    element('findAndModify', stringValue(collection)),
    element('query', objectValue(q)),
    change,
    ...(hint ? [element('hint', hint)] : []),
    ...kept,
  ];
}

/** Undefined if the outcome cannot be told from the image. */
function entriesOf({ kind }: WriteCommand, { raw }: Statement, before: Buffer): JournalEntry[] | undefined {
  const id = idOf(before);
  if (kind === 'delete') return [{ id, before, patch: { kind: 'whole', after: undefined } }];
  const patch = predict(before, raw);
  if (!patch) return undefined;
  if (!isEmpty(patch)) return [{ id, before, patch }];
  // Whether a replacement by the same counts as a modification is for the server to say.
  return isReplacement(raw) ? undefined : [];
}

function isReplacement(statement: Buffer): boolean {
  const u = documentIn(statement, 'u');
  return u === undefined || u[5] !== 0x24;
}
