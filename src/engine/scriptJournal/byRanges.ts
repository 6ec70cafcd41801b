// An update or delete by a filter that means many documents: the kernel's pump with ranges of its collection, each in a
// short transaction that holds the change and its journal. A range is done once, and whoever undoes the script finds it
// among the script's other rows, so there are no checkpoints, and nothing to resume or to sweep.
import { emptyTally, type Tally } from '../../transfer/checkpoints';
import type { WriteFailure } from '../../transfer/command';
import { Pump } from '../../transfer/pump';
import { halves, RangeSizer, type Piece, type Range } from '../../transfer/ranges';
import { arrayValue, document, element, intValue, objectValue, stringValue } from '../../transfer/raw';
import { defaultLanes } from '../../transfer/sessions';
import { Throttle } from '../../transfer/throttle';
import type { DoorCommand } from '../../wire/door';
import { KeptByServer } from './keptByServer';
import type { Keeper } from './keeper';
import { feedOf } from './pieces';
import { RangeChange, Refused } from './rangeChange';
import { numberIn, valueIn } from './reply';
import type { Statement, WriteCommand } from './statements';

const mostDocuments = 2500;

/** Whether the statement means the same for each of its documents alone: everything else goes `_id` by `_id`. */
export function suitsRanges({ kind, parts, variables }: WriteCommand, { raw, special }: Statement): boolean {
  if (kind === 'insert' || special || variables) return false;
  if (['hint', 'collation', 'c', 'constants', 'sort'].some((name) => valueIn(raw, name))) return false;
  return numberIn(document([...parts]), 'bypassDocumentValidation') !== 1;
}

/** @returns the reply to a command with this statement alone. */
export async function changeByRanges(
  keeper: Keeper,
  command: DoorCommand,
  write: WriteCommand,
  statement: Statement,
): Promise<Buffer> {
  const collection = keeper.client.db(write.database).collection(write.collection);
  const sizer = new RangeSizer({ first: 1000, documents: mostDocuments });
  const parts = { keeper, collection, write, statement, sizer };
  let server: KeptByServer | undefined;
  const most = () => keeper.options.mostAtOnce();
  const size = () => Math.min(server?.size ?? sizer.size, most());
  const [sessions, kept, feed] = await Promise.all([
    keeper.borrow(defaultLanes),
    KeptByServer.of(parts, defaultLanes),
    feedOf(collection, command.upstream, { write, statement, size, most }),
  ]);
  server = kept;
  const change = new RangeChange(parts, server);
  const sums = emptyTally();
  const pump = new Pump({
    context: {
      ...keeper.options.context(),
      gate: () => keeper.gate(),
      monitor: { batch: ({ count, ms }) => keeper.changed(command, count, ms) },
    },
    sessions,
    // The gate of scripts holds it back, beside everything else that the script sends.
    throttle: new Throttle(collection.db, undefined, undefined, keeper.signal),
    sizer,
    work: (attempt) => change.work(attempt),
    around: server,
    halve: async (range) => halvesOfList(range) ?? halves(collection, range),
    collection: write.collection,
    onError: 'stop',
    maxErrors: 0,
    sums,
  });
  try {
    await pump.run(feed);
    return replyOf(write, sums);
  } catch (error) {
    if (error instanceof Refused) return replyOf(write, sums, error.failure);
    throw error;
  } finally {
    keeper.giveBack(sessions);
  }
}

function halvesOfList({ ids }: Range): Piece[] | undefined {
  if (!ids || ids.length < 2) return undefined;
  const half = ids.length >> 1;
  return [{ ids: ids.slice(0, half) }, { ids: ids.slice(half) }];
}

function replyOf({ kind }: WriteCommand, { scanned, processed }: Tally, failure?: WriteFailure): Buffer {
  const parts = [element('n', intValue(scanned))];
  if (kind === 'update') parts.push(element('nModified', intValue(processed)));
  if (failure) {
    const about = [
      element('index', intValue(0)),
      element('code', intValue(failure.code)),
      element('errmsg', stringValue(failure.message)),
    ];
    parts.push(element('writeErrors', arrayValue([objectValue(document(about))])));
  }
  return document(parts);
}
