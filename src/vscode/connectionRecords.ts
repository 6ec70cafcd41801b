// What is remembered of connections, in versioned shapes: what another version wrote is recognised and left alone.
import { databaseInUri, describeTarget } from '../project/target';
import type { ConnectionTarget } from '../protocol/runner';
import { hostOf } from './target';

export interface ConnectionInfo {
  /** `config:NAME` or `own:UUID`. */
  id: string;
  name: string;
  origin: 'config' | 'own';
  host: string;
  database: string;
  /** `shop on localhost:27017`. */
  words: string;
  production: boolean;
  readOnly: boolean;
}

/** What is remembered of an own connection beside its secret. */
export interface OwnRecord {
  version: 1;
  id: string;
  name: string;
  host: string;
  database: string;
  production: boolean;
  readOnly: boolean;
}

/** What the form asks for. */
export interface ConnectionDraft {
  name: string;
  uri: string;
  database: string;
  production: boolean;
  readOnly: boolean;
}

/** @param database Instead of the one that the config names. */
export function ofConfig(target: ConnectionTarget, database?: string): ConnectionInfo {
  const used = database ?? (target.database || databaseInUri(target.uri));
  return {
    id: `config:${target.name}`,
    name: target.name,
    origin: 'config',
    host: hostOf(target.uri),
    database: used,
    words: describeTarget({ uri: target.uri, database: used }),
    production: target.production === true,
    readOnly: target.readOnly === true,
  };
}

export function recordOf(id: string, draft: ConnectionDraft): OwnRecord {
  const { name, database, production, readOnly } = draft;
  return { version: 1, id, name, host: hostOf(draft.uri), database, production, readOnly };
}

export function ofRecord(record: OwnRecord): ConnectionInfo {
  const { version: _version, ...shown } = record;
  return { ...shown, origin: 'own', words: `${record.database} on ${record.host}` };
}

export function isOwnRecord(value: unknown): value is OwnRecord {
  if (typeof value !== 'object' || value === null) return false;
  const record = value as Partial<Record<keyof OwnRecord, unknown>>;
  return (
    record.version === 1 &&
    [record.id, record.name, record.host, record.database].every((text) => typeof text === 'string')
  );
}

export function secretOf(uri: string): string {
  return JSON.stringify({ version: 1, uri: uri.trim() });
}

export function uriInSecret(secret: string | undefined): string | undefined {
  if (secret === undefined) return undefined;
  try {
    const { uri } = JSON.parse(secret) as { uri?: unknown };
    return typeof uri === 'string' ? uri : undefined;
  } catch {
    return undefined;
  }
}
