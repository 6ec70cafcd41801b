// The shape of a config: one schema that checks it, is held to its type (migratoryConfig.ts) and makes the JSON schema for editors
// (schemas/migratory.config.schema.json, held equal by a test).
import * as v from 'valibot';
import { type LintRuleId, lintRuleIds, lintRules } from '../migration/lint/rules';
import type { MigratoryConfig } from './migratoryConfig';

const text = (description: string) => v.pipe(v.string(), v.nonEmpty(), v.description(description));
const flag = (description: string) => v.pipe(v.boolean(), v.description(description));
const count = (least: number, description: string) =>
  v.pipe(v.number(), v.integer(), v.minValue(least), v.description(description));
const positive = (description: string) => v.pipe(v.number(), v.gtValue(0), v.description(description));

const connection = v.strictObject({
  uri: text('Connection string. Keep secrets out of the file with ${env:NAME}.'),
  database: v.optional(text('The database to migrate; without it the one that the connection string names.')),
  production: v.optional(flag('Asks for more care before anything runs here.')),
  readOnly: v.optional(flag('Nothing that writes can be started here.')),
});

const ruleLevel = (title: string) =>
  v.optional(v.pipe(v.picklist(['off', 'warn', 'error']), v.description(title)));

function ofEachRule(): Record<LintRuleId, ReturnType<typeof ruleLevel>> {
  const entries = lintRuleIds.map((id) => [id, ruleLevel(`${lintRules[id].title}.`)]);
  return Object.fromEntries(entries) as Record<LintRuleId, ReturnType<typeof ruleLevel>>;
}

export const configSchema = v.pipe(
  v.strictObject({
    $schema: v.optional(v.pipe(v.string(), v.description('For editors only.'))),
    migrationsDir: v.optional(
      v.pipe(
        v.union([text('A folder.'), v.pipe(v.array(text('A folder.')), v.nonEmpty())]),
        v.description(
          'Folder with the migrations, relative to the project, or several; new ones go into the first. Default: migrations.',
        ),
      ),
    ),
    recursive: v.optional(
      v.pipe(v.boolean(), v.description('Migrations in folders inside them too. Default: false.')),
    ),
    ledger: v.optional(text('Collection that remembers what was applied. Default: _migrations.')),
    connections: v.optional(
      v.pipe(
        v.record(v.pipe(v.string(), v.nonEmpty()), connection),
        v.description('Databases, by a name of your own.'),
      ),
    ),
    defaultConnection: v.optional(text('Name of the connection that is selected at the start.')),
    backup: v.optional(
      v.pipe(
        v.picklist(['journal', 'none']),
        v.description(
          'Whether what a migration changes is kept, so that it can be undone. Default: journal.',
        ),
      ),
    ),
    onFailure: v.optional(
      v.pipe(
        v.picklist(['rollback', 'keep']),
        v.description(
          'What a migration leaves that fails: rolled back as far as its journal reaches, or kept. Default: rollback.',
        ),
      ),
    ),
    onCancel: v.optional(
      v.pipe(
        v.picklist(['keep', 'rollback']),
        v.description(
          'What a migration leaves that is cancelled: kept, to be resumed, or rolled back like a failed one. Default: keep.',
        ),
      ),
    ),
    journalDays: v.optional(
      positive(
        'Journals of runs that ended longer ago are dropped by the next run. Default: kept until they are cleaned.',
      ),
    ),
    batchSize: v.optional(count(1, 'Most documents in one batch.')),
    maxErrors: v.optional(count(0, 'So many documents may go to quarantine before a run stops.')),
    throttle: v.optional(
      v.pipe(
        v.strictObject({
          docsPerSecond: v.optional(positive('Most documents in a second.')),
          maxLagSeconds: v.optional(positive('Waits while a secondary lags behind by more seconds.')),
          maxLatencyMs: v.optional(positive('Slows down while a batch takes more milliseconds.')),
        }),
        v.description('Limits that keep the database free for others.'),
      ),
    ),
    dryRun: v.optional(
      v.pipe(
        v.strictObject({
          sample: v.optional(
            v.pipe(
              v.union([v.literal('all'), v.pipe(v.number(), v.integer(), v.minValue(1))]),
              v.description('Documents of each collection that a dry run copies, or "all".'),
            ),
          ),
        }),
        v.description('How changes are rehearsed.'),
      ),
    ),
    python: v.optional(text('The Python that runs Python migrations.')),
    lint: v.optional(
      v.pipe(v.strictObject(ofEachRule()), v.description('Severities of lint rules, or "off".')),
    ),
  }),
  v.title('Config of Migratory'),
);

export type CheckedConfig = v.InferOutput<typeof configSchema>;

type Same<A, B> = [A, B] extends [B, A] ? true : never;
type Holds<T extends true> = T;
/** Does not compile when the schema and the type that authors see say different things. */
export type SchemaFitsType = Holds<Same<CheckedConfig, MigratoryConfig>>;
