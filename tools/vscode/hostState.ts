// What the suite inside the extension host is told from outside: a file beside its bundle, since a server's address
// goes neither into arguments nor into the environment.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface HostState {
  /** A real replica set; every test uses a database of its own. */
  uri: string;
  /** The opened workspace: a fresh copy of samples/shop whose config names `uri`. */
  workspace: string;
  /** Where the suite writes its TierResult as JSON. */
  results: string;
  /** Only tests whose full title contains this. */
  grep?: string;
  /** A mongod and what it needs in its environment. */
  mongod: { path: string; env: Record<string, string> };
}

export const hostStateFile = 'state.json';

/** For tests in the extension host: their bundle lies beside the file. */
export function hostState(): HostState {
  return JSON.parse(readFileSync(join(__dirname, hostStateFile), 'utf8')) as HostState;
}
