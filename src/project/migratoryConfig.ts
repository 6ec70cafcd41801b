// What authors of a config see as its type. Written by hand, so that it needs nothing but this package; the schema
// is held to it where it is made (schema.ts).
/** The ids of the lint rules (docs/lint). */
export type LintRuleName =
  | 'L0'
  | 'L1'
  | 'L2'
  | 'L3'
  | 'L4'
  | 'L5'
  | 'L6'
  | 'L7'
  | 'L8'
  | 'L9'
  | 'L10'
  | 'L11'
  | 'L12'
  | 'L13'
  | 'L14'
  | 'L15'
  | 'L16'
  | 'L17'
  | 'L18'
  | 'L19'
  | 'L20'
  | 'L21'
  | 'L22'
  | 'L23'
  | 'L24'
  | 'L25'
  | 'L26';

/** A config of Migratory; every key has a default. */
export interface MigratoryConfig {
  /** For editors only. */
  $schema?: string;
  /** Folder with the migrations, relative to the project, or several; new ones go into the first. Default: `migrations`. */
  migrationsDir?: string | string[];
  /** Migrations in folders inside them too, all together in the order of their files' names. Default: false. */
  recursive?: boolean;
  /** Collection that remembers what was applied. Default: `_migrations`. */
  ledger?: string;
  /** Databases, by a name of your own. */
  connections?: Record<string, ConnectionConfig>;
  /** Name of the connection that is selected at the start. */
  defaultConnection?: string;
  /** Whether what a migration changes is kept, so that it can be undone. Default: `journal`. */
  backup?: 'journal' | 'none';
  /** What a migration leaves that fails: rolled back as far as its journal reaches, or kept. Default: `rollback`. */
  onFailure?: 'rollback' | 'keep';
  /** What a migration leaves that is cancelled: kept, to be resumed, or rolled back like a failed one. Default: `keep`. */
  onCancel?: 'keep' | 'rollback';
  /** Most documents in one batch. */
  batchSize?: number;
  /** So many documents may go to quarantine before a run stops. */
  maxErrors?: number;
  /** Journals of runs that ended longer ago are dropped by the next run. Default: kept until they are cleaned. */
  journalDays?: number;
  /** Limits that keep the database free for others. */
  throttle?: {
    /** Most documents in a second. */
    docsPerSecond?: number;
    /** Waits while a secondary lags behind by more seconds. */
    maxLagSeconds?: number;
    /** Slows down while a batch takes more milliseconds. */
    maxLatencyMs?: number;
  };
  /** How changes are rehearsed. */
  dryRun?: {
    /** Documents of each collection that a dry run copies, or `all`. */
    sample?: number | 'all';
  };
  /** The Python that runs Python migrations. */
  python?: string;
  /** Severities of lint rules, or `off`: `{ L7: 'off' }`. */
  lint?: { [rule in LintRuleName]?: 'off' | 'warn' | 'error' };
}

export interface ConnectionConfig {
  /** Connection string. Keep secrets out of the file with `${env:NAME}`. */
  uri: string;
  /** The database to migrate; without it the one that the connection string names. */
  database?: string;
  /** Asks for more care before anything runs here. */
  production?: boolean;
  /** Nothing that writes can be started here. */
  readOnly?: boolean;
}
