// Starts a change of the corpus, looks at every byte, takes it back, and does the same again.
import assert from 'node:assert/strict';
import { corpus, corpusOfIds, type CorpusDocument } from '../../support/corpus';
import { insertRaw } from '../../support/rawInsert';
import type { TestServer } from '../../support/server';
import { assertSame, Stage } from '../harness/stage';
import { type Change, type On, source, withField } from './changes';

/** The ids of both parts differ. */
const everything: readonly CorpusDocument[] = [...corpus, ...corpusOfIds];

export async function goThrough(
  server: TestServer,
  on: On,
  change: Change,
  documents: readonly CorpusDocument[] = everything,
): Promise<void> {
  const fit = documents.filter((document) => !change.refuses?.(document, on));
  const stage = await Stage.open(server, change.migrations(), { prefix: 'corpus' });
  try {
    await insertRaw(
      stage.db,
      source,
      fit.map(({ bytes }) => bytes),
    );
    const beginning = await stage.state();
    await stage.succeed({ mode: 'up' });
    const applied = await stage.state();
    if (change.leaves === 'one more field') {
      const expected = { ...beginning[source]!, documents: beginning[source]!.documents.map(withField) };
      const changed = change.into ?? source;
      assertSame({ [changed]: applied[changed]! }, { [changed]: expected }, 'after the change');
    }
    if (change.into !== undefined)
      assertSame({ [source]: applied[source]! }, { [source]: beginning[source]! }, 'the source');
    await stage.down();
    assertSame(await stage.state(), beginning, 'after the way back');

    await stage.succeed({ mode: 'up' });
    if (change.leaves !== 'what the driver makes of it')
      assertSame(await stage.state(), applied, 'after the second change');
    await stage.down();
    assertSame(await stage.state(), beginning, 'after the second way back');
    assert.deepEqual(await stage.leftovers(), []);
  } finally {
    await stage.close();
  }
}
