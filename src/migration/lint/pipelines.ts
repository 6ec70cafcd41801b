// Aggregations that write: over what is there (L11), and what becomes of matches (L12).
import type { LintContext } from './finding';
import type { LintedMigration } from './migration';
import { objectOf, stringOf } from './names';
import type { Report, Rule } from './report';
import type { Stage } from './updates';
import { stagesOf } from './updates';

export const pipelineRules: Rule[] = [overwriting, merging];

function overwriting({ actions }: LintedMigration, report: Report, { collections }: LintContext): void {
  for (const { pipeline, collection } of actions) {
    for (const stage of stagesOf(pipeline)) {
      const target = targetOf(stage);
      if (target === undefined) continue;
      const isSource = target === collection;
      if (stage.name === '$out' && (isSource || collections?.includes(target))) {
        report(
          'L11',
          stage.key,
          isSource
            ? `\`$out\` puts the result in the place of "${target}" itself: what the pipeline leaves out is gone.`
            : `"${target}" is there already, and \`$out\` puts the result in its place.`,
          'Use `$merge`, or write to a new collection.',
          { severity: 'error' },
        );
      }
      if (stage.name === '$merge' && isSource) {
        report(
          'L11',
          stage.key,
          `\`$merge\` writes to "${target}" while the pipeline still reads it, and may meet its own results.`,
          'Use a transform with `update`, which changes each document once.',
        );
      }
    }
  }
}

function targetOf({ name, value }: Stage): string | undefined {
  if (name !== '$out' && name !== '$merge') return undefined;
  const literal = objectOf(value.node, value.env);
  if (!literal) return stringOf(value.node, value.env);
  const into = literal.properties.get('into');
  // Another database.
  if (literal.properties.has('db') || (into && objectOf(into.node, into.env))) return undefined;
  return stringOf(into?.node, value.env);
}

function merging(migration: LintedMigration, report: Report): void {
  const { actions, entry, object, env, nodeAt } = migration;
  for (const stage of actions.flatMap(({ pipeline }) => stagesOf(pipeline))) {
    if (stage.name !== '$merge') continue;
    const literal = objectOf(stage.value.node, stage.value.env);
    if (!literal && stringOf(stage.value.node, stage.value.env) === undefined) continue;
    if (literal && !literal.complete) continue;
    tellOpen(
      missing((key) => literal?.properties.has(key) ?? false),
      stage.key,
      report,
    );
  }
  const into = nodeAt('into');
  if (entry.kind !== 'pipeline' || !object.complete || !into || stringOf(into, env) === undefined) return;
  tellOpen(
    missing((key) => object.properties.has(key)),
    into,
    report,
  );
}

function missing(has: (key: string) => boolean): string[] {
  return ['whenMatched', 'whenNotMatched'].filter((key) => !has(key));
}

function tellOpen(keys: string[], where: Stage['key'], report: Report): void {
  // Whoever says what becomes of matches means the usual for the others: insert them.
  if (!keys.includes('whenMatched')) return;
  report(
    'L12',
    where,
    `What happens to documents that are there already, or are not, is left to defaults (${keys.map((key) => `\`${key}\``).join(', ')}).`,
    `Say it: \`whenMatched: 'replace'\`, \`whenNotMatched: 'insert'\`, or what is meant.`,
  );
}
