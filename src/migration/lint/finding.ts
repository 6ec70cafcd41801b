// What lint finds, what it is told beside the text, and how a finding can be mended.
import type { LintLevels, LintRuleId, LintSeverity } from './rules';

export interface Finding {
  rule: LintRuleId;
  /** A hint is about the comments of lint itself, and never counts against a file. */
  severity: LintSeverity | 'hint';
  /** What is wrong, one sentence. */
  message: string;
  /** What to do about it, one sentence. */
  action: string;
  /** Offsets (UTF-16 units) in the text. */
  start: number;
  end: number;
  /** The best fix first. */
  fixes: Fix[];
  /** Position of its migration in the file's array; undefined when the whole file is meant. */
  index?: number;
  /** What a database can answer; whoever has one may drop the finding or say more. */
  question?: DuplicatesQuestion;
}

/** Whether documents of a collection have equal values in these fields. */
export interface DuplicatesQuestion {
  type: 'duplicates';
  collection: string;
  fields: string[];
}

export type FixKind =
  | 'add-down'
  | 'mark-irreversible'
  | 'add-filter'
  | 'use-batch'
  | 'add-await'
  | 'suppress'
  | 'add-reason'
  | 'drop-suppression';

export interface Fix {
  kind: FixKind;
  edits: Edit[];
}

export interface Edit {
  start: number;
  end: number;
  text: string;
  /** The part of `text` that the author has to fill in. */
  placeholder?: string;
}

/** What is known beside the text. Everything is optional: a rule that needs what is not known finds nothing. */
export interface LintContext {
  levels?: LintLevels;
  /** `6.0.27`, of the server that the migration is meant for. */
  serverVersion?: string;
  /** The database that the migration is meant for. */
  database?: string;
  /** Collections that the database has. */
  collections?: readonly string[];
  /** `$jsonSchema` of collections, by their names. */
  schemas?: Readonly<Record<string, unknown>>;
  /** Names of migrations whose file was edited since they were applied. */
  changed?: ReadonlySet<string>;
  /** Names that are pending although later ones are applied. */
  outOfOrder?: ReadonlySet<string>;
  /** Names that another migration of the folder has too. */
  duplicates?: ReadonlySet<string>;
  /** Names of all files of the folder. */
  files?: readonly string[];
}
