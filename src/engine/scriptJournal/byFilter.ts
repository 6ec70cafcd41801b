// An update or delete by a filter that means more documents than one transaction should hold: their `_id`s, batch after
// batch, each document once whatever the update does to it.
import type { UpstreamChannel } from '../../wire/door';
import { boolValue, document, element, idOf, intValue, objectValue, stringValue } from '../../transfer/raw';
import type { RawValue } from '../../transfer/raw';
import { Answer } from './progress';
import { batchOf, isOk, valueIn } from './reply';
import { lookups, type Statement, type WriteCommand } from './statements';
import { asBuffer } from './transaction';

const batchSize = 1000;
const ascending = objectValue(document([element('_id', intValue(1))]));

/** Sorted by `_id`, which no update changes, so that a document does not come twice. */
export async function* idBatches(
  upstream: UpstreamChannel,
  write: WriteCommand,
  statement: Statement,
): AsyncGenerator<RawValue[]> {
  const [lookup] = lookups([statement]);
  if (!lookup) return;
  const hint = valueIn(statement.raw, 'hint');
  const database = element('$db', stringValue(write.database));
  const first = document([
    element('find', stringValue(write.collection)),
    element('filter', objectValue(lookup.filter)),
    element('projection', ascending),
    element('sort', ascending),
    element('allowDiskUse', boolValue(true)),
    element('batchSize', intValue(batchSize)),
    ...(lookup.collation ? [element('collation', lookup.collation)] : []),
    ...(hint ? [element('hint', hint)] : []),
    ...(write.variables ? [element('let', write.variables)] : []),
    database,
  ]);
  for (let command = first; ;) {
    const reply = asBuffer(await upstream.sendRaw(command));
    if (!isOk(reply)) throw new Answer(reply);
    const { documents, cursor } = batchOf(reply);
    if (documents.length > 0) yield documents.map(idOf);
    if (!cursor) return;
    command = document([
      element('getMore', cursor),
      element('collection', stringValue(write.collection)),
      element('batchSize', intValue(batchSize)),
      database,
    ]);
  }
}
